from portal.accounts.models import Membership, Team
from tests import factories
from tests.factories import Cast
from tests.web.browser import Reader, text


def test_one_sees_ones_own_teams(cast: Cast) -> None:
    page = text(Reader(cast.bob).get("/teams"))
    assert "Blue" in page
    assert "Red" not in page


def test_admins_see_and_create_teams(cast: Cast) -> None:
    admin = Reader(factories.user(is_admin=True))
    assert "Red" in text(admin.get("/teams"))
    assert "with you as its manager" in text(admin.post("/teams", {"name": "Green"}, follow=True))
    assert "already" in text(admin.post("/teams", {"name": "green"}), 400)


def test_others_do_not_create_teams(cast: Cast) -> None:
    assert Reader(cast.alice).post("/teams", {"name": "Green"}).status_code == 403
    assert not Team.objects.filter(name="Green").exists()


def test_members_see_members(cast: Cast) -> None:
    page = text(Reader(cast.bob).get("/teams/blue"))
    assert "alice@example.com" in page
    assert "Invite someone" not in page


def test_outsiders_see_nothing(cast: Cast) -> None:
    outsider = Reader(cast.charlie)
    assert outsider.get("/teams/blue").status_code == outsider.get("/teams/none").status_code == 404
    assert outsider.post(f"/teams/blue/members/{cast.bob.pk}/remove").status_code == 404


def test_invite_shows_the_link_once(cast: Cast) -> None:
    reader = Reader(cast.alice)
    page = text(reader.post("/teams/blue/invite", {"email": "eve@example.com", "role": "member"}))
    assert "/invitation/" in page
    assert "/invitation/" not in text(reader.get("/teams/blue"))
    assert "eve@example.com" in text(reader.get("/teams/blue"))


def test_a_bad_address_is_explained_and_kept(cast: Cast) -> None:
    page = text(Reader(cast.alice).post("/teams/blue/invite", {"email": "eve at home"}), 400)
    assert "is not an e-mail address" in page
    assert 'value="eve at home"' in page


def test_members_manage_nothing(cast: Cast) -> None:
    member = Reader(cast.bob)
    assert member.post("/teams/blue/invite", {"email": "eve@example.com"}).status_code == 403
    assert member.post(f"/teams/blue/members/{cast.bob.pk}/role", {"role": "manager"}).status_code == 403
    assert member.post(f"/teams/blue/members/{cast.alice.pk}/remove").status_code == 403


def test_roles_change_and_a_manager_stays(cast: Cast) -> None:
    reader = Reader(cast.alice)
    alone = reader.post(f"/teams/blue/members/{cast.alice.pk}/role", {"role": "member"})
    assert "only manager" in text(alone, 400)
    reader.post(f"/teams/blue/members/{cast.bob.pk}/role", {"role": "manager"})
    assert cast.blue.memberships.get(user=cast.bob).role == Membership.Role.MANAGER


def test_removing_closes_at_once(cast: Cast) -> None:
    bob = Reader(cast.bob)
    assert bob.get(f"/documents/{cast.paper.pk}").status_code == 200
    Reader(cast.alice).post(f"/teams/blue/members/{cast.bob.pk}/remove")
    assert bob.get(f"/documents/{cast.paper.pk}").status_code == 404


def test_one_may_leave(cast: Cast) -> None:
    assert Reader(cast.bob).post(f"/teams/blue/members/{cast.bob.pk}/remove").headers["Location"] == "/teams"


def test_manage_shows_what_needs_a_hand(cast: Cast) -> None:
    factories.failed_document(cast.papers, name="locked.pdf")
    assert "locked.pdf" in text(Reader(cast.alice).get("/manage", follow=True))
    assert "locked.pdf" not in text(Reader(cast.charlie).get("/manage", follow=True))
