"""Pages that are pictures in the collection's language: Tesseract for letters that RapidOCR does not read."""

import shutil
import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from ingestion.parsing._ocr import Ocr
from ingestion.parsing._tesseract import installed_packs
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.limits import Limits
from ingestion.parsing.parsers import program_for, tesseract_path
from ingestion.parsing.sandbox import parse_file
from retrieval.analysis import LANGUAGE_CHOICES

_FONTS = ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans.ttf")
RUSSIAN = ["Насос осматривается каждые шесть недель.", "Давление не выше 4,5 бар, масло 1,2 литра."]
GERMAN = ["Die Kühlmittelpumpe wird alle sechs", "Wochen geprüft, größere Lager täglich."]


def font(size: int = 40) -> ImageFont.FreeTypeFont:
    """Return a font with Cyrillic letters; the test is skipped where this machine has none."""
    found = next((path for path in _FONTS if Path(path).is_file()), None)
    if found is None:
        pytest.skip("no font with Cyrillic letters is installed (apt-get install fonts-dejavu-core)")
    return ImageFont.truetype(found, size=size)


def scan(path: Path, lines: list[str], *, degrees: int = 0) -> Path:
    page = Image.new("RGB", (1240, 620), "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        for place, cell in enumerate(line.split("|")):
            pen.text((120 + 500 * place, 200 + 60 * number), cell, fill="black", font=font())
    page.rotate(degrees, expand=True).save(path, "PDF", resolution=150)
    return path


@pytest.fixture
def tesseract() -> None:
    """Skip the test where the real program is not installed with Russian, as `.ci/run` does."""
    program = tesseract_path()
    if not program or "rus" not in installed_packs(program):
        pytest.skip("Tesseract with Russian is not installed (apt-get install tesseract-ocr-rus)")


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that is taken for Tesseract; a shell script is to be written there."""
    program = tmp_path / "programs/tesseract"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def write_program(program: Path, *, languages: str, then: str) -> None:
    listing = f"printf 'List of available languages:\\n{languages}\\n'; exit"
    program.write_text(f'#!/bin/sh\ncase "$1" in --list-langs) {listing};; esac\n{then}\n')
    program.chmod(0o755)


@pytest.mark.usefixtures("tesseract")
@pytest.mark.parametrize("degrees", [0, 90])
def test_a_russian_scan_is_read_whichever_way_it_lies(tmp_path: Path, degrees: int) -> None:
    path = scan(tmp_path / "scan.pdf", RUSSIAN, degrees=degrees)
    parsed = parse_file(path, name="scan.pdf", language="ru")
    assert " ".join(RUSSIAN) in parsed.text
    assert parsed.warnings == ("page 1 was read from its picture",)
    first, second = parsed.pages[0].lines
    assert [parsed.text[one.start : one.end] for one in (first, second)] == RUSSIAN
    left, top = (first.y1, first.x0) if degrees else (first.x0, first.y0)
    assert left == pytest.approx(1 - 120 / 1240 if degrees else 120 / 1240, abs=0.01)
    assert top == pytest.approx(210 / 620, abs=0.01)


@pytest.mark.usefixtures("tesseract")
def test_a_table_is_read_in_rows_with_the_latin_letters_in_it(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    scan(path, ["Насос|Harbour Works|серый", "Клапан|1,2 бар|синий"])
    parsed = parse_file(path, name="scan.pdf", language="ru")
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == [
        "Насос | Harbour Works | серый",
        "Клапан | 1,2 бар | синий",
    ]


@pytest.mark.parametrize(
    ("language", "engine", "wanted"),
    [
        ("ru", "auto", True),
        ("de", "auto", False),
        ("de", "tesseract", True),
        ("ru", "rapidocr", False),
        ("xx", "tesseract", False),
    ],
)
def test_tesseract_may_be_started_only_where_it_is_wanted(
    pretend: Path, language: str, engine: str, *, wanted: bool
) -> None:
    write_program(pretend, languages="eng", then="exit 1")
    assert program_for("application/pdf", Ocr(language, engine)) == (str(pretend) if wanted else "")
    assert program_for("image/png", Ocr(language, engine)) == (str(pretend) if wanted else "")
    assert program_for("text/html", Ocr(language, engine)) == ""


def test_every_language_of_a_collection_has_a_pack() -> None:
    assert all(len(Ocr(code).pack) == 3 for code, _ in LANGUAGE_CHOICES)


def test_the_setting_gives_them_to_tesseract(tmp_path: Path, pretend: Path) -> None:
    row = "5\t1\t1\t1\t1\t%d\t%d\t200\t90\t30\t%d\t%s\n"
    table = row % (1, 120, 96, "Guten") + row % (2, 220, 95, '"Tag"') + row % (3, 330, 8, "~")
    write_program(pretend, languages="deu", then=f"printf '{table}'")
    path = scan(tmp_path / "scan.pdf", GERMAN)
    parsed = parse_file(path, name="scan.pdf", language="de", ocr_engine="tesseract")
    assert parsed.text == 'Guten "Tag"'


@pytest.mark.usefixtures("pretend")
def test_where_tesseract_is_missing_and_nothing_can_be_read_the_reason_says_so(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        parse_file(scan(tmp_path / "scan.pdf", RUSSIAN), name="scan.pdf", language="ru")
    assert caught.value.reason == Reason.NO_TEXT
    assert "(apt-get install tesseract-ocr tesseract-ocr-rus)" in caught.value.message


def test_without_the_pack_latin_pages_are_read_and_the_document_says_what_is_missing(
    tmp_path: Path, pretend: Path
) -> None:
    write_program(pretend, languages="eng", then="exit 1")
    parsed = parse_file(scan(tmp_path / "scan.pdf", GERMAN), name="scan.pdf", language="ru")
    assert " ".join(GERMAN) in parsed.text
    assert "(apt-get install tesseract-ocr-rus)" in parsed.warnings[0]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("exit 1", Reason.CRASHED),
        ("exec sleep 60", Reason.TIMED_OUT),
        ("while :; do :; done", Reason.TIMED_OUT),
        ("cat /dev/zero >&2", Reason.OUT_OF_MEMORY),
    ],
)
def test_a_program_that_dies_or_hangs_costs_one_attempt(
    tmp_path: Path, pretend: Path, deed: str, reason: Reason
) -> None:
    write_program(pretend, languages="rus", then=f"PATH=/usr/bin:/bin\n{deed}")
    limits = Limits(cpu_seconds=2, wall_seconds=4, memory_bytes=300 << 20)
    began = time.monotonic()
    with pytest.raises(ParseError) as caught:
        parse_file(scan(tmp_path / "scan.pdf", RUSSIAN), name="scan.pdf", language="ru", limits=limits)
    assert caught.value.reason == reason
    assert not caught.value.permanent
    assert time.monotonic() - began < 20


def test_the_program_has_no_network_and_sees_no_other_file(tmp_path: Path, pretend: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.write_text("secret")
    perl = shutil.which("perl", path="/usr/bin:/bin")
    if perl is None:
        pytest.skip("the pretended program needs perl to open a socket")
    sockets = "exit !(socket(A, AF_UNIX, SOCK_STREAM, 0) && !socket(B, AF_INET, SOCK_DGRAM, 0))"
    tries = f"! cat {secret} && {perl} -MSocket -e '{sockets}' && ! kill -9 $PPID"
    write_program(pretend, languages="rus", then=f"PATH=/usr/bin:/bin\n{tries}")
    with pytest.raises(ParseError) as caught:  # it ended well, and saw nothing
        parse_file(scan(tmp_path / "scan.pdf", RUSSIAN), name="scan.pdf", language="ru")
    assert caught.value.reason == Reason.NO_TEXT
