"""Teams: who is in them, who manages them, and how people are invited."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.accounts import teams as services
from portal.accounts.models import Membership, Team, User
from portal.web.requests import SignedInRequest, signed_in
from retrieval.errors import InvalidInputError, NotVisibleError


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the person's teams (for admins: all); POST creates one."""
    error = ""
    if request.method == "POST":
        try:
            made = services.create_team(user=request.user, name=request.POST.get("name", ""))
        except InvalidInputError as problem:
            error = str(problem)
        else:
            messages.success(request, f"The team “{made}” was created with you as its manager.")
            return redirect("team", slug=made.slug)
    visible = services.visible_teams(user=request.user).values("pk")
    counted = Team.objects.filter(pk__in=visible).annotate(people=Count("memberships"))
    context = {
        "teams": counted.order_by("name", "pk"),
        "error": error,
        "typed": request.POST,
        "section": "manage",
    }
    return render(request, "teams/list.html", context, status=400 if error else 200)


@signed_in
def show(request: SignedInRequest, slug: str) -> HttpResponse:
    return _team(request, services.get_visible_team(user=request.user, slug=slug))


def _team(request: SignedInRequest, team: Team, *, link: str = "", error: str = "") -> HttpResponse:
    may_manage = services.manages(user=request.user, team=team)
    invitations = team.invitations.filter(accepted_at__isnull=True, expires_at__gt=timezone.now())
    context = {
        "team": team,
        "memberships": team.memberships.select_related("user").order_by("user__name", "user__email", "pk"),
        "may_manage_team": may_manage,
        "invitations": invitations.order_by("email", "pk") if may_manage else [],
        "roles": Membership.Role.choices,
        "link": link,
        "typed": request.POST,
        "error": error,
        "section": "manage",
    }
    return render(request, "teams/show.html", context, status=400 if error else 200)


@require_POST
@signed_in
def invite(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make an invitation and show its link, this once."""
    team = services.get_visible_team(user=request.user, slug=slug)
    try:
        link = services.invite(
            user=request.user,
            team=team,
            email=request.POST.get("email", ""),
            role=request.POST.get("role", Membership.Role.MEMBER),
        )
    except InvalidInputError as error:
        return _team(request, team, error=str(error))
    return _team(request, team, link=link)


@require_POST
@signed_in
def change_role(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    team, member = _member(request, slug, user_id)
    try:
        services.set_member_role(
            user=request.user, team=team, member=member, role=request.POST.get("role", "")
        )
    except InvalidInputError as error:
        return _team(request, team, error=str(error))
    messages.success(request, f"The role of {member} was changed.")
    return redirect("team", slug=slug)


@require_POST
@signed_in
def remove(request: SignedInRequest, slug: str, user_id: int) -> HttpResponse:
    """Take someone out of the team, or leave it."""
    team, member = _member(request, slug, user_id)
    try:
        services.remove_member(user=request.user, team=team, member=member)
    except InvalidInputError as error:
        return _team(request, team, error=str(error))
    messages.success(
        request, f"{member} is no longer in {team}. What only {team} sees is closed to them now."
    )
    if request.user == member and not request.user.is_admin:
        return redirect("teams")
    return redirect("team", slug=slug)


def _member(request: SignedInRequest, slug: str, user_id: int) -> tuple[Team, User]:
    team = services.get_visible_team(user=request.user, slug=slug)
    member = User.objects.filter(memberships__team=team, pk=user_id).first()
    if member is None:
        raise NotVisibleError
    return team, member
