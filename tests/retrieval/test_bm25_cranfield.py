"""BM25 in PostgreSQL beside bm25s, over the abstracts and questions of Cranfield, with the same tokens."""

import json
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
from django.conf import settings
from django.db import transaction

from portal.accounts.models import User
from retrieval.analysis import analyse
from retrieval.generations import embedder, serving_generation
from retrieval.identifiers import other_forms
from retrieval.indexing import NewChunk, NewIndex, publish_version
from retrieval.models import Collection, Document, DocumentVersion
from retrieval.search import search
from tests import factories
from tests.fakes.hash_embedder import serve_hashes

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(300)]

_A_DOCUMENT = 100
_TOP, _COMPARED = 10, 100
_SAME = 1e-3


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def cranfield() -> Path:
    folder: Path = settings.TEST_CORPORA.parent / "evalsets" / "cranfield"
    if not folder.is_dir():
        pytest.skip(f"needs the shared evaluation sets in {folder}, which are not part of this repository")
    return folder


@pytest.fixture
def texts(cranfield: Path) -> list[str]:
    found = (f"{row.get('title', '')}\n{row['text']}".strip() for row in rows(cranfield, "documents.jsonl"))
    return [text for text in found if text]


@pytest.fixture
def reader(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> User:
    """Return somebody who sees the abstracts, one a passage; documents have their first one's number."""
    serve_hashes(monkeypatch)
    alice = factories.user()
    shelf = factories.collection(owner=factories.team(managers=[alice]))
    for first in range(0, len(texts), _A_DOCUMENT):
        publish(shelf, str(first), texts[first : first + _A_DOCUMENT])
    return alice


@transaction.atomic
def publish(shelf: Collection, name: str, texts: list[str]) -> None:
    document = Document.objects.create(collection=shelf, name=name, title=name)
    version = DocumentVersion.objects.create(
        document=document, number=1, sha256="0" * 64, size=1, media_type="text/plain"
    )
    chunks = [NewChunk(at, text, "", (), None, None, 0, len(text), 1) for at, text in enumerate(texts)]
    index = NewIndex(
        text="\n\n".join(texts),
        blocks=[],
        pages=[],
        chunks=chunks,
        vectors=embedder().embed_passages(texts),
        title=name,
        parser="text",
        parser_version="1",
        warnings=(),
        metadata={},
    )
    publish_version(version=version, index=index, generation=serving_generation())


def test_scores_and_ranking_are_those_of_bm25s(reader: User, texts: list[str], cranfield: Path) -> None:
    reference = bm25s.BM25(method="lucene", k1=settings.BM25_K1, b=settings.BM25_B)
    reference.index([analyse(text, "en") for text in texts], show_progress=False)
    for row in rows(cranfield, "questions.jsonl"):
        question = row["question"].replace(" -", " ")  # one of them has a dash, which would exclude a word
        terms = list(dict.fromkeys([*analyse(question, "en"), *other_forms(question)]))
        expected = reference.get_scores(terms)
        hits = search(user=reader, query=question, limit=300).hits
        found = {int(hit.name) + hit.ordinal: hit.bm25 for hit in hits}
        for number, score in found.items():
            assert abs(score - expected[number]) < _SAME, (question, number)
        order = np.argsort(-expected, kind="stable")
        last = (
            max(expected[order[_COMPARED]], 0) + _SAME
        )  # those that tie with what comes after may be missing
        assert {int(at) for at in order[:_COMPARED] if expected[at] > last} <= found.keys(), question
        ranked = sorted(found.values(), reverse=True)[:_TOP]
        assert np.allclose(ranked, expected[order[:_TOP]], atol=_SAME), question
        sure = {int(at) for at in order[:_TOP] if expected[at] > expected[order[_TOP]] + _SAME}
        ours = sorted(found, key=lambda number: -found[number])[:_TOP]
        assert sure <= set(ours), question
