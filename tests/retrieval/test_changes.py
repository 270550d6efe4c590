"""A list of what is visible is kept, and never once anything that it depends on has changed."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.documents import delete_document
from portal.accounts.models import Membership, Team, User
from retrieval._kept import Kept
from retrieval.changes import STATE
from retrieval.models import Collection, Document, DocumentVersion, Grant
from retrieval.search import search
from tests import factories

PASSAGES = ["Annual leave is thirty days.", "Kettles are in the kitchen."]


def state() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {STATE}")
        return bytes(cursor.fetchone()[0])


def statements(user: User) -> int:
    with CaptureQueriesContext(connection) as captured:
        search(user=user, query="annual leave")
    return sum("SAVEPOINT" not in one["sql"] for one in captured.captured_queries)


def found(user: User) -> int:
    return search(user=user, query="annual leave").documents


CHANGES: dict[str, Callable[[User, Collection], object]] = {
    "grant": lambda _, made: factories.grant(made, team=None),
    "revocation": lambda *_: Grant.objects.all().delete(),
    "membership": lambda *_: Membership.objects.all().delete(),
    "role": lambda *_: Membership.objects.update(role=Membership.Role.MEMBER),
    "account": lambda *_: User.objects.update(is_active=False),
    "team": lambda *_: Team.objects.filter(name="Blue").update(slug="elsewhere"),
    "collection": lambda *_: Collection.objects.update(language="de"),
    "new collection": lambda *_: factories.collection("Other", owner=Team.objects.all()[0]),
    "deletion": lambda *_: Document.objects.update(deleted_at=timezone.now()),
    "narrowing": lambda *_: Document.objects.update(is_narrowed=True),
    "narrowed to": lambda *_: Document.objects.all()[0].narrowed_to.set(Team.objects.all()),
    "version": lambda *_: DocumentVersion.objects.update(first_place=7),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_a_list_depends_on_changes_the_state(
    name: str, people: tuple[User, User], handbook: Collection
) -> None:
    before = state()
    assert state() == before
    CHANGES[name](people[0], handbook)
    assert state() != before


@pytest.mark.django_db
def test_what_it_does_not_depend_on_leaves_the_state(people: tuple[User, User], handbook: Collection) -> None:
    before = state()
    people[0].last_login = timezone.now()
    people[0].save(update_fields=["last_login"])
    factories.question(people[0])
    search(user=people[0], query="annual leave")
    assert state() == before


@pytest.mark.django_db
def test_a_change_that_is_taken_back_leaves_the_state(
    people: tuple[User, User], handbook: Collection
) -> None:
    before = state()
    with transaction.atomic():
        factories.grant(handbook, team=None)
        within = state()
        transaction.set_rollback(True)
    assert within != before == state()


@pytest.mark.django_db
def test_the_list_is_read_once_until_something_changes(
    people: tuple[User, User], handbook: Collection
) -> None:
    alice, charlie = people
    search(user=alice, query="annual leave")
    kept = statements(alice)
    assert statements(alice) == kept
    factories.grant(handbook, team=None)
    assert statements(alice) == kept + 1
    assert found(charlie) == found(alice) == 1
    Grant.objects.filter(team=None).delete()
    assert (found(charlie), found(alice)) == (0, 1)
    delete_document(user=alice, document=Document.objects.get())
    assert found(alice) == 0


@pytest.mark.django_db
def test_rows_do_not_gather_and_never_are_those_of_before(
    people: tuple[User, User], handbook: Collection
) -> None:
    states, rows = {state()}, []
    for number in range(400):
        Collection.objects.update(description=str(number))
        states.add(state())
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM retrieval_change")
            rows.append(cursor.fetchone()[0])
    assert len(states) == 401
    assert 0 < min(rows) < max(rows) < 300
    assert found(people[0]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_from_when_its_transaction_ends(
    people: tuple[User, User], handbook: Collection
) -> None:
    alice, _ = people
    changed, may_end = threading.Event(), threading.Event()

    def revoke() -> None:
        with transaction.atomic():
            Grant.objects.all().delete()
            changed.set()
            may_end.wait(30)
        connection.close()

    thread = threading.Thread(target=revoke)
    thread.start()
    assert changed.wait(30)
    Collection.objects.update(description="Another change ends before that one.")
    assert found(alice) == 1
    may_end.set()
    thread.join()
    assert found(alice) == 0


def test_kept_is_the_newest_of_each_name_in_its_state_alone() -> None:
    kept: Kept[str] = Kept(most=10)
    kept.keep("alice", "old", state=b"1", weight=2)
    kept.keep("alice", "new", state=b"2", weight=2)
    assert kept.get("alice", state=b"1") is None
    assert kept.get("alice", state=b"2") == "new"
    assert kept.get("bob", state=b"2") is None


def test_nothing_is_kept_of_no_state() -> None:
    kept: Kept[str] = Kept(most=10)
    kept.keep("alice", "all", state=None, weight=1)
    assert kept.get("alice", state=None) is None


def test_what_was_used_longest_ago_makes_room() -> None:
    kept: Kept[str] = Kept(most=10)
    for name in ("alice", "bob"):
        kept.keep(name, name, state=b"1", weight=5)
    assert kept.get("alice", state=b"1")
    kept.keep("carol", "carol", state=b"1", weight=5)
    assert [kept.get(name, state=b"1") for name in ("alice", "bob", "carol")] == ["alice", None, "carol"]
    kept.keep("dave", "dave", state=b"1", weight=11)
    assert kept.get("dave", state=b"1") is None
    assert kept.get("carol", state=b"1")
