"""Runs parsers in a child process that may hang, crash, flood or eat memory without harm to its parent."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO

from ingestion.parsing._forking import Order
from ingestion.parsing._ocr import Ocr
from ingestion.parsing._supervise import Ending, How, run_bounded
from ingestion.parsing.child import ERROR, RESULT
from ingestion.parsing.detect import OFFICE_TYPES, detect_media_type, display_name
from ingestion.parsing.document import Attachment, ParsedDocument
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.limits import Limits

__all__ = ["Limits", "parse_file", "render_page"]

_CHILD = "ingestion.parsing.child"
_PREFIX = "cited-parse-"
_RENDER_SECONDS = 20
_MAX_RENDER_PX = 4000

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
OnAttachment = Callable[[Attachment, IO[bytes]], None]


def parse_file(
    path: Path,
    *,
    name: str,
    language: str = "en",
    ocr_engine: str = "auto",
    limits: Limits | None = None,
    on_progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_attachment: OnAttachment | None = None,
) -> ParsedDocument:
    """Return the document in a file; every way of failing is a ParseError.

    ``name`` is the name as uploaded: it tells text formats apart and stands in messages, and is never opened.
    ``language`` (ISO 639-1) and ``ocr_engine`` (auto, rapidocr, tesseract): how pages without text are read.
    ``on_progress`` gets (parts done, parts in all); ``cancelled`` is asked a few times a second.
    ``on_attachment`` gets each file in the file and its bytes; they are gone when this returns.
    """
    limits = limits or Limits()
    shown = display_name(name)
    size = path.stat().st_size
    if size > limits.file_bytes:
        message = f"{shown} has {size >> 20} MiB; at most {limits.file_bytes >> 20} MiB are read."
        raise ParseError(Reason.TOO_LARGE, message)
    media_type = detect_media_type(path, name=name)
    request: dict[str, str | int] = {
        "action": "parse",
        "path": str(path.resolve()),
        "name": shown,
        "media_type": media_type,
        "language": language,
        "ocr_engine": ocr_engine,
    }
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        result = _run(
            _CHILD,
            request,
            folder=Path(folder),
            limits=limits,
            on_progress=on_progress,
            cancelled=cancelled,
        )
        try:
            document = ParsedDocument.from_json(result)
            _hand_over(document, Path(folder), on_attachment)
        except (ValueError, KeyError, TypeError) as error:
            message = f"The reader of {shown} left a result that is not whole."
            raise ParseError(Reason.CRASHED, message) from error
    return document


def _hand_over(document: ParsedDocument, folder: Path, on_attachment: OnAttachment | None) -> None:
    """Give the attachments out. The child may lie about them: only plain files of its folder are opened."""
    if on_attachment is None:
        return
    for one in document.attachments:
        path = folder / one.file
        if path.resolve().parent != folder.resolve() / "inside" or path.is_symlink() or not path.is_file():
            raise ValueError(one.file)
        with path.open("rb") as content:
            on_attachment(one, content)


def render_page(path: Path, *, page: int, width_px: int, limits: Limits | None = None) -> bytes:
    """Return page ``page`` (from 1) of a PDF as WebP, ``width_px`` wide; raises ParseError."""
    limits = limits or Limits(cpu_seconds=_RENDER_SECONDS, wall_seconds=_RENDER_SECONDS)
    width_px = max(16, min(width_px, _MAX_RENDER_PX))
    request: dict[str, str | int] = {"action": "render", "path": str(path.resolve()), "name": "The document"}
    return run_in_sandbox(_CHILD, {**request, "page": page, "width_px": width_px}, limits=limits)


def run_in_sandbox(
    module: str,
    request: dict[str, str | int],
    *,
    limits: Limits,
    on_progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> bytes:
    """Run a module's ``main`` on a request in a process, group and folder of its own; return its result.

    Raises ParseError with the reason for every other end. The folder and the group are gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        return _run(
            module,
            request,
            folder=Path(folder),
            limits=limits,
            on_progress=on_progress,
            cancelled=cancelled,
        )


def _run(
    module: str,
    request: dict[str, str | int],
    *,
    folder: Path,
    limits: Limits,
    on_progress: Progress | None,
    cancelled: Cancelled | None,
) -> bytes:
    argument = json.dumps(
        {"media_type": "", "page": 0, "width_px": 0, "language": "", "ocr_engine": ""}
        | {"program": _program(request)}
        | request
        | {"folder": str(folder), "limits": asdict(limits)}
    )
    ending = run_bounded(
        Order(module=module, argument=argument, folder=str(folder), name=str(request["name"])),
        limits=limits,
        on_progress=on_progress or (lambda _done, _total: None),
        cancelled=cancelled or (lambda: False),
    )
    if str(request.get("media_type")) in OFFICE_TYPES:
        _remove_office_sockets()
    return _result(folder, ending, str(request["name"]), limits)


def _remove_office_sockets() -> None:
    """Remove the sockets that LibreOffice made beside its folder; it may not remove them itself."""
    for left in Path("/tmp").glob("OSL_PIPE_*SingleOfficeIPC_*"):  # noqa: S108 - its choice
        with contextlib.suppress(OSError):  # of somebody else
            left.unlink()


def _program(request: dict[str, str | int]) -> str:
    """Return the one program that the child may start, if its file needs it."""
    from ingestion.parsing.parsers import program_for

    ocr = Ocr(str(request.get("language", "")), str(request.get("ocr_engine", "")))
    return program_for(str(request.get("media_type", "")), ocr)


def _result(folder: Path, ending: Ending, name: str, limits: Limits) -> bytes:
    error, result = folder / ERROR, folder / RESULT
    if ending.how is How.ENDED and ending.status == 0:
        if error.is_file() and error.stat().st_size < 64 << 10:
            fields = json.loads(error.read_bytes())
            raise ParseError(Reason(fields["reason"]), fields["message"], permanent=fields["permanent"])
        if result.is_file() and result.stat().st_size <= limits.output_bytes:
            return result.read_bytes()
    reason = _reason(ending)
    raise ParseError(reason, _MESSAGES[reason].format(name=name))


def _reason(ending: Ending) -> Reason:
    if ending.how is not How.ENDED:
        return Reason(ending.how.value)
    if ending.ran_out_of_time:
        return Reason.TIMED_OUT
    if ending.ran_out_of_memory:
        return Reason.OUT_OF_MEMORY
    return Reason.TOO_MUCH_OUTPUT if ending.wrote_too_much else Reason.CRASHED


_MESSAGES = {
    Reason.TIMED_OUT: "Reading {name} took too long and was stopped. Split it into smaller files, or retry.",
    Reason.OUT_OF_MEMORY: "{name} needs more memory than one file may use. Split it into smaller files.",
    Reason.CRASHED: "The reader stopped in the middle of {name}. Retry, or save the file anew and upload it.",
    Reason.TOO_MUCH_OUTPUT: "{name} makes more output than is stored. Split it into smaller files.",
    Reason.CANCELLED: "Reading {name} was cancelled.",
}
