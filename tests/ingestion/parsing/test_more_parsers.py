"""Data, pictures, Outlook's and older formats: what they become, and how they fail."""

import io
import json
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from ingestion.parsing.document import ParsedDocument
from ingestion.parsing.errors import ParseError, Reason
from ingestion.parsing.parsers import office_path
from ingestion.parsing.sandbox import parse_file


def parse(folder: Path, name: str, content: bytes | str) -> ParsedDocument:
    path = folder / "blob"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return parse_file(path, name=name)


def test_json_keeps_names_and_figures_as_written(tmp_path: Path) -> None:
    rows = '{"title": "Stock", "rows": [{"item": "Tea", "price": 3.10}, {"item": "Oats", "price": 1e2}]}'
    document = parse(tmp_path, "a.json", rows)
    assert document.text == "title: Stock\n\nrows\n\nitem: Tea\nprice: 3.10\n\nitem: Oats\nprice: 1e2"
    assert [block.kind for block in document.blocks] == ["paragraph", "heading", "paragraph", "paragraph"]


def test_json_lines_and_what_only_claims_to_be_json(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"pump": name}) for name in ("north", "south"))
    assert parse(tmp_path, "a.jsonl", lines).text == "pump: north\n\npump: south"
    assert parse(tmp_path, "a.json", "{not json at all").text == "{not json at all"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_records_stand_together(tmp_path: Path, encoding: str) -> None:
    source = (
        f'<?xml version="1.0" encoding="{encoding}"?><stock xmlns="urn:x"><item code="7"><name>Tea</name>'
    )
    source += "<price>3.10</price></item><note>Some <b>bold</b> words</note></stock>"
    document = parse(tmp_path, "a.xml", source.encode(encoding))
    assert "code: 7\nname: Tea\nprice: 3.10" in document.text
    assert "note: Some bold words" in document.text


def test_a_picture_is_read_like_a_scan(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (900, 200), (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((40, 60), "Falcon kettle warranty", fill="black", font_size=60)
    picture.save(tmp_path / "a.png")
    document = parse_file(tmp_path / "a.png", name="a.png")
    assert "kettle" in document.text.lower()
    assert document.media_type == "image/png"
    assert document.pages[0].lines[0].x0 < 0.1


def test_a_picture_without_letters_and_a_broken_one(tmp_path: Path) -> None:
    output = io.BytesIO()
    Image.new("RGB", (300, 300), "white").save(output, "JPEG")
    for content, reason in ((output.getvalue(), Reason.NO_TEXT), (output.getvalue()[:200], Reason.DAMAGED)):
        with pytest.raises(ParseError) as caught:
            parse(tmp_path, "a.jpg", content)
        assert caught.value.reason == reason


def test_mail_hands_on_attachments_but_no_logo(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["Subject"] = "First/offer"
    inner.set_content("Ten euros.")
    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.com", "Offers"
    message.set_content("See below.")
    message.add_related(b"x" * 100, maintype="image", subtype="png", cid="<logo>")
    message.add_attachment(inner)
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../sums.csv")
    seen: dict[str, bytes] = {}
    path = tmp_path / "a.eml"
    path.write_bytes(message.as_bytes())
    document = parse_file(
        path, name="a.eml", on_attachment=lambda one, content: seen.update({one.name: content.read()})
    )
    assert set(seen) == {"First-offer.eml", "sums.csv"}
    assert b"Ten euros." in seen["First-offer.eml"]
    assert "Ten euros" not in document.text
    assert document.text.endswith("Attachments: First-offer.eml, sums.csv")


def test_an_outlook_message_reads_like_any_mail(corpora: Path) -> None:
    seen: list[str] = []
    document = parse_file(
        corpora / "formats/fake-email-attachment.msg",
        name="a.msg",
        on_attachment=lambda one, _content: seen.append(one.name),
    )
    assert document.text.startswith("From: ")
    assert "Subject: Fake email with attachment" in document.text
    assert seen == ["fake-attachment.txt"]


def test_an_old_workbook_keeps_its_rows(corpora: Path) -> None:
    document = parse_file(corpora / "formats/tests-example.xls", name="a.xls")
    assert document.pages[0].label
    assert any(block.kind == "table_row" for block in document.blocks)
    assert "MC | What is 2+2? | 4 | correct" in document.text


def test_an_old_document_is_read_or_says_what_is_missing(corpora: Path) -> None:
    path = corpora / "formats/simple.doc"
    if office_path():
        assert "favorite things" in parse_file(path, name="simple.doc").text
        return
    with pytest.raises(ParseError, match="takes LibreOffice to read") as caught:
        parse_file(path, name="simple.doc")
    assert caught.value.reason == Reason.UNSUPPORTED_TYPE


def test_menus_of_a_page_are_left_out(tmp_path: Path) -> None:
    page = "<!doctype html><body><div class='site-nav nav'><a>Home</a></div><div role='banner'>Logo</div>"
    page += "<ul id='breadcrumbs'><li>Here</li></ul><p class='lunch-menu'>The soup is hot.</p></body>"
    assert parse(tmp_path, "a.html", page).text == "The soup is hot."
