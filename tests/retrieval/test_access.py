"""The access rule: seen by team, hidden from outsiders, narrowed, deleted, revoked; and against an oracle."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.accounts.models import Membership, Team, User
from retrieval import access
from retrieval.errors import NotAllowedError, NotVisibleError
from retrieval.models import Collection, Document, Role
from tests import factories

pytestmark = pytest.mark.django_db


class World:
    """Alice and Bob are in Blue, which owns Plans; Charlie is in Red."""

    def __init__(self) -> None:
        self.alice, self.bob, self.charlie = factories.user(), factories.user(), factories.user()
        self.blue = factories.team("Blue", managers=[self.alice], members=[self.bob])
        self.red = factories.team("Red", managers=[self.charlie])
        self.plans = factories.collection("Plans", owner=self.blue)
        self.document = factories.document(self.plans, name="plan.pdf")


@pytest.fixture
def world() -> World:
    return World()


def seen(user: User) -> set[str]:
    return set(access.visible_documents(user=user).values_list("name", flat=True))


def test_a_team_sees_its_collection_and_an_outsider_does_not(world: World) -> None:
    assert seen(world.alice) == seen(world.bob) == {"plan.pdf"}
    assert seen(world.charlie) == set()
    assert list(access.visible_collections(user=world.charlie)) == []
    assert list(access.searchable_versions(user=world.charlie)) == []


def test_nobody_who_is_not_signed_in_sees_what_everyone_sees(world: World) -> None:
    factories.grant(world.plans, team=None)
    assert seen(world.charlie) == {"plan.pdf"}
    assert not access.visible_documents(user=AnonymousUser()).exists()
    assert not access.visible_collections(user=AnonymousUser()).exists()


def test_a_closed_account_sees_nothing(world: World) -> None:
    factories.grant(world.plans, team=None)
    world.bob.is_active = False
    world.bob.save()
    assert seen(world.bob) == set()


def test_an_admin_sees_nothing_by_being_an_admin(world: World) -> None:
    assert seen(factories.user(is_admin=True)) == set()


def test_narrowing_hides_a_document_from_the_rest_of_the_collection(world: World) -> None:
    factories.grant(world.plans, team=world.red)
    factories.document(world.plans, name="secret.pdf", narrowed_to=[world.blue])
    assert seen(world.bob) == {"plan.pdf", "secret.pdf"}
    assert seen(world.charlie) == {"plan.pdf"}


def test_narrowing_never_widens(world: World) -> None:
    factories.document(world.plans, name="secret.pdf", narrowed_to=[world.red])
    assert seen(world.charlie) == set()
    assert seen(world.bob) == {"plan.pdf"}


def test_narrowed_to_no_team_is_seen_by_nobody(world: World) -> None:
    factories.document(world.plans, name="lost.pdf", narrowed_to=[])
    assert seen(world.alice) == {"plan.pdf"}


def test_a_revocation_holds_at_once(world: World) -> None:
    world.blue.memberships.filter(user=world.bob).delete()
    assert seen(world.bob) == set()
    world.plans.grants.all().delete()
    assert seen(world.alice) == set()


def test_a_deleted_document_is_gone_for_all(world: World) -> None:
    Document.objects.update(deleted_at=timezone.now())
    assert seen(world.alice) == set()


def test_missing_and_hidden_raise_the_same(world: World) -> None:
    for document_id in (world.document.pk, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(NotVisibleError) as caught:
            access.get_visible_document(user=world.charlie, document_id=document_id)
        assert str(caught.value) == ""
    for slug in (world.plans.slug, "no-such"):
        with pytest.raises(NotVisibleError):
            access.get_visible_collection(user=world.charlie, slug=slug)


def test_roles_include_the_ones_below(world: World) -> None:
    grant = factories.grant(world.plans, team=world.red, role=Role.CONTRIBUTOR)
    access.require_role(user=world.charlie, collection=world.plans, role=Role.READER)
    access.require_role(user=world.charlie, collection=world.plans, role=Role.CONTRIBUTOR)
    with pytest.raises(NotAllowedError, match="manager role in “Plans”"):
        access.get_visible_document(user=world.charlie, document_id=world.document.pk, role=Role.MANAGER)
    grant.delete()
    assert access.role_in(user=world.charlie, collection=world.plans) is None
    assert access.role_in(user=world.bob, collection=world.plans) == Role.MANAGER


def test_only_managers_read_old_versions(world: World) -> None:
    factories.grant(world.plans, team=world.red)
    old = world.document.versions.get()
    new = world.document.versions.create(number=2, sha256="2" * 64, size=1, media_type="text/plain")
    Document.objects.update(current_version=new)
    readable = access.readable_versions
    assert set(readable(user=world.alice, document=world.document)) == {old, new}
    assert set(readable(user=world.charlie, document=world.document)) == {new}


def test_who_sees_names_the_teams(world: World) -> None:
    factories.grant(world.plans, team=None)
    assert access.who_sees(document=world.document) == {
        "everyone": True,
        "teams": ["Blue"],
        "narrowed": False,
    }
    narrowed = factories.document(world.plans, narrowed_to=[world.red])
    assert access.who_sees(document=narrowed) == {"everyone": False, "teams": ["Red"], "narrowed": True}


_people, _teams, _collections = range(4), range(3), range(3)
_subset = st.sets(st.sampled_from(_teams))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(_subset, min_size=4, max_size=4),
    grants=st.lists(_subset, min_size=3, max_size=3),
    everyone=st.sets(st.sampled_from(_collections)),
    documents=st.lists(
        st.tuples(st.sampled_from(_collections), st.none() | _subset, st.booleans()), max_size=8
    ),
)
def test_the_rule_agrees_with_an_oracle_in_plain_python(
    members: list[set[int]],
    grants: list[set[int]],
    everyone: set[int],
    documents: list[tuple[int, set[int] | None, bool]],
) -> None:
    _clear()
    people = [factories.user() for _ in _people]
    teams = [factories.team() for _ in _teams]
    for person, theirs in zip(people, members, strict=True):
        Membership.objects.bulk_create([Membership(team=teams[one], user=person) for one in theirs])
    owner = factories.team()
    collections = [factories.collection(owner=owner) for _ in _collections]
    for number, collection in enumerate(collections):
        for one in grants[number]:
            factories.grant(collection, team=teams[one])
        if number in everyone:
            factories.grant(collection, team=None)
    for number, (where, narrowed, deleted) in enumerate(documents):
        made = factories.document(
            collections[where],
            name=str(number),
            narrowed_to=None if narrowed is None else [teams[one] for one in narrowed],
        )
        Document.objects.filter(pk=made.pk, name=str(number)).update(
            deleted_at=timezone.now() if deleted else None
        )
    for person, theirs in zip(people, members, strict=True):
        expected = {
            str(number)
            for number, (where, narrowed, deleted) in enumerate(documents)
            if not deleted
            and (where in everyone or grants[where] & theirs)
            and (narrowed is None or narrowed & theirs)
        }
        assert seen(person) == expected


def _clear() -> None:
    Document.objects.all().delete()
    Collection.objects.all().delete()
    Membership.objects.all().delete()
    Team.objects.all().delete()
