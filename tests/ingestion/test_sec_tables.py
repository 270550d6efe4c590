"""Real quarterly reports: every one is read, and a figure stands in one chunk with its label and its period.

The picks were read from the printed pages, two or more pages of each company.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from ingestion.chunking import Chunk, split_into_chunks
from ingestion.parsing.document import ParsedDocument
from ingestion.parsing.sandbox import parse_file
from llm.embedding import DEFAULT_MODEL
from llm.providers.local_embedding import find_model_folder

MAX_TOKENS = 254  # what the default embedding model reads, without its two special tokens


@dataclass(frozen=True, slots=True)
class Pick:
    """A cell of a printed table."""

    file: str
    page: int
    label: str
    period: str
    value: str


PICKS = [
    Pick("2023 Q1 AAPL", 19, "Greater China", "Three Months Ended December 31, 2022", "23,905"),
    Pick("2023 Q1 AAPL", 19, "Europe", "Three Months Ended December 25, 2021", "29,749"),
    Pick("2023 Q3 AAPL", 19, "Mac", "Nine Months Ended July 1, 2023", "21,743"),
    Pick("2023 Q3 AAPL", 19, "Wearables, Home and Accessories", "Three Months Ended June 25, 2022", "8,084"),
    Pick("2022 Q3 AMZN", 5, "Foreign currency", "Three Months Ended September 30, 2022", "(2,142)"),
    Pick("2023 Q2 AMZN", 24, "AWS", "Three Months Ended June 30, 2023", "22,140"),
    Pick("2023 Q2 AMZN", 24, "International", "Six Months Ended June 30, 2022", "55,824"),
    Pick("2023 Q3 AMZN", 20, "Third-party seller services", "Nine Months Ended September 30, 2023", "96,494"),
    Pick("2023 Q3 AMZN", 20, "Advertising services", "Three Months Ended September 30, 2022", "9,548"),
    Pick("2023 Q1 INTC", 12, "Notebook", "Three Months Ended Apr 2, 2022", "5,959"),
    Pick("2023 Q1 INTC", 12, "Network and Edge", "Three Months Ended Apr 1, 2023", "(300)"),
    Pick("2023 Q3 INTC", 12, "Data Center and AI", "Nine Months Ended Oct 1, 2022", "15,024"),
    Pick("2023 Q3 INTC", 12, "Mobileye", "Three Months Ended Sep 30, 2023", "530"),
    Pick("2022 Q3 MSFT", 4, "Net change related", "Three Months Ended September 30, 2022", "(1,897)"),
    Pick("2023 Q1 MSFT", 28, "Intelligent Cloud", "Six Months Ended December 31, 2022", "41,833"),
    Pick("2023 Q1 MSFT", 28, "More Personal Computing", "Three Months Ended December 31, 2021", "6,236"),
    Pick("2023 Q3 MSFT", 27, "LinkedIn", "Three Months Ended September 30, 2023", "3,913"),
    Pick("2023 Q1 NVDA", 22, "Gaming", "Three Months Ended May 1, 2022", "3,620"),
    Pick("2023 Q3 NVDA", 24, "Taiwan", "Nine Months Ended October 29, 2023", "8,968"),
    Pick("2023 Q3 NVDA", 24, "Data Center", "Three Months Ended October 29, 2023", "14,514"),
]  # fmt: skip


@pytest.fixture(scope="module")
def reports(corpora: Path) -> dict[str, ParsedDocument]:
    """Return all reports by name, each read in the real sandbox."""
    files = sorted((corpora.parent / "evalsets/sec-10q/documents").glob("*.pdf"))
    with ThreadPoolExecutor(2) as pool:
        return {
            path.stem: parsed
            for path, parsed in zip(
                files, pool.map(lambda path: parse_file(path, name=path.name), files), strict=True
            )
        }


@pytest.fixture(scope="module")
def chunks(reports: dict[str, ParsedDocument]) -> dict[str, list[Chunk]]:
    """Return the chunks of all reports, cut with the tokenizer of the default embedding model."""
    folder = find_model_folder(DEFAULT_MODEL)
    assert folder
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def token_spans(text: str) -> list[tuple[int, int]]:
        offsets: list[tuple[int, int]] = tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    return {
        name: split_into_chunks(report, token_spans=token_spans, max_tokens=MAX_TOKENS)
        for name, report in reports.items()
    }


def test_every_report_is_read_and_cut(
    reports: dict[str, ParsedDocument], chunks: dict[str, list[Chunk]]
) -> None:
    assert len(reports) == 20
    for name, report in reports.items():
        assert len(report.pages) > 20
        assert len(chunks[name]) > len(report.pages)
        for chunk in chunks[name]:
            assert chunk.tokens <= MAX_TOKENS
            assert report.text[chunk.start : chunk.end] == chunk.text


@pytest.mark.parametrize("pick", PICKS, ids=lambda pick: f"{pick.file}-{pick.page}-{pick.value}")
def test_label_period_and_value_stand_in_one_chunk(pick: Pick, chunks: dict[str, list[Chunk]]) -> None:
    assert any(
        _names_period(chunk, column, pick.period)
        for chunk in chunks[pick.file]
        if chunk.page is not None and chunk.last_page is not None
        if chunk.page <= pick.page <= chunk.last_page
        for column in _columns_of(chunk.text, pick)
    )


def _columns_of(text: str, pick: Pick) -> list[int]:
    """Return in which columns from the right (-1 is the last) the value stands in a row with the label."""
    found = []
    for line in text.split("\n"):
        label, *cells = line.split(" | ")
        values = [cell.lstrip("$ ") for cell in cells]
        if label.startswith(pick.label) and pick.value in values:
            found.append(values.index(pick.value) - len(values))
    return found


def _names_period(chunk: Chunk, column: int, period: str) -> bool:
    """Whether the names of a column, with those of the labels' column, say the period, and no other does."""
    for line in f"{chunk.context}\n{chunk.text}".split("\n"):
        stub, *names = line.split(" | ")
        if len(names) >= -column and all(word in f"{stub} {names[column]}" for word in period.split()):
            return True
        if len(names) == -column - 1 and all(word in stub for word in period.split()):
            return True
    return False
