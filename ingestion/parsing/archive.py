"""ZIP archives: a list of what is in them as the text, and each file handed on as a document of its own."""

from __future__ import annotations

import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._builder import DocumentBuilder, title_from_name
from ingestion.parsing._unpack import Unpacked
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

_PIECE = 1 << 20
# What file managers add, and nobody looks for.
_CLUTTER = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")


class ArchiveParser:
    """Unpacks one level; an archive in an archive is a document that is unpacked in its own turn."""

    name = "archive"
    version = "1"
    media_types = frozenset({detect.ZIP})

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the list of files; raises ParseError (too_large, encrypted, damaged or no_text)."""
        builder, unpacked = DocumentBuilder(), Unpacked(name=name, limits=limits)
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, unpacked, builder, limits, on_progress)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno:
                raise  # of this machine, and not of the archive
            message = f"{name} is damaged or packed in a way that is not known. Pack it anew as plain ZIP."
            raise ParseError(Reason.DAMAGED, message) from error
        if not unpacked.found:
            raise ParseError(Reason.NO_TEXT, f"{name} holds no files. Upload an archive that has some.")
        builder.attachments = unpacked.found
        _list(builder, name)
        return builder.finish(
            name=name, title="", media_type=media_type, parser=self.name, parser_version=self.version
        )


def _unpack(
    archive: zipfile.ZipFile,
    unpacked: Unpacked,
    builder: DocumentBuilder,
    limits: Limits,
    on_progress: Progress,
) -> None:
    entries = [entry for entry in archive.infolist() if not _is_clutter(entry)]
    _check(entries, archive, limits)
    for done, entry in enumerate(entries, 1):
        if stat.S_ISLNK(entry.external_attr >> 16):
            builder.warnings.append(f"{entry.filename[:80]} is a link to another file and was left out")
        else:
            unpacked.add(entry.filename, _pieces(archive, entry))
        on_progress(done, len(entries))


def _check(entries: list[zipfile.ZipInfo], archive: zipfile.ZipFile, limits: Limits) -> None:
    """Refuse by what the archive claims, before a byte is unpacked."""
    name = "The archive"
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    dense = total > _PIECE * 32 and total > limits.zip_ratio * max(1, packed)
    if len(entries) > limits.attachments or total > limits.attachment_bytes or dense:
        message = (
            f"{name} unpacks to {total >> 20} MiB in {len(entries)} files, more than is read safely. "
            "Split it, or upload the files in it."
        )
        raise ParseError(Reason.TOO_LARGE, message)
    if any(entry.flag_bits & 1 for entry in entries):
        message = f"{name} is protected with a password. Remove the protection and upload it again."
        raise ParseError(Reason.ENCRYPTED, message)


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.lower()
    return entry.is_dir() or name.startswith(_CLUTTER[0]) or name.rsplit("/", 1)[-1] in _CLUTTER[1:]


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as part:
        while piece := part.read(_PIECE):
            yield piece


def _list(builder: DocumentBuilder, name: str) -> None:
    count = len(builder.attachments)
    builder.add("heading", f"Files in {title_from_name(name)}", level=1)
    builder.add("paragraph", f"This archive holds {count} file{'' if count == 1 else 's'}:")
    for one in builder.attachments:
        builder.add("list_item", one.name)


PARSER = ArchiveParser()
