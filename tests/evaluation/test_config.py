"""Settings that are given for one evaluation."""

import pytest
from django.test import override_settings

from portal.evaluation.config import in_effect, read_config
from retrieval.errors import InvalidInputError


def test_values_are_of_their_settings_kind() -> None:
    given = read_config(["BM25_B=0.4", "SEARCH_EXACT_LIMIT=7", "EMBEDDING_MODEL=/models/x"])
    assert given == {"BM25_B": 0.4, "SEARCH_EXACT_LIMIT": 7, "EMBEDDING_MODEL": "/models/x"}
    with override_settings(**given):
        assert in_effect()["BM25_B"] == 0.4


@pytest.mark.parametrize(
    "given", ["BM25_B", "BM25_B=much", "BM25_B=nan", "bm25_b=1", "LLM_API_KEY=x", "SECRET_KEY=x", "BM25_Z=1"]
)
def test_what_is_no_setting_of_search_or_no_value_of_it_is_refused(given: str) -> None:
    with pytest.raises(InvalidInputError):
        read_config([given])


@override_settings(LLM_API_KEY="sesame", LLM_BASE_URL="http://user:sesame@llm")
def test_keys_and_addresses_are_no_part_of_what_is_kept() -> None:
    assert "sesame" not in str(in_effect())
