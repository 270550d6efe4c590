"""Every file of the corpus of formats ends with a state and a reason, and those are the documented ones."""

from pathlib import Path

import pytest

from bench.formats import as_markdown, survey, written_table
from ingestion.parsing.errors import Reason
from ingestion.parsing.parsers import office_path


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_file_ends_as_the_document_says(corpora: Path) -> None:
    rows = survey(corpora / "formats")
    assert len(rows) == 202
    for row in rows:
        assert (row.state == "indexed") == (row.passages > 0), row
        assert row.state == "indexed" or (row.reason in list(Reason) and len(row.message) > 30), row
        assert row.reason not in {"crashed", "timed_out", "out_of_memory", "too_much_output"}, row
    if office_path():
        pytest.skip("LibreOffice is installed here; the document says what happens without it")
    assert as_markdown(rows) == written_table()
