"""Teams: who may make them, who is in them, and how people get in."""

from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from portal.accounts.errors import LinkError
from portal.accounts.models import Invitation, Membership, Team, User
from portal.accounts.secrets import hash_secret, new_secret
from portal.accounts.services import set_password
from retrieval.errors import InvalidInputError, NotAllowedError, NotVisibleError

INVITATION_LIFETIME = timedelta(days=7)
_MAX_NAME = 120


def visible_teams(*, user: User) -> QuerySet[Team]:
    """Return the teams whose members this person may see: their own; for admins, all."""
    return Team.objects.all() if user.is_admin else Team.objects.filter(memberships__user=user)


def get_visible_team(*, user: User, slug: str) -> Team:
    """Return a team by its slug. Raises NotVisibleError."""
    if (found := visible_teams(user=user).filter(slug=slug).first()) is None:
        raise NotVisibleError
    return found


def manages(*, user: User, team: Team) -> bool:
    """Return whether this person may change the team: its managers and admins may."""
    return user.is_admin or team.memberships.filter(user=user, role=Membership.Role.MANAGER).exists()


def _require_manager(*, user: User, team: Team) -> None:
    if not manages(user=user, team=team):
        raise NotAllowedError(f"Only managers of {team} do this. Ask one of them, or an admin.")


@transaction.atomic
def create_team(*, user: User, name: str) -> Team:
    """Return a new team with the admin who makes it as its manager."""
    if not user.is_admin:
        raise NotAllowedError("Only admins create teams. Ask an admin.")
    name = " ".join(name.split())
    if not 1 <= len(name) <= _MAX_NAME:
        raise InvalidInputError("A team needs a name of 1 to 120 characters.")
    if Team.objects.filter(name__iexact=name).exists():
        raise InvalidInputError(f"There is a team named “{name}” already. Choose another name.")
    team = Team.objects.create(name=name, slug=_free_slug(name))
    Membership.objects.create(team=team, user=user, role=Membership.Role.MANAGER)
    return team


def _free_slug(name: str) -> str:
    base = slugify(name)[:60] or "team"
    slug, number = base, 1
    while Team.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug


def invite(*, user: User, team: Team, email: str, role: str = Membership.Role.MEMBER) -> str:
    """Return the URL of an invitation for one e-mail address to join a team, good for 7 days."""
    _require_manager(user=user, team=team)
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInputError(f"“{email}” is not an e-mail address. Check it for typing errors.") from error
    if role not in Membership.Role.values:
        raise InvalidInputError("Choose the role member or manager.")
    if team.memberships.filter(user__email__iexact=email).exists():
        raise InvalidInputError(f"{email} is in {team} already.")
    secret = new_secret()
    Invitation.objects.create(
        token_hash=hash_secret(secret),
        email=email,
        team=team,
        role=role,
        created_by=user,
        expires_at=timezone.now() + INVITATION_LIFETIME,
    )
    return urljoin(settings.BASE_URL + "/", reverse("invitation", args=[secret]))


def get_invitation(*, secret: str) -> Invitation:
    """Return an invitation that can still be accepted. Raises LinkError."""
    open_ones = Invitation.objects.filter(accepted_at__isnull=True, expires_at__gt=timezone.now())
    found = open_ones.filter(token_hash=hash_secret(secret)).select_related("team", "created_by").first()
    if found is None:
        raise LinkError("This invitation was used already or has expired. Ask the team for a new one.")
    return found


@transaction.atomic
def accept_invitation(*, secret: str, signed_in: User | None, name: str = "", password: str = "") -> User:
    """Join the team and return the person: the one signed in, or a new account for the invited address.

    Raises LinkError where the invitation cannot be used, InvalidInputError where the password is too weak,
    and NotAllowedError where the address has an account and someone else, or nobody, is signed in.
    """
    invitation = get_invitation(secret=secret)
    person = User.objects.filter(email__iexact=invitation.email).first()
    if person is not None and person != signed_in:
        raise NotAllowedError(
            f"{invitation.email} has an account already. Sign in to it and open this link again."
        )
    if person is None:
        person = User.objects.create_user(email=invitation.email, name=name)
        set_password(user=person, password=password)
    Membership.objects.get_or_create(team=invitation.team, user=person, defaults={"role": invitation.role})
    accepted = Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=True)
    if accepted.update(accepted_at=timezone.now()) != 1:
        raise LinkError("This invitation was used already. Ask the team for a new one.")
    return person


@transaction.atomic
def set_member_role(*, user: User, team: Team, member: User, role: str) -> None:
    """Make a member a manager or the other way round; a team keeps at least one manager."""
    _require_manager(user=user, team=team)
    if role not in Membership.Role.values:
        raise InvalidInputError("Choose the role member or manager.")
    if role != Membership.Role.MANAGER:
        _keep_a_manager(team=team, without=member)
    team.memberships.filter(user=member).update(role=role)


@transaction.atomic
def remove_member(*, user: User, team: Team, member: User) -> None:
    """Take a person out of a team; what they saw through it is closed to them from the next request on."""
    if user != member:
        _require_manager(user=user, team=team)
    _keep_a_manager(team=team, without=member)
    team.memberships.filter(user=member).delete()


def _keep_a_manager(*, team: Team, without: User) -> None:
    managers = team.memberships.select_for_update().filter(role=Membership.Role.MANAGER)
    if list(managers.values_list("user_id", flat=True)) == [without.pk]:
        raise InvalidInputError(
            f"{without} is the only manager of {team}. Make someone else a manager first."
        )
