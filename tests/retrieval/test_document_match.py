"""A question that names a document by its maker, its period or as the latest finds that one first."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from portal.accounts.models import User
from retrieval.models import Collection, Document
from retrieval.search import SearchResults, search
from tests import factories

pytestmark = pytest.mark.django_db

PASSAGES = ["Staff are paid at the end of the month."]
_BODY = (
    "The gross margin rose because freight became cheaper than in the months before.",
    "Gross margin is what is left of the revenue after the cost of what was sold.",
)


def report(collection: Collection, name: str, head: str, *, title: str = "Quarterly report") -> Document:
    return factories.searchable_document(collection, name=name, title=title, passages=[head, *_BODY])


@pytest.fixture
def reports(people: tuple[User, User], handbook: Collection) -> Collection:
    for company in ("Falcon", "Heron"):
        for period in ("2022 Q4", "2023 Q1", "2023 Q2"):
            report(
                handbook, f"{period} {company[:3].upper()}.pdf", f"{company} Industries, quarterly report."
            )
    return handbook


def first_name(user: User, query: str, **settings: float) -> str:
    with override_settings(**settings):
        return search(user=user, query=query).hits[0].name


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Why did the gross margin of Heron rise in Q1 2023?", "2023 Q1 HER.pdf"),
        ("Why did the gross margin of Falcon rise in the first quarter of 2023?", "2023 Q1 FAL.pdf"),
        ("Why did Heron's gross margin rise in the latest quarterly report?", "2023 Q2 HER.pdf"),
        ("gross margin falcon most recent quarter", "2023 Q2 FAL.pdf"),
        ("gross margin, Falcon, fourth quarter 2022", "2022 Q4 FAL.pdf"),
    ],
)
def test_the_document_that_is_meant_comes_first(
    people: tuple[User, User], reports: Collection, question: str, name: str
) -> None:
    assert first_name(people[0], question) == name


def test_without_it_passages_that_say_the_same_are_not_told_apart(
    people: tuple[User, User], reports: Collection
) -> None:
    question = "Why did Heron's gross margin rise in the latest quarterly report?"
    assert first_name(people[0], question, FUSION_DOCUMENT_WEIGHT=0.0) != "2023 Q2 HER.pdf"


def test_a_period_is_read_from_the_beginning_where_the_name_has_none(
    people: tuple[User, User], handbook: Collection
) -> None:
    for number, day in enumerate(("March 31, 2023", "June 30, 2023", "September 30, 2023")):
        report(handbook, f"scan-{number}.pdf", f"Falcon Industries, for the quarterly period ended {day}.")
    assert first_name(people[0], "gross margin in Q2 2023") == "scan-1.pdf"
    assert first_name(people[0], "latest gross margin") == "scan-2.pdf"


def test_the_latest_of_documents_without_periods_is_the_one_changed_last(
    people: tuple[User, User], handbook: Collection
) -> None:
    for days, name in ((30, "one.pdf"), (1, "two.pdf"), (60, "three.pdf")):
        made = report(handbook, name, "Falcon Industries.")
        Document.objects.filter(pk=made.pk).update(updated_at=timezone.now() - timedelta(days=days))
    assert first_name(people[0], "gross margin in the latest report") == "two.pdf"


def test_a_newer_document_on_something_else_is_not_the_latest(
    people: tuple[User, User], reports: Collection
) -> None:
    report(reports, "2024 Q1 OWL.pdf", "Owl Limited, quarterly report.")
    assert first_name(people[0], "Heron's gross margin in the latest report") == "2023 Q2 HER.pdf"


def test_a_hidden_document_moves_nothing(people: tuple[User, User], reports: Collection) -> None:
    alice, charlie = people

    def seen() -> list[tuple[str, int, float]]:
        results: SearchResults = search(user=alice, query="Heron gross margin, latest report", limit=50)
        return [(hit.name, hit.ordinal, hit.score) for hit in results.hits]

    before = seen()
    hidden = factories.collection("Hidden", owner=charlie.memberships.get().team)
    report(hidden, "2024 Q4 HER.pdf", "Heron Industries, quarterly report.")
    factories.searchable_document(
        reports, name="2025 Q1 HER.pdf", title="Heron", passages=["Heron", *_BODY], narrowed_to=[]
    )
    assert seen() == before


def test_scores_stay_between_0_and_1_and_fall(people: tuple[User, User], reports: Collection) -> None:
    scores = [
        hit.score for hit in search(user=people[0], query="latest Heron margin in Q2 2023", limit=50).hits
    ]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_document_of_one_passage_is_not_left_behind(people: tuple[User, User], reports: Collection) -> None:
    note = "Heron's gross margin rose in Q1 2023 because freight became cheaper, said the auditor."
    factories.searchable_document(reports, name="note.txt", title="Note", passages=[note])
    assert first_name(people[0], "What did the auditor say of Heron's gross margin in Q1 2023?") == "note.txt"
