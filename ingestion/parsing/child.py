"""The process that touches hostile bytes: ``main`` is called with a request (JSON) in a process of its own.

It fences itself in, does one thing, leaves ``result`` or ``error.json`` in its folder and ends. Progress goes
to standard output as lines ``DONE TOTAL``. Nothing heavy is imported before it is known to be needed.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from ingestion.parsing._confine import confine
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.limits import Limits

RESULT = "result"
ERROR = "error.json"

_PROGRESS_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """What the parent asks for."""

    action: str
    path: Path
    name: str
    folder: Path
    limits: Limits
    media_type: str
    page: int
    width_px: int
    program: str
    language: str
    ocr_engine: str

    @classmethod
    def from_json(cls, data: str) -> Request:
        """Read what the sandbox wrote."""
        raw = json.loads(data)
        limits = Limits.from_json(json.dumps(raw.pop("limits")))
        return cls(path=Path(raw.pop("path")), folder=Path(raw.pop("folder")), limits=limits, **raw)


Work = Callable[[Request, Callable[[int, int], None]], bytes]


class _ProgressLines:
    """Writes progress to the parent, a few times a second at most."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + _PROGRESS_SECONDS
            self._stream.write(b"%d %d\n" % (done, total))
            self._stream.flush()


def serve(work: Work, argument: str) -> int:
    """Fence the process in, run the work on the request, and return the exit status."""
    request = Request.from_json(argument)
    # Libraries print to standard output when they please; the channel of the protocol is a copy of it.
    progress = _ProgressLines(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    confine(request.limits, folder=request.folder, document=request.path, program=request.program or None)
    try:
        _leave(request, work(request, progress))
    except ParseError as error:
        return _report(request, error)
    except MemoryError:
        return _report(request, _out_of_memory(request))
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return _report(request, _out_of_memory(request))
        if error.errno == errno.EFBIG:
            text = f"{request.name} makes more output than is stored. Split it into smaller files."
            return _report(request, ParseError(Reason.TOO_MUCH_OUTPUT, text))
        raise
    return 0


def _leave(request: Request, result: bytes) -> None:
    if len(result) > request.limits.output_bytes:
        raise OSError(errno.EFBIG, "the result")
    (request.folder / RESULT).write_bytes(result)


def _out_of_memory(request: Request) -> ParseError:
    text = f"{request.name} needs more memory than one file may use. Split it into smaller files."
    return ParseError(Reason.OUT_OF_MEMORY, text)


def _report(request: Request, error: ParseError) -> int:
    fields = {"reason": error.reason, "message": error.message, "permanent": error.permanent}
    (request.folder / ERROR).write_text(json.dumps(fields), encoding="utf-8")
    return 0


def _work(request: Request, progress: Callable[[int, int], None]) -> bytes:
    return _render(request) if request.action == "render" else _parse(request, progress)


def _parse(request: Request, progress: Callable[[int, int], None]) -> bytes:
    from ingestion.parsing._checks import check_before_parsing
    from ingestion.parsing._ocr import Ocr
    from ingestion.parsing.parsers import parser_for

    parser = parser_for(request.media_type, Ocr(request.language, request.ocr_engine, request.program))
    warnings = check_before_parsing(
        request.path, name=request.name, media_type=request.media_type, limits=request.limits
    )
    document = parser.parse(
        request.path,
        name=request.name,
        media_type=request.media_type,
        limits=request.limits,
        on_progress=progress,
    )
    return replace(document, warnings=(*warnings, *document.warnings)).to_json().encode("utf-8")


def _render(request: Request) -> bytes:
    from ingestion.parsing import detect
    from ingestion.parsing._checks import check_before_parsing
    from ingestion.parsing._pdf_render import render

    path, media_type = request.path, detect.detect_media_type(request.path, name="")
    if media_type in detect.PICTURES:
        from ingestion.parsing.picture import as_pdf

        check_before_parsing(path, name=request.name, media_type=media_type, limits=request.limits)
        path = as_pdf(path, name=request.name, pages=request.page)
    return render(path, name=request.name, page=request.page, width_px=request.width_px)


def main(argument: str) -> int:
    """Do what the request says and return the exit status."""
    return serve(_work, argument)
