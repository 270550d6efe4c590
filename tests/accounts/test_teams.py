"""Teams: made by admins, filled by invitation, never without a manager."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts import teams
from portal.accounts.errors import LinkError
from portal.accounts.models import Invitation, Team, User
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.com")


@pytest.fixture
def blue(alice: User) -> Team:
    return factories.team("Blue", managers=[alice])


def secret_of(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def test_an_admin_creates_a_team_and_manages_it() -> None:
    admin = factories.user(is_admin=True)
    team = teams.create_team(user=admin, name="  Field   service ")
    assert (team.name, team.slug) == ("Field service", "field-service")
    assert teams.manages(user=admin, team=team)


@pytest.mark.parametrize(
    ("name", "message"), [("", "1 to 120"), ("x" * 121, "1 to 120"), ("blue", "already")]
)
def test_a_team_needs_a_free_name(blue: Team, name: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        teams.create_team(user=factories.user(is_admin=True), name=name)


def test_others_create_no_teams(alice: User) -> None:
    with pytest.raises(NotAllowedError):
        teams.create_team(user=alice, name="Mine")


def test_an_invitation_makes_an_account_in_the_team_once(alice: User, blue: Team) -> None:
    secret = secret_of(teams.invite(user=alice, team=blue, email="New@Example.com"))
    assert secret not in str(list(Invitation.objects.values()))
    person = teams.accept_invitation(secret=secret, signed_in=None, name="New", password=factories.PASSWORD)
    assert person.email == "new@example.com"
    assert person.check_password(factories.PASSWORD)
    assert blue.memberships.filter(user=person, role="member").exists()
    with pytest.raises(LinkError):
        teams.accept_invitation(secret=secret, signed_in=None, name="Again", password=factories.PASSWORD)


def test_a_weak_password_makes_no_account(alice: User, blue: Team) -> None:
    secret = secret_of(teams.invite(user=alice, team=blue, email="new@example.com"))
    with pytest.raises(InvalidInputError, match="12"):
        teams.accept_invitation(secret=secret, signed_in=None, name="New", password="short")
    assert not User.objects.filter(email="new@example.com").exists()
    assert teams.get_invitation(secret=secret)


def test_an_invitation_of_someone_known_is_accepted_by_them_alone(alice: User, blue: Team) -> None:
    bob, charlie = factories.user("bob@example.com"), factories.user("charlie@example.com")
    secret = secret_of(teams.invite(user=alice, team=blue, email="bob@example.com"))
    for wrong in (None, charlie):
        with pytest.raises(NotAllowedError, match="Sign in"):
            teams.accept_invitation(secret=secret, signed_in=wrong, password=factories.PASSWORD)
    assert teams.accept_invitation(secret=secret, signed_in=bob) == bob
    assert blue.memberships.filter(user=bob).exists()
    assert not blue.memberships.filter(user=charlie).exists()


def test_an_expired_invitation_is_refused(alice: User, blue: Team) -> None:
    secret = secret_of(teams.invite(user=alice, team=blue, email="new@example.com"))
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkError, match="expired"):
        teams.get_invitation(secret=secret)


def test_members_and_outsiders_invite_nobody(blue: Team) -> None:
    bob = factories.user()
    blue.memberships.create(user=bob)
    for person in (bob, factories.user()):
        with pytest.raises(NotAllowedError):
            teams.invite(user=person, team=blue, email="new@example.com")


def test_an_outsider_does_not_see_a_team(alice: User, blue: Team) -> None:
    assert teams.get_visible_team(user=alice, slug="blue") == blue
    for slug in ("blue", "no-such"):
        with pytest.raises(NotVisibleError):
            teams.get_visible_team(user=factories.user(), slug=slug)


def test_a_team_keeps_a_manager(alice: User, blue: Team) -> None:
    with pytest.raises(InvalidInputError, match="only manager"):
        teams.remove_member(user=alice, team=blue, member=alice)
    with pytest.raises(InvalidInputError, match="only manager"):
        teams.set_member_role(user=alice, team=blue, member=alice, role="member")
    bob = factories.user()
    blue.memberships.create(user=bob)
    teams.set_member_role(user=alice, team=blue, member=bob, role="manager")
    teams.remove_member(user=bob, team=blue, member=alice)
    assert list(blue.members.all()) == [bob]


def test_anyone_may_leave(alice: User, blue: Team) -> None:
    bob = factories.user()
    blue.memberships.create(user=bob)
    teams.remove_member(user=bob, team=blue, member=bob)
    assert list(blue.members.all()) == [alice]
