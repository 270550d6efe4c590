"""A question is embedded before it is known which model serves, and never by one elsewhere that may not."""

from llm.embedding import Embedder
from retrieval._embeddings import Embeddings
from tests.fakes.hash_embedder import HashEmbedder


def embedder() -> Embedder:
    return HashEmbedder()


def test_the_model_that_served_last_begins_early_and_is_not_asked_twice() -> None:
    embeddings, model = Embeddings(), embedder()
    assert embeddings.begin_early("leave") is None
    embeddings.begin(model, "leave", runs_here=True, early=None)
    early = embeddings.begin_early("kettle")
    assert early is not None
    assert embeddings.begin(model, "kettle", runs_here=True, early=early) is early


def test_another_model_that_serves_now_is_asked_itself() -> None:
    embeddings, before, now = Embeddings(), embedder(), embedder()
    embeddings.begin(before, "leave", runs_here=True, early=None)
    early = embeddings.begin_early("kettle")
    assert embeddings.begin(now, "kettle", runs_here=True, early=early).embedder is now


def test_a_server_elsewhere_is_asked_only_once_it_is_known_to_serve() -> None:
    embeddings, model = Embeddings(), embedder()
    embeddings.begin(model, "leave", runs_here=False, early=None)
    assert embeddings.begin_early("kettle") is None
