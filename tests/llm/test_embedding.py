"""The real embedding model, and the rules that every provider is held to."""

import re
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from llm.embedding import Embedder, EmbedderSpec, Span, Vectors, _loaded, forget_embedders, load_embedder
from llm.errors import EmbeddingError
from llm.providers.local_embedding import DEFAULT_SHA256, find_model_folder
from tests.llm.conftest import SPEC


class CountingEmbedder(Embedder):
    """Words are tokens and their lengths the vector; fails as often as it is told to."""

    name, revision, dimension, max_tokens = "counting", "1", 2, 8
    batch_texts, batch_tokens = 4, 16

    def __init__(self, failures: int = 0, *, permanent: bool = False) -> None:
        super().__init__()
        self.failures, self.permanent = failures, permanent
        self.batches: list[list[str]] = []

    def token_spans(self, text: str) -> list[Span]:
        return [word.span() for word in re.finditer(r"\S+", text)]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        if self.failures:
            self.failures -= 1
            raise EmbeddingError("busy", permanent=self.permanent)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_vectors_are_unit_and_close_for_like_meaning(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(["The cat sleeps.", "A kitten is asleep.", "Interest rates rose."])
    assert vectors.shape == (3, embedder.dimension) == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.6
    assert vectors[0] @ vectors[2] < 0.2


def test_bfloat16_gives_the_vectors_of_float32() -> None:
    texts = ["The cat sleeps.", "Interest rates rose in the second quarter of 2023."]
    exact = load_embedder(EmbedderSpec(dtype="float32")).embed_passages(texts)
    fast = load_embedder(EmbedderSpec(dtype="bfloat16")).embed_passages(texts)
    assert np.sum(exact * fast, axis=1).min() > 0.998


def test_order_and_batching_do_not_change_a_vector(embedder: Embedder) -> None:
    texts = [f"Report {i} " + "about rates " * (i % 7) for i in range(40)]
    together = embedder.embed_passages(texts)
    for position in (0, 6, 39):
        assert together[position] @ embedder.embed_passages([texts[position]])[0] > 0.998


def test_tokens_have_spans_and_nothing_is_cut(embedder: Embedder) -> None:
    text = "Unbelievable takeoffs. " * 100
    spans = embedder.token_spans(text)
    assert len(spans) > embedder.max_tokens == 254
    assert text[slice(*spans[0])].startswith("U")
    assert spans[-1][1] == len(text.rstrip())


def test_a_text_at_the_limit_is_embedded_to_its_last_word_and_a_longer_one_refused(
    embedder: Embedder,
) -> None:
    whole, other = embedder.embed_passages(["cat " * 254, "cat " * 253 + "volcano"])
    assert whole @ other < 0.9999, "the last token made no difference: it was cut off"
    with pytest.raises(EmbeddingError, match="255 tokens") as caught:
        embedder.embed_passages(["fine", "cat " * 255])
    assert caught.value.permanent
    assert len(embedder.token_spans(embedder.shorten("cat " * 900))) == 254


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)


def test_a_spec_is_loaded_once_whoever_asks(embedder: Embedder) -> None:
    found: list[Embedder] = []
    threads = [threading.Thread(target=lambda: found.append(load_embedder(SPEC))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(one) for one in found} == {id(embedder)}


def test_a_question_does_not_wait_for_a_long_batch(embedder: Embedder) -> None:
    texts = [f"The {i}th report about rates and costs. " * 12 for i in range(60)]
    work = threading.Thread(target=embedder.embed_passages, args=(texts,))
    started = time.monotonic()
    work.start()
    time.sleep(0.1)
    embedder.embed_query("How high are the costs?")
    asked = time.monotonic() - started
    work.join()
    assert asked < (time.monotonic() - started) / 2


def test_other_weights_are_refused(tmp_path: Path) -> None:
    folder = find_model_folder(EmbedderSpec().model)
    assert folder
    shutil.copytree(folder, tmp_path / "model")
    with (tmp_path / "model" / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(EmbeddingError, match="not the expected one") as caught:
        load_embedder(EmbedderSpec(model=str(tmp_path / "model"), sha256=DEFAULT_SHA256))
    assert caught.value.permanent


def test_batches_keep_to_their_bounds_and_the_order_of_the_texts() -> None:
    embedder = CountingEmbedder()
    texts = ["a " * n for n in (1, 8, 2, 8, 1, 1, 1, 1, 1)]
    vectors = embedder.embed_passages(texts)
    assert [round(float(v[0] / v[1])) for v in vectors] == [len(text) for text in texts]
    for batch in embedder.batches:
        assert len(batch) <= 4
        assert len(batch) * max(len(text.split()) for text in batch) <= 16


def test_a_passing_fault_is_tried_again_and_a_lasting_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm.embedding._FIRST_PAUSE_SECONDS", 0)
    assert CountingEmbedder(2).embed_passages(["x"]).shape == (1, 2)
    with pytest.raises(EmbeddingError):
        CountingEmbedder(3).embed_passages(["x"])
    lasting = CountingEmbedder(1, permanent=True)
    with pytest.raises(EmbeddingError):
        lasting.embed_passages(["x"])
    assert len(lasting.batches) == 1


def test_a_repeated_question_comes_from_the_cache() -> None:
    embedder = CountingEmbedder()
    assert np.array_equal(embedder.embed_query("how"), embedder.embed_query("how"))
    assert len(embedder.batches) == 1


def test_a_text_that_is_too_long_is_embedded_in_parts_of_which_none_is_lost() -> None:
    embedder = CountingEmbedder()
    long, short = "some words more than the model reads " * 3, "few words"
    vectors = embedder.embed_in_parts([short, long, short])
    parts = embedder._parts(long)
    assert "".join(parts) == long
    assert all(len(part.split()) <= embedder.max_tokens for part in parts)
    assert {text for batch in embedder.batches for text in batch} == {short, *parts}
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], embedder.embed_passages([short])[0], atol=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[1], vectors[0])
    assert embedder.embed_in_parts([]).shape == (0, 2)


def test_what_cannot_be_parted_is_refused() -> None:
    embedder = CountingEmbedder()
    embedder.max_tokens = 0
    with pytest.raises(EmbeddingError, match="takes 0"):
        embedder.embed_in_parts(["x"])


def test_one_model_that_loads_slowly_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick, go_on = EmbedderSpec(model="slow"), EmbedderSpec(model="quick"), threading.Event()

    def load(spec: EmbedderSpec) -> Embedder:
        assert spec == quick or go_on.wait(timeout=20)
        return CountingEmbedder()

    monkeypatch.setattr("llm.embedding._load", load)
    loading = threading.Thread(target=load_embedder, args=(slow,))
    loading.start()
    found = load_embedder(quick)
    go_on.set()
    loading.join()
    assert load_embedder(quick) is found
    kept = {spec for spec in list(_loaded) if spec != quick}
    forget_embedders(keep=kept)
    assert load_embedder(quick) is not found
    forget_embedders(keep=kept - {slow})
