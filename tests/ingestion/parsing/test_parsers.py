"""Every format gives text, structure and pages; every bad file a reason and a message with its name."""

from pathlib import Path

import docx
import openpyxl  # type: ignore[import-untyped]  # ships no types
import pptx
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption  # type: ignore[import-untyped]  # ships no types
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # ships no types

from ingestion.parsing.detect import SUPPORTED, detect_media_type
from ingestion.parsing.document import ParsedDocument
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.limits import Limits
from ingestion.parsing.sandbox import parse_file

LINES = "abcdefghijkl"
SEC = Path(__file__).resolve().parents[4] / "shared/evalsets/sec-10q/documents"


def parse(path: Path, name: str = "", limits: Limits | None = None) -> ParsedDocument:
    document = parse_file(path, name=name or path.name, limits=limits)
    assert ParsedDocument.from_json(document.to_json()) == document
    return document


def parse_text(folder: Path, name: str, content: str | bytes) -> ParsedDocument:
    path = folder / "blob"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse(path, name)


def blocks(document: ParsedDocument) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, document.text[block.start : block.end]) for block in document.blocks]


def two_columns(path: Path) -> Path:
    canvas = Canvas(str(path), pagesize=(612, 792))
    for page in range(4):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(72, 770, "Confidential handbook")
        canvas.drawString(300, 20, f"Page {page + 1} of 4")
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 730, f"Chapter about subject {'ABCD'[page]}")
        canvas.setFont("Helvetica", 10)
        for row in range(12):
            canvas.drawString(
                72, 700 - 12 * row, f"left column words in line {'abcdefghijkl'[row]} of the text"
            )
            canvas.drawString(
                330, 700 - 12 * row, f"right column words in line {'abcdefghijkl'[row]} of text"
            )
        canvas.showPage()
    canvas.save()
    return path


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    document = parse(two_columns(tmp_path / "a.pdf"))
    left, right = document.text.index("left column words in line l"), document.text.index("right column")
    assert left < right
    assert ("heading", 1) in {(kind, level) for kind, level, _ in blocks(document)}


def test_running_headers_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    document = parse(two_columns(tmp_path / "a.pdf"))
    assert document.text.count("Confidential handbook") == 1
    assert "Page 2 of 4" not in document.text
    assert "Confidential handbook" in document.metadata["repeated_lines"]


def test_line_boxes_stand_on_their_words(tmp_path: Path) -> None:
    document = parse(two_columns(tmp_path / "a.pdf"))
    for page in document.pages:
        for line in page.lines:
            assert page.start <= line.start < line.end <= page.end
            assert 0 <= line.x0 < line.x1 <= 1
            assert 0 <= line.y0 < line.y1 <= 1
    line = next(line for line in document.pages[0].lines if "left" in document.text[line.start : line.end])
    assert document.text[line.start : line.end] == "left column words in line a of the text"
    assert line.x0 == pytest.approx(72 / 612, abs=0.01)
    assert line.y1 == pytest.approx((792 - 700) / 792, abs=0.01)


