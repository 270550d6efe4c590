"""Children that hang, crash, flood or eat memory cost one typed error, in seconds."""

import io
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # ships no types

from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.limits import Limits
from ingestion.parsing.sandbox import parse_file, render_page, run_in_sandbox

SMALL = Limits(
    cpu_seconds=2, wall_seconds=5, memory_bytes=300 << 20, output_bytes=1 << 20, temp_bytes=64 << 20
)


def poison(action: str, limits: Limits = SMALL) -> bytes:
    request: dict[str, str | int] = {"action": action, "path": "/dev/null", "name": "a.pdf"}
    return run_in_sandbox("tests.ingestion.parsing.poison", request, limits=limits)


def make_pdf(path: Path, pages: int = 2) -> Path:
    canvas = Canvas(str(path))
    for number in range(1, pages + 1):
        canvas.drawString(72, 700, f"This is the text of page {'one' if number == 1 else 'two'}.")
        canvas.showPage()
    canvas.save()
    return path


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("segfault", Reason.CRASHED),
        ("exit", Reason.CRASHED),
        ("spin", Reason.TIMED_OUT),
        ("eat_memory", Reason.OUT_OF_MEMORY),
        ("flood", Reason.TOO_MUCH_OUTPUT),
        ("big_file", Reason.TOO_MUCH_OUTPUT),
        ("connect", Reason.CRASHED),
        ("connect_natively", Reason.CRASHED),
        ("read_natively", Reason.CRASHED),
        ("fork_natively", Reason.CRASHED),
        ("fill_disk", Reason.TOO_MUCH_OUTPUT),
        ("write_outside", Reason.CRASHED),
        ("run_program", Reason.CRASHED),
    ],
)
def test_every_way_of_dying_has_its_reason(action: str, reason: Reason) -> None:
    with pytest.raises(ParseError) as caught:
        poison(action)
    assert caught.value.reason == reason
    assert not caught.value.permanent
    assert "a.pdf" in caught.value.message
    assert not Path("/tmp/cited-poison-was-here").exists()  # noqa: S108 - the file that must not be there


def test_a_sleeping_child_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(ParseError) as caught:
        poison("sleep", Limits(wall_seconds=1))
    assert caught.value.reason == Reason.TIMED_OUT
    assert time.monotonic() - began < 20


def test_a_grandchild_does_not_outlive_the_run() -> None:
    with pytest.raises(ParseError):
        poison("fork_first")
    time.sleep(0.2)
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not any("fork_first" in command for command in commands)


def test_parses_in_a_child_and_reports_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    document = parse_file(
        make_pdf(tmp_path / "blob"), name="../../etc/report.pdf", on_progress=lambda a, b: seen.append((a, b))
    )
    assert [page.number for page in document.pages] == [1, 2]
    assert "text of page two" in document.text
    assert document.title == "report"
    assert seen[-1] == (2, 2)


def test_cancelling_stops_the_child() -> None:
    with pytest.raises(ParseError) as caught:
        run_in_sandbox(
            "tests.ingestion.parsing.poison",
            {"action": "sleep", "path": "/dev/null", "name": "a.pdf"},
            limits=SMALL,
            cancelled=lambda: True,
        )
    assert caught.value.reason == Reason.CANCELLED


def test_a_file_over_the_limit_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        parse_file(make_pdf(tmp_path / "a"), name="a.pdf", limits=Limits(file_bytes=10))
    assert caught.value.reason == Reason.TOO_LARGE


def test_renders_a_page_as_webp(tmp_path: Path) -> None:
    picture = Image.open(io.BytesIO(render_page(make_pdf(tmp_path / "a"), page=2, width_px=300)))
    assert picture.format == "WEBP"
    assert picture.width in {299, 300, 301}


def test_there_is_no_picture_of_a_page_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="no page 9"):
        render_page(make_pdf(tmp_path / "a"), page=9, width_px=300)
