"""The board of ingestion: what a person looks after, live, with what can be done about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from ingestion import board
from ingestion.forecast import Outlook, current_outlook, seconds_until_done
from ingestion.jobs import Action, act_on, jobs_looked_after, retry_failed
from ingestion.models import IngestionJob
from ingestion.states import STATE_WORDS, TONES, in_words
from ingestion.workers import alive_workers
from portal.web.requests import SignedInRequest, signed_in
from retrieval import access
from retrieval.models import Collection, Role

PAGE = 50
_SHOWN = (
    "version__document__collection",
    "version__document__current_version",
    "version__document__parent",
)
_DONE = {"retry": "queued again", "cancel": "cancelled", "reprocess": "queued to be read again"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with how many documents it leaves; `key` is empty for all."""

    key: str
    word: str
    tone: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class _Filter:
    """What the address narrows the board to."""

    state: str
    collection: Collection | None

    def address(self, *, page: int = 1, **changed: str) -> str:
        """Return the address of the board with this filter, or with another state or collection."""
        kept = {"state": self.state, "collection": self.collection.slug if self.collection else ""} | changed
        query = {key: value for key, value in kept.items() if value} | ({"page": page} if page > 1 else {})
        return reverse("manage_ingestion") + ("?" + urlencode(query) if query else "")


@require_safe
@signed_in
def show(request: SignedInRequest) -> HttpResponse:
    """Show the board, 50 documents a page, narrowed by ?state= and ?collection=."""
    chosen = _filter(request, request.GET)
    jobs = board.board_jobs(user=request.user, state=chosen.state, collection=chosen.collection)
    listed = jobs.select_related(*_SHOWN)
    page: Page[IngestionJob] = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    outlook = current_outlook()
    context = _summary(request, chosen, outlook) | {
        "rows": page,
        "board": board.board_rows(page.object_list, outlook),
        "looks_after_something": board.looks_after_something(user=request.user),
        "known": page.paginator.count,
        "kept": urlencode({"state": chosen.state, "collection": _slug(chosen)}) + "&",
        "section": "manage",
    }
    return render(request, "manage/ingestion.html", context)


@require_safe
@signed_in
def rows(request: SignedInRequest) -> HttpResponse:
    """Return the summary and the cells of the rows named by ?row=; htmx puts each in its place."""
    chosen = _filter(request, request.GET)
    jobs = jobs_looked_after(user=request.user).filter(version__document__in=_ids(request.GET, "row"))
    listed = jobs.select_related(*_SHOWN)
    outlook = current_outlook()
    context = _summary(request, chosen, outlook) | {
        "board": board.board_rows(listed[:PAGE], outlook),
        "known": request.GET.get("known", ""),
    }
    return render(request, "manage/_board_update.html", context)


@require_POST
@signed_in
def act(request: SignedInRequest) -> HttpResponse:
    """Retry, cancel or read again the chosen documents, or retry all that failed under the filter."""
    chosen = _filter(request, request.POST)
    action = request.POST.get("action", "")
    if action == "retry_failed":
        number = retry_failed(user=request.user, collection=chosen.collection)
        messages.success(request, f"{_documents(number)} queued again.")
    elif action in get_args(Action):
        _act_on_chosen(request, cast("Action", action))
    return redirect(chosen.address(page=_page(request.POST)))


def _act_on_chosen(request: SignedInRequest, action: Action) -> None:
    ids = _ids(request.POST, "document")
    if not ids:
        missing = "Choose the documents first: tick the boxes before their names."
        messages.error(request, missing, extra_tags="bad")
        return
    result = act_on(user=request.user, documents=ids, action=action)
    left = f" {_documents(result.skipped)} left as before: in no state for it." if result.skipped else ""
    messages.success(request, f"{_documents(result.done)} {_DONE[action]}.{left}")


def back_to_board(request: HttpRequest) -> HttpResponse:
    """Return to the board as a form on it names it; nothing but its own filters is taken over."""
    named = {key: request.POST.get(key, "") for key in ("state", "collection", "page")}
    query = urlencode({key: value for key, value in named.items() if value})
    return redirect(reverse("manage_ingestion") + ("?" + query if query else ""))


def _filter(request: SignedInRequest, query: QueryDict) -> _Filter:
    state, slug = query.get("state", ""), query.get("collection", "")
    collection = None
    if slug:
        collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.CONTRIBUTOR)
    return _Filter(state if state in board.STATES else "", collection)


def _summary(request: SignedInRequest, chosen: _Filter, outlook: Outlook) -> dict[str, object]:
    jobs = board.board_jobs(user=request.user, collection=chosen.collection)
    counts = board.count_states(jobs)
    left = seconds_until_done(jobs, outlook) if counts.in_progress else None
    return {
        "chosen": chosen,
        "counts": counts,
        "states": list(_state_chips(chosen, counts)),
        "collections": list(_collection_chips(request, chosen)),
        "left": left,
        "left_words": in_words(left) if left is not None else "",
        "workers": alive_workers(),
        "health": board.whole_portal(user=request.user) if request.user.is_admin else None,
        "words": STATE_WORDS,
        "listed": counts.by_state[chosen.state] if chosen.state else counts.total,
    }


def _state_chips(chosen: _Filter, counts: board.Counts) -> Iterator[Chip]:
    yield Chip("", "All", "", counts.total, chosen.address(state=""), not chosen.state)
    for state, count in counts.by_state.items():
        word, url = STATE_WORDS[state], chosen.address(state=state)
        yield Chip(state, word, TONES[state], count, url, chosen.state == state)


def _collection_chips(request: SignedInRequest, chosen: _Filter) -> Iterator[tuple[str, str, bool]]:
    """Yield title and address of each collection to narrow to, and whether it is the chosen one."""
    mine = access.visible_collections(user=request.user, role=Role.CONTRIBUTOR)
    yield "All collections", chosen.address(collection=""), chosen.collection is None
    for one in mine.order_by(Lower("title"), "pk"):
        yield one.title, chosen.address(collection=one.slug), one == chosen.collection


def _slug(chosen: _Filter) -> str:
    return chosen.collection.slug if chosen.collection else ""


def _page(query: QueryDict) -> int:
    number = query.get("page", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 1  # noqa: PLR2004


def _ids(query: QueryDict, name: str) -> list[UUID]:
    found = []
    for value in query.getlist(name)[:PAGE]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def _documents(number: int) -> str:
    return f"{number:,} document{'' if number == 1 else 's'}"
