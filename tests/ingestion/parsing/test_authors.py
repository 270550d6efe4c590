"""Who wrote a file is read from its metadata; what programs write there of themselves is nobody."""

import io
import subprocess
from pathlib import Path

import docx
import openpyxl  # type: ignore[import-untyped]  # ships no types
import pptx
import pytest
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # ships no types

from ingestion.parsing._author import author_names
from ingestion.parsing.parsers import pandoc_path
from tests.ingestion.parsing.test_parsers import parse, parse_text

_MARKDOWN = b"---\ntitle: About kettles\nauthor: Jane Smith\n---\n\n# Kettles\n\nThey boil.\n"


def author(folder: Path, name: str, content: str | bytes) -> str:
    return parse_text(folder, name, content).metadata.get("author", "")


def test_of_a_pdf(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.setAuthor("Jane Smith;  Ada   Roe")
    canvas.drawString(72, 700, "They boil in three minutes.")
    canvas.save()
    assert parse(tmp_path / "a.pdf").metadata["author"] == "Jane Smith; Ada Roe"


def test_of_a_pdf_that_a_program_made(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.drawString(72, 700, "They boil in three minutes.")
    canvas.save()
    assert "author" not in parse(tmp_path / "a.pdf").metadata


@pytest.mark.parametrize("named", ["Jane Smith", ""])
def test_of_office_files(tmp_path: Path, named: str) -> None:
    word, deck, book = docx.Document(), pptx.Presentation(), openpyxl.Workbook()
    word.add_paragraph("They boil.")
    deck.slides.add_slide(deck.slide_layouts[1]).shapes.title.text = "They boil"
    book.active.append(["Kettle", "Minutes"])
    if named:
        word.core_properties.author = deck.core_properties.author = book.properties.creator = named
    for made, name in ((word, "a.docx"), (deck, "a.pptx"), (book, "a.xlsx")):
        buffer = io.BytesIO()
        made.save(buffer)
        assert author(tmp_path, name, buffer.getvalue()) == named, name


def test_of_mail_is_who_sent_it(tmp_path: Path) -> None:
    mail = "From: {}\nTo: d@e.f\nSubject: Lunch\n\nAt noon.\n"
    assert author(tmp_path, "a.eml", mail.format('"Smith, Jane" <jane@b.c>')) == "Smith, Jane"
    assert author(tmp_path, "a.eml", mail.format("jane@b.c")) == "jane@b.c"
    assert author(tmp_path, "a.eml", "To: d@e.f\nSubject: Lunch\n\nAt noon.\n") == ""


def test_of_a_web_page(tmp_path: Path) -> None:
    page = "<html><head><title>T</title><meta name='Author' content='{}'></head><p>They boil.</p></html>"
    assert author(tmp_path, "a.html", page.format("Jane Smith")) == "Jane Smith"
    assert author(tmp_path, "a.html", page.format("https://example.com/jane")) == ""


@pytest.mark.parametrize("ending", ["epub", "odt", "org", "rst"])
def test_of_what_pandoc_reads(tmp_path: Path, ending: str) -> None:
    made = tmp_path / f"made.{ending}"
    command = [pandoc_path(), "-s", "-f", "markdown", "-o", str(made)]
    subprocess.run(command, input=_MARKDOWN, check=True)
    assert author(tmp_path, f"a.{ending}", made.read_bytes()) == "Jane Smith"


def test_of_rtf(tmp_path: Path) -> None:
    text = rb"{\rtf1\ansi{\info{\title Kettles}{\author Jos\'e9 Roe}}They boil.\par}"
    assert author(tmp_path, "a.rtf", text) == "José Roe"


def test_of_markdown(tmp_path: Path) -> None:
    document = parse_text(tmp_path, "a.md", _MARKDOWN)
    assert document.metadata["author"] == "Jane Smith"
    assert document.text == "Kettles\n\nThey boil."


def test_names_of_nobody_are_left_out() -> None:
    assert (
        author_names(["Administrator", " (Unknown) ", "123", "https://x.y", "Jane; jane; Jane"])
        == "Jane; jane"
    )
