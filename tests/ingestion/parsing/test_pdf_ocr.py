"""Pages that are pictures: read where they have no text layer, whichever way they were scanned."""

from pathlib import Path

import pytest
import reportlab  # type: ignore[import-untyped]  # ships no types
from PIL import Image, ImageDraw, ImageFont

from ingestion.parsing.sandbox import Limits, parse_file

TEXT = ["The blue pump was serviced on", "14 March 2021 by Harbour Works."]


def scan(path: Path, *, degrees: int = 0, lines: list[str] = TEXT) -> Path:
    page = Image.new("RGB", (1240, 1754), "white")
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(Path(reportlab.__file__).parent / "fonts/Vera.ttf", size=40)
    for number, line in enumerate(lines):
        pen.text((140, 200 + 60 * number), line, fill="black", font=font)
    page.rotate(degrees, expand=True).save(path, "PDF", resolution=150)
    return path


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_scan_is_read_in_every_orientation(tmp_path: Path, degrees: int) -> None:
    parsed = parse_file(scan(tmp_path / "scan.pdf", degrees=degrees), name="scan.pdf", limits=Limits())
    assert " ".join(TEXT) in parsed.text
    assert parsed.warnings == ("page 1 was read from its picture",)
    for line in parsed.pages[0].lines:
        assert parsed.text[line.start : line.end].strip()
        assert 0 <= line.x0 < line.x1 <= 1
        assert 0 <= line.y0 < line.y1 <= 1


def test_the_one_model_reads_the_letters_of_european_languages(tmp_path: Path) -> None:
    lines = ["Übermäßige Größe prüfen.", "Où est la pièce reçue?", "El año pasado en España."]
    parsed = parse_file(scan(tmp_path / "scan.pdf", lines=lines), name="scan.pdf", limits=Limits())
    assert " ".join(lines) in parsed.text


def test_boxes_stand_where_the_text_stands(tmp_path: Path) -> None:
    parsed = parse_file(scan(tmp_path / "scan.pdf", degrees=180), name="scan.pdf", limits=Limits())
    assert all(line.y0 > 0.8 for line in parsed.pages[0].lines)


@pytest.mark.parametrize(("degrees", "place", "begins"), [(90, (0.1, 0.2), 0.887), (270, (0.8, 0.9), 0.113)])
def test_boxes_of_a_page_on_its_side_stand_where_its_text_stands(
    tmp_path: Path, degrees: int, place: tuple[float, float], begins: float
) -> None:
    parsed = parse_file(scan(tmp_path / "scan.pdf", degrees=degrees), name="scan.pdf", limits=Limits())
    for line in parsed.pages[0].lines:
        assert place[0] < line.x0 < line.x1 < place[1]
        assert min(abs(line.y0 - begins), abs(line.y1 - begins)) < 0.02


def test_a_blank_page_is_not_guessed_at(tmp_path: Path) -> None:
    blank = scan(tmp_path / "blank.pdf", lines=[])
    with pytest.raises(Exception, match="no text that can be read"):
        parse_file(blank, name="blank.pdf", limits=Limits())
