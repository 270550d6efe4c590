"""Prompts: the versions of the system prompt, their comparison, and which one is active."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from portal.llms import prompts
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the versions, for admins; POST keeps a new draft. `?from=3` begins with that version's text."""
    access.require_admin(user=request.user)
    error = ""
    if request.method == "POST":
        try:
            made = prompts.draft_version(
                user=request.user,
                template=request.POST.get("template", ""),
                note=request.POST.get("note", ""),
            )
        except InvalidInputError as refused:
            error = str(refused)
        else:
            messages.success(request, f"{made} is kept as a draft. Compare it, then activate it.")
            return redirect("llm_prompt", number=made.number)
    versions = prompts.list_versions()
    context = {
        "versions": versions,
        "typed": request.POST if error else {"template": _begin_with(request, versions)},
        "variables": prompts.variables(),
        "error": error,
        "section": "manage",
    }
    return render(request, "llms/prompts.html", context, status=400 if error else 200)


def _begin_with(request: SignedInRequest, versions: list[prompts.Version]) -> str:
    wanted = whole_number(request.GET.get("from", ""))
    chosen = next((one for one in versions if one.number == wanted), None)
    return (chosen or next(one for one in versions if one.is_active)).template


@signed_in
def show(request: SignedInRequest, number: int) -> HttpResponse:
    """One version, compared with another (`?with=2`; the active one unless it is named)."""
    access.require_admin(user=request.user)
    try:
        version = prompts.get_version(number)
    except InvalidInputError as gone:
        messages.error(request, str(gone), extra_tags="bad")
        return redirect("llm_prompts")
    versions = prompts.list_versions()
    wanted = whole_number(request.GET.get("with", ""))
    other = next((one for one in versions if one.number == wanted), None)
    other = other or next(one for one in versions if one.is_active)
    context = {
        "version": version,
        "other": other,
        "versions": versions,
        "lines": prompts.compare(other.template, version.template),
        "is_same": other.number == version.number,
        "sent": _preview(version.template),
        "portal": settings.PORTAL_NAME,
        "section": "manage",
    }
    return render(request, "llms/prompt.html", context)


def _preview(template: str) -> str:
    try:
        return prompts.preview(template)
    except InvalidInputError as error:
        return str(error)


@require_POST
@signed_in
def act(request: SignedInRequest, number: int) -> HttpResponse:
    """Activate a version, also an earlier one, or delete a draft."""
    access.require_admin(user=request.user)
    try:
        if request.POST.get("action") == "activate":
            active = prompts.activate(user=request.user, number=number)
            messages.success(request, f"Version {active.number} is active from the next question on.")
        elif request.POST.get("action") == "delete":
            prompts.delete_draft(number=number)
            messages.success(request, f"The draft {number} was deleted.")
    except InvalidInputError as error:
        messages.error(request, str(error), extra_tags="bad")
    return redirect("llm_prompts")
