"""Connectors: the sources of the collections that a person manages, their runs, and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ingestion import sources as services
from ingestion.connectors.kinds import KINDS
from ingestion.connectors.protocol import Field, Kind
from ingestion.models import Source
from ingestion.source_states import describe_source, describe_sources
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Role

_SHOWN_RUNS = 20
_SHOWN_ITEMS = 100
_PREFIX = "field-"
SCHEDULES = (
    (15, "every 15 minutes"),
    (60, "every hour"),
    (360, "every 6 hours"),
    (1440, "every day"),
    (10080, "every week"),
    (0, "only when somebody asks"),
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A field of a form with what stands in it."""

    field: Field
    value: str

    @property
    def input_name(self) -> str:
        return _PREFIX + self.field.name


@require_safe
@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the sources of the collections that the person manages."""
    managed = access.visible_collections(user=request.user, role=Role.MANAGER)
    rows = services.managed_sources(user=request.user).order_by("collection__title", "name", "pk")
    context = {
        "rows": describe_sources(rows),
        "kinds": KINDS.values(),
        "manages": managed.exists(),
        "section": "manage",
    }
    return render(request, "connectors/list.html", context)


@signed_in
def add(request: SignedInRequest, kind: str) -> HttpResponse:
    """Show the form of one kind; POST adds a source."""
    if kind not in KINDS:
        raise NotVisibleError
    if request.method == "POST":
        return _add(request, KINDS[kind])
    return _form(request, KINDS[kind], {one.name: one.default for one in KINDS[kind].fields})


def _add(request: SignedInRequest, kind: Kind) -> HttpResponse:
    collection = access.get_visible_collection(user=request.user, slug=request.POST.get("collection", ""))
    try:
        source = services.add_source(
            user=request.user,
            collection=collection,
            kind=kind.name,
            name=request.POST.get("name", ""),
            configuration=_configuration(request, kind),
            secret=request.POST.get("secret", ""),
            every_minutes=_minutes(request),
        )
    except InvalidInputError as error:
        return _form(request, kind, _configuration(request, kind), error=str(error))
    messages.success(request, f"“{source}” was added. Its first sync is queued.")
    return redirect("connector", source_id=source.pk)


def _configuration(request: SignedInRequest, kind: Kind) -> dict[str, str]:
    return {one.name: request.POST.get(_PREFIX + one.name, "") for one in kind.fields}


def _minutes(request: SignedInRequest) -> int:
    minutes = whole_number(request.POST.get("every", "60"))
    if minutes is None:
        raise InvalidInputError("Choose how often the source is to be synced.")
    return minutes


def _form(
    request: SignedInRequest,
    kind: Kind,
    values: Mapping[str, str],
    *,
    source: Source | None = None,
    error: str = "",
) -> HttpResponse:
    chosen = whole_number(request.POST.get("every", ""))
    if chosen is None:
        chosen = source.every_minutes if source else 60
    known = dict(SCHEDULES)
    context = {
        "kind": kind,
        "source": source,
        "fields": [Filled(one, values.get(one.name, "")) for one in kind.fields],
        "name": request.POST.get("name", source.name if source else ""),
        "every": chosen,
        "schedules": SCHEDULES if chosen in known else ((chosen, f"every {chosen} minutes"), *SCHEDULES),
        "collections": access.visible_collections(user=request.user, role=Role.MANAGER).order_by(
            "title", "pk"
        ),
        "collection": request.POST.get("collection") or request.GET.get("collection", ""),
        "error": error,
        "section": "manage",
    }
    return render(request, "connectors/form.html", context, status=400 if error else 200)


@require_safe
@signed_in
def show(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Show one source: its state, its last runs, and what failed at the last look."""
    source = services.get_source(user=request.user, source_id=source_id)
    troubled = services.troubled_items(source)
    kind = KINDS.get(source.kind)
    fields = kind.fields if kind else ()
    context = {
        "source": source,
        "kind": kind,
        "state": describe_source(source),
        "facts": [(one.label, source.configuration.get(one.name, "")) for one in fields],
        "schedule": dict(SCHEDULES).get(source.every_minutes, f"every {source.every_minutes} minutes"),
        "runs": source.runs.order_by("-started_at", "pk")[:_SHOWN_RUNS],
        "troubled": troubled[:_SHOWN_ITEMS],
        "troubled_count": troubled.count(),
        "section": "manage",
    }
    return render(request, "connectors/show.html", context)


@signed_in
def edit(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Show the settings of a source, never its secret; POST changes them."""
    source = services.get_source(user=request.user, source_id=source_id)
    kind = services.kind_named(source.kind)
    if request.method != "POST":
        return _form(request, kind, source.configuration, source=source)
    secret = request.POST.get("secret", "")
    try:
        services.change_source(
            user=request.user,
            source=source,
            name=request.POST.get("name", ""),
            configuration=_configuration(request, kind),
            secret=secret if secret or request.POST.get("forget") else None,
            every_minutes=_minutes(request),
        )
    except InvalidInputError as error:
        return _form(request, kind, _configuration(request, kind), source=source, error=str(error))
    messages.success(request, "The settings were saved. They hold from the next sync on.")
    return redirect("connector", source_id=source.pk)


@require_POST
@signed_in
def sync(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    source = services.get_source(user=request.user, source_id=source_id)
    services.sync_now(user=request.user, source=source)
    messages.success(request, f"A sync of “{source}” is queued.")
    return redirect("connector", source_id=source.pk)


@require_POST
@signed_in
def cancel(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    source = services.get_source(user=request.user, source_id=source_id)
    services.cancel_sync(user=request.user, source=source)
    messages.success(request, f"The sync of “{source}” was cancelled. What was taken in before stays.")
    return redirect("connector", source_id=source.pk)


@require_POST
@signed_in
def pause(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Stop the schedule, or with `on` let it go on."""
    source = services.get_source(user=request.user, source_id=source_id)
    is_enabled = request.POST.get("on") == "yes"
    services.pause_source(user=request.user, source=source, is_enabled=is_enabled)
    told = "goes on by its schedule" if is_enabled else "is paused; its documents stay"
    messages.success(request, f"“{source}” {told}.")
    return redirect("connector", source_id=source.pk)


@signed_in
def delete(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Ask whether the documents are to stay; POST deletes the source."""
    source = services.get_source(user=request.user, source_id=source_id)
    choice = request.POST.get("documents", "")
    if request.method == "POST" and choice in {"keep", "delete"}:
        services.delete_source(user=request.user, source=source, with_documents=choice == "delete")
        messages.success(request, f"“{source}” was deleted.")
        return redirect("connectors")
    count = source.items.filter(document__deleted_at__isnull=True, document__isnull=False).count()
    error = "Choose what happens to the documents." if request.method == "POST" else ""
    context = {"source": source, "count": count, "error": error, "section": "manage"}
    return render(request, "connectors/delete.html", context, status=400 if error else 200)
