"""Home, the ask box, and search without an answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from ingestion.states import count_in_progress
from portal.accounts.models import User
from portal.answers import services
from portal.answers.suggestions import suggest
from portal.web.narrowing import narrowing
from portal.web.requests import SignedInRequest, signed_in
from retrieval import access
from retrieval.diversity import first_page
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Document
from retrieval.search import SearchResults, search, visible_counts

_BOXES = ("q", "bar-q")
_SEEN_AT = "home_seen_at"
_VISIT_GAP = timedelta(minutes=30)


@require_safe
@signed_in
def home(request: SignedInRequest) -> HttpResponse:
    fresh = _new_since_last_visit(request)
    recent = services.recent_questions(user=request.user, limit=5)
    return _home(request, extra={"fresh": fresh, "recent": recent})


def _home(request: SignedInRequest, *, extra: dict[str, object], status: int = 200) -> HttpResponse:
    context = ask_form(request.user, typed="", chosen=request.GET.getlist("collection"))
    if not context["has_documents"]:
        context["in_progress"] = count_in_progress(user=request.user)
    return render(request, "home.html", context | extra, status=status)


def ask_form(user: User, *, typed: str, chosen: Sequence[str]) -> dict[str, object]:
    """Return what the ask box shows: what is searched, what it can be narrowed to, what was typed."""
    counts = visible_counts(user=user)
    collections = access.visible_collections(user=user).order_by("title", "pk")
    return {
        "searched": describe_counts(counts.collections, counts.documents),
        "has_documents": bool(counts.documents),
        "choices": collections if counts.collections > 1 else None,
        "chosen": chosen,
        "typed": typed,
    }


def describe_counts(collections: int, documents: int) -> str:
    """Return “3 collections, 1,204 documents that you can see”."""
    return (
        f"{collections:,} collection{'' if collections == 1 else 's'}, "
        f"{documents:,} document{'' if documents == 1 else 's'} that you can see"
    )


def _new_since_last_visit(request: SignedInRequest) -> QuerySet[Document] | None:
    """Return what became readable since the visit before this one; visits half an hour apart are two."""
    now = timezone.now()
    last, before = request.session.get(_SEEN_AT, ["", ""])
    if not last or now - datetime.fromisoformat(last) > _VISIT_GAP:
        before = last
    request.session[_SEEN_AT] = [now.isoformat(), before]
    if not before:
        return None
    visible = access.visible_documents(user=request.user).select_related("collection")
    since = visible.filter(current_version__indexed_at__gt=datetime.fromisoformat(before))
    return since.order_by("-updated_at", "pk")[:5]


@require_POST
@signed_in
def ask(request: SignedInRequest) -> HttpResponse:
    """Store the question and go to its page, where it is answered; “Search only” goes to the results.

    With a conversation it is a follow-up in it.
    """
    typed, chosen = request.POST.get("q", ""), request.POST.getlist("collection")
    conversation = _conversation(request)
    try:
        if request.POST.get("action") == "search" and len(typed) <= settings.MAX_QUESTION_CHARS:
            query = urlencode({"q": typed, "collection": chosen}, doseq=True)
            return redirect(f"{reverse('search')}?{query}")
        question = services.ask(user=request.user, text=typed, collections=chosen, conversation=conversation)
    except InvalidInputError as error:
        told = ask_form(request.user, typed=typed, chosen=chosen) | {"error": str(error)}
        return _home(request, extra=told | {"conversation": conversation}, status=400)
    page = reverse("question", args=[question.pk])
    return redirect(f"{page}#now" if conversation else page)


def _conversation(request: SignedInRequest) -> UUID | None:
    """Return which conversation a question follows in. Raises NotVisibleError where it cannot be one."""
    named = request.POST.get("conversation")
    try:
        return UUID(named) if named else None
    except ValueError as error:
        raise NotVisibleError from error


@require_safe
@signed_in
def results(request: SignedInRequest) -> HttpResponse:
    """Show the passages that fit best, without an answer."""
    typed, chosen = request.GET.get("q", ""), request.GET.getlist("collection")
    found, error = _search(request.user, typed, chosen)
    context = ask_form(request.user, typed=typed, chosen=chosen)
    context |= {"results": found, "error": error}
    if found:
        links = narrowing(found, chosen)
        rows = [(hit, links.more.get(hit.document_id, "")) for hit in found.hits]
        context |= {"narrowing": links, "rows": rows}
    return render(request, "search.html", context, status=400 if error else 200)


def _search(user: User, typed: str, chosen: Sequence[str]) -> tuple[SearchResults | None, str]:
    try:
        found = search(
            user=user, query=typed, collections=chosen, limit=20, with_facets=True, arrangement=first_page()
        )
    except InvalidInputError as error:
        return None, str(error)
    return found, ""


@require_safe
@signed_in
def suggestions(request: SignedInRequest) -> HttpResponse:
    """Return the choices below a box; `box` is its id, by which each choice is named."""
    box = request.GET.get("box", "")
    context = {
        "suggestions": suggest(
            user=request.user, typed=request.GET.get("q", ""), collections=request.GET.getlist("collection")
        ),
        "box": box if box in _BOXES else _BOXES[0],
    }
    return render(request, "search/_suggestions.html", context)
