"""Chunks are spans, fit the model with their context, and leave nothing out."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.chunking import Chunk, split_into_chunks
from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing.document import BlockKind, ParsedDocument

KINDS: list[BlockKind] = ["title", "heading", "paragraph", "list_item", "table_row", "code", "caption"]


def token_spans(text: str) -> list[tuple[int, int]]:
    """Words in pieces of four characters, and signs one by one: much like a real tokenizer."""
    return [match.span() for match in re.finditer(r"\w{1,4}|[^\w\s]", text)]


def build(
    blocks: list[tuple[BlockKind, str, int, str]], *, pages: bool = False, label: str = ""
) -> ParsedDocument:
    builder = DocumentBuilder()
    for number, (kind, text, level, header) in enumerate(blocks, 1):
        if pages:
            builder.start_page(number, label=label and f"{label} {number}")
        builder.add(kind, text, level=level if kind == "heading" else 0, header=header)
    return builder.finish(
        name="a.txt", title="A handbook", media_type="text/plain", parser="test", parser_version="1"
    )


def check(document: ParsedDocument, chunks: list[Chunk], max_tokens: int) -> None:
    covered = bytearray(len(document.text))
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        joined = f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text
        assert chunk.tokens == len(token_spans(joined))
        assert chunk.tokens + 2 <= max_tokens
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    assert all(seen or char.isspace() for seen, char in zip(covered, document.text, strict=True))


BLOCKS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.text(st.sampled_from("abc DEF.\n,!?é漢。|"), min_size=1, max_size=400),
        st.integers(1, 6),
        st.sampled_from(["", "Name | Amount", "a | " * 40]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    BLOCKS.filter(lambda blocks: any(text.strip() for _, text, _, _ in blocks)),
    st.integers(16, 300),
    st.booleans(),
)
def test_spans_budget_and_coverage_hold_for_any_document(
    blocks: list[tuple[BlockKind, str, int, str]],
    max_tokens: int,
    pages: bool,
) -> None:
    document = build(blocks, pages=pages)
    check(document, split_into_chunks(document, token_spans=token_spans, max_tokens=max_tokens), max_tokens)


def split(document: ParsedDocument, max_tokens: int = 128) -> list[Chunk]:
    chunks = split_into_chunks(document, token_spans=token_spans, max_tokens=max_tokens)
    check(document, chunks, max_tokens)
    return chunks


def test_headings_lead_to_the_text_below_them() -> None:
    body = "Some words that fill the paragraph. " * 6
    document = build(
        [("heading", "Leave", 1, ""), ("heading", "Parents", 2, ""), ("paragraph", body, 0, ""),
         ("heading", "Pay", 1, ""), ("paragraph", body, 0, "")]
    )  # fmt: skip
    chunks = split(document, 256)
    assert [chunk.heading_path for chunk in chunks] == [("Leave", "Parents"), ("Pay",)]
    assert chunks[0].text.startswith("Leave\n\nParents\n\nSome words")


def test_a_long_paragraph_is_cut_between_sentences_and_shares_one() -> None:
    sentences = [
        f"Sentence number {word} is here." for word in ["one", "two", "three", "four", "five", "six", "seven"]
    ]
    chunks = split(build([("paragraph", " ".join(sentences * 3), 0, "")]), 60)
    assert len(chunks) > 1
    assert all(chunk.text.endswith(".") and chunk.text.startswith("Sentence") for chunk in chunks)
    assert chunks[1].start < chunks[0].end


def test_a_table_is_cut_between_rows_and_keeps_its_header() -> None:
    rows: list[tuple[BlockKind, str, int, str]] = [
        ("table_row", f"Item {number} | {number}00", 0, "Name | Amount") for number in range(60)
    ]
    chunks = split(build([("table_row", "Name | Amount", 0, ""), *rows]))
    assert len(chunks) > 2
    assert "Name | Amount" not in chunks[0].context
    assert all("Name | Amount" in chunk.context for chunk in chunks[1:])
    assert all(line.startswith(("Item", "Name")) for chunk in chunks for line in chunk.text.split("\n"))


def test_every_part_of_a_table_knows_its_columns_and_its_group() -> None:
    names = "Three Months Ended June 25, 2022 | Three Months Ended June 26, 2021"
    rows: list[tuple[BlockKind, str, int, str]] = [
        ("table_row", f"Item {number} | {number}00 | {number}01", 0, f"{names} / Cost of sales")
        for number in range(80)
    ]
    chunks = split(build([("table_row", "Cost of sales:", 0, names), *rows]), 160)
    assert len(chunks) > 2
    assert all(names in chunk.context for chunk in chunks)
    assert "Cost of sales" not in chunks[0].context
    assert all("Cost of sales" in chunk.context for chunk in chunks[1:])


def test_a_chunk_names_the_columns_of_each_of_its_tables() -> None:
    document = build(
        [
            ("table_row", "Inventories | 12,831", 0, "Oct 1, 2022"),
            ("paragraph", "Some words.", 0, ""),
            ("table_row", "Interest | 170", 0, "Sep 25, 2021"),
        ]
    )
    (chunk,) = split(document)
    assert chunk.context.splitlines()[1:] == ["Oct 1, 2022", "Sep 25, 2021"]


def test_slides_are_not_glued_together() -> None:
    document = build(
        [("paragraph", "First words.", 0, ""), ("paragraph", "Other words.", 0, "")],
        pages=True,
        label="Slide",
    )
    assert [(chunk.page, chunk.text) for chunk in split(document)] == [
        (1, "First words."),
        (2, "Other words."),
    ]


def test_small_paragraphs_are_merged_across_printed_pages() -> None:
    document = build([("paragraph", "First words.", 0, ""), ("paragraph", "Other words.", 0, "")], pages=True)
    assert [(chunk.page, chunk.last_page) for chunk in split(document)] == [(1, 2)]


def test_a_monster_word_is_cut_by_tokens() -> None:
    assert len(split(build([("paragraph", "x" * 5000, 0, "")]))) > 5


def test_a_file_s_name_stands_in_the_context_where_it_says_more_than_the_title() -> None:
    document = build([("paragraph", "Net sales rose.", 0, "")])
    contexts = {
        name: split_into_chunks(document, token_spans=token_spans, max_tokens=64, name=name)[0].context
        for name in ("2023 Q2 AAPL.pdf", "handbook.pdf", "a-handbook.pdf", "")
    }
    assert contexts == {
        "2023 Q2 AAPL.pdf": "2023 Q2 AAPL > A handbook",
        "handbook.pdf": "A handbook",
        "a-handbook.pdf": "A handbook",
        "": "A handbook",
    }


def test_a_line_before_a_long_paragraph_is_no_chunk_by_itself() -> None:
    sentences = " ".join(f"Sentence number {number} says a little more than that." for number in range(40))
    chunks = split(build([("paragraph", "The flow past a plate", 0, ""), ("paragraph", sentences, 0, "")]))
    assert chunks[0].text.startswith("The flow past a plate\n\nSentence number 0 says")


def test_no_tiny_rest_is_left_at_the_end_of_a_paragraph_or_of_a_section() -> None:
    sentences = " ".join(f"Sentence number {number} says a little more than that." for number in range(9))
    end = "It ends here, where all is said."
    for texts in ([f"{sentences} {end}"], [sentences, end]):
        blocks: list[tuple[BlockKind, str, int, str]] = [("paragraph", text, 0, "") for text in texts]
        chunks = split(build(blocks))
        assert [len(chunk.text) > 150 for chunk in chunks] == [True, True]
