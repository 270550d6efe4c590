"""Files inside of files: written into the parser's own folder, counted, and named for people."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ingestion.parsing._text import one_line
from ingestion.parsing.document import Attachment
from ingestion.parsing.errors import ParseError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingestion.parsing.limits import Limits

_MAX_NAME = 200
_FOLDER = "inside"


class Unpacked:
    """Collects the files in a file. Their names never become paths: on disk they are numbers."""

    def __init__(self, *, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._folder = Path(tempfile.gettempdir()) / _FOLDER
        self._total = 0
        self.found: list[Attachment] = []

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Keep one file, unless it is empty; raises ParseError(too_large) beyond the limits."""
        if len(self.found) >= self._limits.attachments:
            self._refuse(f"holds over {self._limits.attachments} files")
        self._folder.mkdir(exist_ok=True)
        file = f"{_FOLDER}/{len(self.found)}"
        size = self._write(self._folder / str(len(self.found)), pieces)
        if size:
            self.found.append(Attachment(self._free_name(name), file, size))

    def _write(self, path: Path, pieces: Iterable[bytes]) -> int:
        size = 0
        with path.open("wb") as output:
            for piece in pieces:
                size += len(piece)
                if self._total + size > self._limits.attachment_bytes or size > self._limits.file_bytes:
                    self._refuse("holds files that are larger")
                output.write(piece)
        self._total += size
        return size

    def _refuse(self, what: str) -> None:
        message = f"{self._name} {what} than is unpacked safely. Split it, or upload the files in it."
        raise ParseError(Reason.TOO_LARGE, message)

    def _free_name(self, name: str) -> str:
        """Return a name that no other file here has, whatever case it is written in."""
        taken = {one.name.casefold() for one in self.found}
        path = PurePosixPath(safe_name(name))
        free, number = str(path), 1
        while free.casefold() in taken:
            number += 1
            free = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        return free


def safe_name(name: str) -> str:
    """Return a relative name with slashes: no drive, no ``..``, nothing invisible, not too long."""
    shown = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
    parts = [one_line(part) for part in shown.replace("\\", "/").split("/")]
    kept = [part for part in parts if part not in {"", ".", ".."} and not part.endswith(":")]
    if not kept:
        return "Unnamed file"
    while len(kept) > 1 and len("/".join(kept)) > _MAX_NAME:
        kept = kept[1:]
    last = PurePosixPath(kept[-1])
    kept[-1] = kept[-1] if len(kept[-1]) <= _MAX_NAME else last.stem[: _MAX_NAME - 20] + last.suffix[:20]
    return "/".join(kept)
