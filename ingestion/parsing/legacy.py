"""Older office formats: LibreOffice, where it is installed, turns them into what the other parsers read."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.parsing import detect
from ingestion.parsing._checks import check_before_parsing
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.parsers import office_path, parser_for

if TYPE_CHECKING:
    from ingestion.parsing.document import ParsedDocument
    from ingestion.parsing.limits import Limits
    from ingestion.parsing.parsers import Progress

# What a type is turned into, and the ending that LibreOffice knows that type by.
_INTO = {
    detect.DOC: (detect.DOCX, "docx"),
    detect.PPT: (detect.PPTX, "pptx"),
    detect.ODP: (detect.PPTX, "pptx"),
    detect.ODS: (detect.XLSX, "xlsx"),
}
_RESTART = 81  # a new profile makes it ask to be started again, which its start script would do
_STARTS = 3
_QUIET = ("--headless", "--norestore", "--nologo", "--nolockcheck", "--nodefault")


class LegacyParser:
    """Reads Word 97, PowerPoint 97 and OpenDocument sheets and slides through LibreOffice."""

    name = "legacy"
    version = "1"
    media_types = frozenset(_INTO)

    def parse(
        self, path: Path, *, name: str, media_type: str, limits: Limits, on_progress: Progress
    ) -> ParsedDocument:
        """Return the document; raises ParseError, unsupported_type where LibreOffice is missing."""
        target_type, ending = _INTO[media_type]
        program = office_path()
        if not program:
            message = (
                f"{name} is {detect.SUPPORTED[media_type].label}, which takes LibreOffice to read; it is not "
                f"installed here. Save it as .{ending} and upload that, or ask your admin for LibreOffice."
            )
            raise ParseError(Reason.UNSUPPORTED_TYPE, message)
        source = Path(tempfile.gettempdir()) / f"source{detect.SUPPORTED[media_type].extensions[0]}"
        shutil.copyfile(path, source)
        target = _convert(program, source, ending, name)
        check_before_parsing(target, name=target.name, media_type=target_type, limits=limits)
        parsed = parser_for(target_type).parse(
            target, name=name, media_type=target_type, limits=limits, on_progress=on_progress
        )
        return replace(parsed, media_type=media_type)


def _convert(program: str, source: Path, ending: str, name: str) -> Path:
    """Return the converted file. The profile is thrown away, so no macro or setting of it lives on."""
    folder, status = source.parent, _RESTART
    for start in range(_STARTS):
        if status == _RESTART:
            profile = folder / f"office{start}"
            # Each start has a socket by the name of its profile, which it may make here and not remove.
            with contextlib.suppress(FileNotFoundError):
                (folder / f"office{start - 1}").rename(profile)
            installation = f"-env:UserInstallation=file://{profile}"
            command = [program, *_QUIET, installation, "--convert-to", ending, "--outdir", str(folder)]
            done = subprocess.run([*command, str(source)], capture_output=True, check=False)  # noqa: S603 - fixed program
            status = done.returncode
    target = source.with_suffix(f".{ending}")
    if status or not target.is_file():
        message = f"{name} is damaged or is not what its name says. Save it as .{ending} and upload that."
        raise ParseError(Reason.DAMAGED, message)
    return target


PARSER = LegacyParser()
