"""Collections: created for a team, opened by grants, narrowed document by document."""

import pytest

from portal.accounts.models import Team, User
from retrieval import access
from retrieval.collections import create_collection, describe_collection, narrow_document, set_grant
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Collection, Role
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def blue(alice: User) -> Team:
    return factories.team("Blue", managers=[alice])


@pytest.fixture
def plans(alice: User, blue: Team) -> Collection:
    return create_collection(user=alice, title="Plans", owner_team=blue)


def test_a_new_collection_is_its_teams_alone(alice: User, blue: Team, plans: Collection) -> None:
    assert access.role_in(user=alice, collection=plans) == Role.MANAGER
    assert not access.visible_collections(user=factories.user(is_admin=True)).exists()
    assert create_collection(user=alice, title="Plans", owner_team=blue).slug == "plans-2"


def test_members_and_outsiders_create_nothing(blue: Team) -> None:
    bob = factories.user()
    blue.memberships.create(user=bob)
    for person in (bob, factories.user()):
        with pytest.raises(NotAllowedError):
            create_collection(user=person, title="Mine", owner_team=blue)


@pytest.mark.parametrize("title", ["", "  ", "x" * 121])
def test_a_title_is_needed(alice: User, blue: Team, plans: Collection, title: str) -> None:
    with pytest.raises(InvalidInputError):
        create_collection(user=alice, title=title, owner_team=blue)
    with pytest.raises(InvalidInputError):
        describe_collection(user=alice, collection=plans, title=title, description="")


def test_a_grant_opens_and_its_end_closes(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    red = factories.team("Red", managers=[charlie])
    set_grant(user=alice, collection=plans, team=red, role=Role.READER)
    assert access.role_in(user=charlie, collection=plans) == Role.READER
    set_grant(user=alice, collection=plans, team=red, role=Role.CONTRIBUTOR)
    assert access.role_in(user=charlie, collection=plans) == Role.CONTRIBUTOR
    set_grant(user=alice, collection=plans, team=red, role=None)
    assert access.role_in(user=charlie, collection=plans) is None


def test_everyone_only_reads_and_the_owner_stays(alice: User, blue: Team, plans: Collection) -> None:
    with pytest.raises(InvalidInputError, match="reader role only"):
        set_grant(user=alice, collection=plans, team=None, role=Role.MANAGER)
    with pytest.raises(InvalidInputError, match="stays its manager"):
        set_grant(user=alice, collection=plans, team=blue, role=None)
    set_grant(user=alice, collection=plans, team=None, role=Role.READER)
    assert access.role_in(user=factories.user(), collection=plans) == Role.READER


def test_readers_grant_nothing(alice: User, plans: Collection) -> None:
    charlie = factories.user()
    red = factories.team("Red", managers=[charlie])
    set_grant(user=alice, collection=plans, team=red, role=Role.CONTRIBUTOR)
    with pytest.raises(NotAllowedError):
        set_grant(user=charlie, collection=plans, team=red, role=Role.MANAGER)


def test_narrowing_keeps_the_one_who_narrows(alice: User, blue: Team, plans: Collection) -> None:
    document = factories.document(plans)
    red = factories.team("Red")
    with pytest.raises(InvalidInputError, match="lose sight"):
        narrow_document(user=alice, document=document, teams=[red])
    narrow_document(user=alice, document=document, teams=[blue])
    assert access.who_sees(document=document)["narrowed"]
    narrow_document(user=alice, document=document, teams=None)
    assert not access.who_sees(document=document)["narrowed"]
