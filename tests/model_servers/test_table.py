"""docs/models.md tells of each real server what the contract asserts of it."""

from dataclasses import astuple, fields
from pathlib import Path

from django.conf import settings

from tests.model_servers.servers import KINDS, Seen

ROWS = {
    "streaming": "streams",
    "usage": "counts tokens in the stream",
    "ends": "ends at a length and at a word, and says which",
    "abort": "stops within 5 s when its reader leaves",
    "at_once": "eight answers at once",
    "schema": "`response_format` with a JSON schema",
    "health": "`/health`",
    "metrics": "`/metrics`",
    "cache_salt": "`cache_salt` parts the prefix cache",
    "overflow": "refuses a prompt that is too long, in words that are understood",
    "unknown_model": "a model that it has not",
}


def test_the_table_says_what_was_seen() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "models.md").read_text()
    assert "| seen with a tiny model | " + " | ".join(kind.title for kind in KINDS) + " |" in page
    for position, field in enumerate(fields(Seen)):
        cells = [ROWS[field.name], *(astuple(kind.seen)[position] for kind in KINDS)]
        assert f"| {' | '.join(cells)} |" in page
