"""The main job on real input: 49 public PDFs of three teams, ten questions, and what outsiders learn."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from pytest_django import DjangoDbBlocker

from ingestion.models import IngestionJob
from portal.accounts.models import User
from portal.answers.services import answer_now, ask
from portal.answers.shown import ShownAnswer, Source
from retrieval.indexing import clear_index
from retrieval.models import Chunk, Collection, Document
from tests.acceptance import leaks, library
from tests.acceptance.library import GROUPS, QUESTIONS, Library, Question
from tests.acceptance.walk import Outsider, scrubbed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the walk reads it to its end
]

by_question = pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked.question[:40])
by_group = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture(scope="module")
def us_public(corpora: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Library]:
    """Ingest once; each test rolls back what it adds, and the end empties the database for the others."""
    corpus = corpora / "us-public"
    if not corpus.is_dir():
        pytest.skip(f"needs {corpus}, which is not part of this repository")
    with django_db_blocker.unblock():
        try:
            yield library.build(corpus)
        finally:
            call_command("flush", interactive=False, verbosity=0, allow_cascade=True)


def _answer(user: User, question: str) -> ShownAnswer:
    return answer_now(user=user, question=ask(user=user, text=question))


def _cited_first(answer: ShownAnswer) -> Source:
    number = answer.sentences[0].marks[0].number
    return next(source for source in answer.sources if source.number == number)


def test_every_file_is_indexed_and_no_chunk_is_over_the_models_limit(us_public: Library) -> None:
    open_or_failed = IngestionJob.objects.exclude(state="indexed").select_related("version__document")
    assert [(job.document_version.document.name, job.state, job.message) for job in open_or_failed] == []
    assert Document.objects.filter(current_version__chunk_count__gt=0).count() == 49
    assert not Chunk.objects.filter(tokens__gt=254).exists()


@by_question
def test_a_member_is_answered_from_the_right_page(us_public: Library, asked: Question) -> None:
    answer = _answer(us_public.members[asked.group], asked.question)
    assert answer.state == "answered", answer.reason
    first = _cited_first(answer)
    assert (first.name, first.page) == (asked.document, asked.page)
    assert asked.must_contain in " ".join(sentence.text for sentence in answer.sentences)


@by_question
def test_an_outsider_is_refused_and_told_nothing(us_public: Library, asked: Question) -> None:
    hidden = us_public.collections[asked.group]
    for group, outsider in us_public.members.items():
        if group == asked.group:
            continue
        secrets = leaks.secrets_of(hidden, but_not=us_public.collections[group])
        walk = Outsider(outsider)
        answer = walk.answer(asked.question)
        assert answer["state"] == "refused", (group, answer["text"])
        for path, body in walk.bodies(asked.question):
            assert secrets.found_in(body) == [], path


@by_group
def test_hidden_addresses_answer_like_missing_ones(us_public: Library, group: str) -> None:
    hidden, member = us_public.collections[group], us_public.members[group]
    question = ask(user=member, text="What is in here?")
    document = Document.objects.filter(collection=hidden).order_by("name")[0]
    real = {"slug": hidden.slug, "document": document.pk, "question": question.pk}
    real |= {"team": us_public.teams[group].slug}
    missing = {"slug": "no-such-one", "document": uuid4(), "question": uuid4(), "team": "no-such-team"}
    for outsider in us_public.outsiders(group):
        walk = Outsider(outsider)
        for path in walk.ADDRESSES:
            told, nothing = (walk.open(path.format(**names)) for names in (real, missing))
            assert told.status_code == nothing.status_code, path
            assert told.status_code == (200 if path in Outsider.NARROWED else 404), path
            assert scrubbed(told, real) == scrubbed(nothing, missing), path


@by_group
def test_all_is_as_if_the_other_collections_did_not_exist(us_public: Library, group: str) -> None:
    """Counts, scores, snippets, suggestions: whatever a page is made of, hidden documents change none."""
    with_others = _all_that_is_shown_to(us_public.members[group])
    for other, collection in us_public.collections.items():
        if other != group:
            _erase(Collection.objects.get(pk=collection.pk))
    for seen_then, seen_now in zip(with_others, _all_that_is_shown_to(us_public.members[group]), strict=True):
        assert seen_now == seen_then


def _all_that_is_shown_to(member: User) -> list[object]:
    """Return what a walk shows, and take back that the questions were asked."""
    with transaction.atomic():
        walk = Outsider(member)
        shown = [part for asked in QUESTIONS for part in walk.comparable(asked.question)]
        transaction.set_rollback(True)
    return shown


def _erase(collection: Collection) -> None:
    """Delete a collection in the test's own transaction, which is rolled back at its end."""
    for document in collection.documents.select_related("current_version"):
        if document.current_version is not None:
            clear_index(version=document.current_version)
    collection.delete()


def test_the_corpora_are_not_in_the_repository() -> None:
    names = {asked.document for asked in QUESTIONS}
    assert not [path for path in (settings.BASE_DIR / "tests").rglob("*.pdf") if path.name in names]
