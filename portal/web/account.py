"""Getting in and out: password, one-time link, invitation; and one's own password and API tokens."""

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from portal.accounts import services, teams, tokens
from portal.accounts.errors import TooManyAttemptsError
from portal.accounts.models import ApiToken, User
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval.errors import InvalidInputError

_WRONG = "The e-mail address and the password do not go together. Check both and try again."


@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by password; the answer to a wrong one is the same for known and unknown addresses."""
    if request.method != "POST":
        return redirect("home") if request.user.is_authenticated else _sign_in_page(request)
    try:
        person = services.check_password_sign_in(
            request=request,
            email=request.POST.get("email", ""),
            password=request.POST.get("password", ""),
            address=request.META.get("REMOTE_ADDR", ""),
        )
    except TooManyAttemptsError as error:
        return _sign_in_page(request, error=str(error), status=429)
    if person is None:
        return _sign_in_page(request, error=_WRONG, status=400)
    login(request, person)
    return redirect(_next(request))


def _sign_in_page(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    context = {"error": error, "email": request.POST.get("email", ""), "next": _next(request)}
    return render(request, "account/sign_in.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """Return where to go after signing in: an address of this portal, else home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    here = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=here, require_https=request.is_secure()):
        return wanted
    return resolve_url("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect("sign_in")


@never_cache
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show whom the link signs in; the button uses it up, so that a mail scanner's GET does not."""
    if request.method != "POST":
        person = services.get_link_user(secret=secret)
        return render(request, "account/link.html", {"person": person})
    person = services.use_sign_in_link(secret=secret)
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    if not person.has_usable_password():
        messages.info(
            request, "You are signed in. Set a password now, so that you can come back without a link."
        )
        return redirect("password")
    return redirect("home")


@sensitive_post_parameters("password")
@never_cache
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Let the invited person join: with the account they are signed in to, or with a new one."""
    invited = teams.get_invitation(secret=secret)
    has_account = User.objects.filter(email__iexact=invited.email).exists()
    context = {"invitation": invited, "has_account": has_account, "typed": request.POST, "error": ""}
    if request.method != "POST":
        return render(request, "account/invitation.html", context)
    try:
        person = _accept(request, secret)
    except InvalidInputError as error:
        return render(request, "account/invitation.html", context | {"error": str(error)}, status=400)
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    messages.success(request, f"Welcome. You are in the team {invited.team} now.")
    return redirect("home")


@sensitive_variables("password")
def _accept(request: HttpRequest, secret: str) -> User:
    signed_in_user = request.user if isinstance(request.user, User) else None
    name, password = request.POST.get("name", ""), request.POST.get("password", "")
    return teams.accept_invitation(
        secret=secret, signed_in=signed_in_user, name=name[:200], password=password
    )


@sensitive_post_parameters("password", "current")
@signed_in
def password(request: SignedInRequest) -> HttpResponse:
    """Set one's password; who has one already types it first."""
    error = ""
    if request.method == "POST" and not (error := _set_password(request)):
        update_session_auth_hash(request, request.user)
        messages.success(request, "Your password was saved.")
        return redirect("home")
    context = {"error": error, "has_password": request.user.has_usable_password()}
    return render(request, "account/password.html", context, status=400 if error else 200)


def _set_password(request: SignedInRequest) -> str:
    """Set the password and return an empty string, or say what is wrong with it."""
    person = request.user
    if person.has_usable_password() and not person.check_password(request.POST.get("current", "")):
        return "The current password is not right. Type it again."
    try:
        services.set_password(user=person, password=request.POST.get("password", ""))
    except InvalidInputError as error:
        return str(error)
    return ""


@signed_in
def api_tokens(request: SignedInRequest) -> HttpResponse:
    """List one's own tokens; POST makes one and shows its secret, this once."""
    secret, error = "", ""
    if request.method == "POST":
        try:
            _, secret = tokens.create_token(
                user=request.user,
                name=request.POST.get("name", ""),
                scopes=request.POST.getlist("scope"),
                days=whole_number(request.POST.get("days", "")) or 0,
            )
        except InvalidInputError as problem:
            error = str(problem)
    context = {
        "tokens": tokens.list_tokens(user=request.user),
        "scopes": ApiToken.Scope.choices,
        "secret": secret,
        "error": error,
        "typed": request.POST if error else {},
        "chosen": request.POST.getlist("scope") if error else ["read"],
        "max_days": tokens.MAX_DAYS,
    }
    return render(request, "account/tokens.html", context, status=400 if error else 200)


@require_POST
@signed_in
def revoke_token(request: SignedInRequest, token_id: int) -> HttpResponse:
    tokens.revoke_token(user=request.user, token_id=token_id)
    messages.success(request, "The token was revoked. Programs that use it are refused from now on.")
    return redirect("tokens")