def test_table_rows_keep_label_and_figures_together(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    for row, cells in enumerate(
        [("Region", "Sales", "Costs"), ("North", "1,200", "800"), ("South", "900", "(70)")]
    ):
        for x, cell in zip((72, 250, 400), cells, strict=True):
            canvas.drawString(x, 700 - 16 * row, cell)
    canvas.save()
    document = parse(tmp_path / "a.pdf")
    rows = [(document.text[block.start : block.end], block.header) for block in document.blocks]
    header = "Region | Sales | Costs"
    assert rows == [(header, ""), ("North | 1,200 | 800", header), ("South | 900 | (70)", header)]


@pytest.mark.skipif(not SEC.is_dir(), reason=f"the evaluation set is not at {SEC}")
def test_a_real_financial_table() -> None:
    document = parse(SEC / "2022 Q3 AAPL.pdf")
    row = next(
        block
        for block in document.blocks
        if "Total net sales | 82,959" in document.text[block.start : block.end]
    )
    assert document.text[row.start : row.end] == "Total net sales | 82,959 | 81,434 | 304,182 | 282,457"
    assert "Three Months Ended" in row.header
    assert row.page == 4


def test_an_encrypted_pdf(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 700, "hidden")
    canvas.save()
    assert reason_of(tmp_path / "a.pdf") == Reason.ENCRYPTED


def test_a_truncated_pdf(tmp_path: Path) -> None:
    whole = two_columns(tmp_path / "a.pdf").read_bytes()
    (tmp_path / "b.pdf").write_bytes(whole[:300])
    assert reason_of(tmp_path / "b.pdf") == Reason.DAMAGED


def test_a_pdf_without_text(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.rect(10, 10, 100, 100)
    canvas.save()
    assert reason_of(tmp_path / "a.pdf") == Reason.NO_TEXT


def reason_of(path: Path, limits: Limits | None = None) -> Reason:
    with pytest.raises(ParseError) as caught:
        parse(path, limits=limits)
    assert caught.value.permanent
    assert path.name in caught.value.message
    return caught.value.reason


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty_file"), (b"\x7fELF\2\1\1\0\0\0\3\0>\0", "unsupported_type")]
)
def test_other_files_are_named_in_the_message(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.xyz").write_bytes(content)
    assert reason_of(tmp_path / "a.xyz") == reason


def test_content_decides_the_type(tmp_path: Path) -> None:
    two_columns(tmp_path / "a.txt")
    assert SUPPORTED[detect_media_type(tmp_path / "a.txt", name="a.txt")].label == "PDF"


def test_docx_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    source = docx.Document()
    source.add_heading("Leave", 1)
    source.add_heading("Parents", 2)
    source.add_paragraph("Parents may take twelve weeks of paid leave after a birth.")
    table = source.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("Weeks", "Pay", "12", "100 %"), strict=True
    ):
        cell.text = text
    source.save(str(tmp_path / "a.docx"))
    document = parse(tmp_path / "a.docx")
    assert ("heading", 1, "Leave") in blocks(document)
    assert ("heading", 2, "Parents") in blocks(document)
    assert document.blocks[-1].header == "Weeks | Pay"
    assert document.text.endswith("12 | 100 %")


def test_slides_are_pages(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for title in ("First point", "Second point"):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "Some words about it."
    deck.save(str(tmp_path / "a.pptx"))
    document = parse(tmp_path / "a.pptx")
    assert [page.label for page in document.pages] == ["Slide 1", "Slide 2"]


def test_sheets_are_pages_and_rows_know_their_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Name", "Amount"], ["Tea", 12], ["Coffee", 3.5]):
        book.active.append(row)
    book.active.title = "Stock"
    book.save(tmp_path / "a.xlsx")
    document = parse(tmp_path / "a.xlsx")
    assert document.pages[0].label == "Stock"
    assert document.text == "Name | Amount\nTea | 12\nCoffee | 3.5"
    assert [block.header for block in document.blocks] == ["", "Name | Amount", "Name | Amount"]


def test_markdown_keeps_the_levels(tmp_path: Path) -> None:
    document = parse_text(tmp_path, "a.md", "# One\n\ntext **bold** [link](http://x)\n\n### Three\n\n- a\n")
    assert blocks(document) == [
        ("heading", 1, "One"), ("paragraph", 0, "text bold link"),
        ("heading", 3, "Three"), ("list_item", 0, "- a"),
    ]  # fmt: skip


def test_a_plain_text_is_called_by_the_line_that_stands_alone_before_it(tmp_path: Path) -> None:
    titles = {
        "Travel expenses\n \nHotels may cost 180 euros.": "Travel expenses",
        "Hotels may cost 180 euros.\n\nMeals are paid at cost.": "notes",
        "Dear Mrs Smith,\n\nthank you for your letter.": "notes",
        "2024\n\nHotels may cost 180 euros.": "notes",
        "Travel expenses": "notes",
    }
    assert [parse_text(tmp_path, "notes.txt", text).title for text in titles] == list(titles.values())


def test_html_leaves_out_scripts_menus_and_hidden_text(tmp_path: Path) -> None:
    page = "<html><title>T t</title><nav>menu</nav><h2>Head</h2><p>Shown<script>x()</script>"
    page += "<p hidden>secret</p></html>"
    document = parse_text(tmp_path, "a.html", page)
    assert document.title == "T t"
    assert blocks(document) == [("heading", 2, "Head"), ("paragraph", 0, "Shown")]


def test_mail_shows_who_and_what(tmp_path: Path) -> None:
    document = parse_text(tmp_path, "a.eml", "From: a@b.c\nTo: d@e.f\nSubject: Lunch\n\nAt noon.\n")
    assert document.text == "From: a@b.c\nTo: d@e.f\nSubject: Lunch\n\nAt noon."


def test_rst_goes_through_pandoc_without_includes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("stolen", encoding="utf-8")
    document = parse_text(tmp_path, "a.rst", f"Head\n====\n\n.. include:: {tmp_path}/secret\n\nwords\n")
    assert ("heading", 1, "Head") in blocks(document)
    assert "stolen" not in document.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_text_in_any_encoding_without_deceiving_characters(tmp_path: Path, encoding: str) -> None:
    mark = "" if encoding == "cp1252" else "\u202e\u200b"
    document = parse_text(tmp_path, "a.txt", f"Ein Übermaß{mark} an Wörtern über Öl.".encode(encoding))
    assert document.text == "Ein Übermaß an Wörtern über Öl."


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["x" * 5000] * 50)
    book.save(tmp_path / "a.xlsx")
    assert reason_of(tmp_path / "a.xlsx", Limits(zip_total_bytes=1000)) == Reason.TOO_LARGE
