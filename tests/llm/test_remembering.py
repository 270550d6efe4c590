"""What was embedded once is not embedded again, in one process or the next."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from llm.errors import EmbeddingError
from llm.remembering import RememberingEmbedder
from tests.llm.test_embedding import CountingEmbedder


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    inner = CountingEmbedder()
    first = RememberingEmbedder(inner, tmp_path / "vectors")
    vectors = first.embed_passages(["one", "three", "one"])
    assert inner.batches == [["one", "three"]]
    again = RememberingEmbedder(inner, tmp_path / "vectors")
    assert np.allclose(again.embed_passages(["one", "three", "one"]), vectors)
    assert np.allclose(again.embed_query("three"), vectors[1])
    assert len(inner.batches) == 1
    assert np.allclose(vectors, CountingEmbedder().embed_passages(["one", "three", "one"]))


def test_another_model_has_vectors_of_its_own(tmp_path: Path) -> None:
    RememberingEmbedder(CountingEmbedder(), tmp_path / "vectors").embed_passages(["one"])
    other = CountingEmbedder()
    other.revision = "2"
    RememberingEmbedder(other, tmp_path / "vectors").embed_passages(["one"])
    assert other.batches == [["one"]]


def test_without_a_file_it_remembers_as_long_as_it_lives() -> None:
    inner = CountingEmbedder()
    remembering = RememberingEmbedder(inner)
    remembering.embed_passages(["one"])
    remembering.embed_passages(["one", "two"])
    assert inner.batches == [["one"], ["two"]]


def test_limits_and_failures_are_those_of_the_model(tmp_path: Path) -> None:
    broken = RememberingEmbedder(CountingEmbedder(9, permanent=True), tmp_path / "vectors")
    with pytest.raises(EmbeddingError, match="busy"):
        broken.embed_passages(["one"])
    with pytest.raises(EmbeddingError, match="9 tokens"):
        broken.embed_passages(["a b c d e f g h i"])
    with sqlite3.connect(tmp_path / "vectors") as kept:
        assert kept.execute("SELECT count(*) FROM vectors").fetchone() == (0,)
