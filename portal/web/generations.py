"""Embedding models: which one searches, which are filled beside it, and the change from one to another."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from ingestion import generations as services
from ingestion.generation_states import describe_generations
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError
from retrieval.models import Generation

_FIELDS = ("model", "revision", "base_url", "max_tokens")


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the generations, for admins; POST adds one."""
    access.require_admin(user=request.user)
    if request.method == "POST":
        return _add(request)
    return _page(request)


def _add(request: SignedInRequest) -> HttpResponse:
    typed = {name: request.POST.get(name, "").strip() for name in _FIELDS}
    max_tokens = whole_number(typed["max_tokens"] or "0")
    if max_tokens is None:
        return _page(request, typed, error="Max tokens is a number, or empty.")
    try:
        made = services.add_generation(
            model=typed["model"],
            revision=typed["revision"],
            base_url=typed["base_url"],
            api_key=request.POST.get("api_key", ""),
            max_tokens=max_tokens,
        )
    except InvalidInputError as error:
        return _page(request, typed, error=str(error))
    messages.success(request, f"{made} was added. It fills beside the one that serves.")
    return redirect("generations")


def _page(request: SignedInRequest, typed: dict[str, str] | None = None, *, error: str = "") -> HttpResponse:
    states = describe_generations()
    context = {
        "states": states,
        "is_moving": any(state.is_moving for state in states) and not error,
        "typed": typed or {},
        "error": error,
        "section": "manage",
    }
    return render(request, "generations/list.html", context, status=400 if error else 200)


@require_POST
@signed_in
def act(request: SignedInRequest, generation_id: int) -> HttpResponse:
    """Pause, resume or flip to a generation; what cannot be is explained on the list."""
    access.require_admin(user=request.user)
    action = _ACTIONS.get(request.POST.get("action", ""))
    if action is not None:
        try:
            generation = services.get_generation(generation_id)
            messages.success(request, action(generation))
        except InvalidInputError as error:
            messages.error(request, str(error), extra_tags="bad")
    return redirect("generations")


def _pause(generation: Generation) -> str:
    services.pause_generation(generation=generation)
    return f"{generation} is paused. What it has is kept."


def _resume(generation: Generation) -> str:
    services.resume_generation(generation=generation)
    return f"{generation} is filling from where it stood."


def _flip(generation: Generation) -> str:
    before = services.flip_to(generation=generation)
    return f"{generation} serves from now on. {before} is kept complete, to flip back to."


_ACTIONS: dict[str, Callable[[Generation], str]] = {"pause": _pause, "resume": _resume, "flip": _flip}


@signed_in
def drop(request: SignedInRequest, generation_id: int) -> HttpResponse:
    """Ask whether a generation is to go for good; POST drops it."""
    access.require_admin(user=request.user)
    error = ""
    try:
        generation = services.get_generation(generation_id)
        if request.method == "POST":
            services.drop_generation(generation=generation)
            messages.success(request, f"{generation} was dropped with its vectors.")
            return redirect("generations")
    except InvalidInputError as refused:
        error = str(refused)
        generation = None
    if generation is None:
        messages.error(request, error, extra_tags="bad")
        return redirect("generations")
    return render(request, "generations/drop.html", {"generation": generation, "section": "manage"})
