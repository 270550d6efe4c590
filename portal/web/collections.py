"""Collections: the list, one's documents with their state, upload, settings and grants."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from ingestion.deleted import retention
from ingestion.documents import add_document, delete_document
from ingestion.parsing.detect import SUPPORTED, accepted_types
from ingestion.states import describe_states, documents_with_state
from portal.accounts.models import Membership, Team, User
from portal.web.requests import SignedInRequest, signed_in
from retrieval import access
from retrieval.collections import (
    create_collection,
    delete_collection,
    describe_collection,
    may_create_collections,
    set_grant,
)
from retrieval.errors import InvalidInputError, NotAllowedError
from retrieval.models import Collection, Document, Role
from retrieval.tags import change_tags, clean_tag, read_tags

PAGE = 50
_SORTS: dict[str, tuple[str | OrderBy, str]] = {
    "name": (Lower("name").asc(), "pk"),
    "-name": (Lower("name").desc(), "pk"),
    "date": ("updated_at", "pk"),
    "-date": ("-updated_at", "pk"),
}
EVERYONE = "everyone"


@signed_in
def index(request: SignedInRequest) -> HttpResponse:
    """List the collections that the person sees; POST creates one."""
    if request.method == "POST":
        return _create(request)
    return _index(request)


def _index(request: SignedInRequest, *, error: str = "") -> HttpResponse:
    collections = access.visible_collections(user=request.user).select_related("owner_team")
    counts = _counts(request.user)
    rows = [(one, *counts.get(one.pk, (0, None))) for one in collections.order_by(Lower("title"), "pk")]
    context = {
        "rows": rows,
        "owner_teams": _teams_to_own(request.user),
        "may_create": may_create_collections(user=request.user),
        "section": "collections",
        "error": error,
        "typed": request.POST,
    }
    return render(request, "collections/list.html", context, status=400 if error else 200)


def _counts(user: User) -> dict[int, tuple[int, object]]:
    """Return how many documents the person sees in each collection, and when the last one changed."""
    visible = access.visible_documents(user=user).order_by().values_list("collection")
    counted = visible.annotate(number=Count("pk"), latest=Max("updated_at"))
    return {collection: (number, latest) for collection, number, latest in counted}


def _teams_to_own(user: User) -> QuerySet[Team]:
    teams = Team.objects.order_by("name", "pk")
    if user.is_admin:
        return teams
    return teams.filter(memberships__user=user, memberships__role=Membership.Role.MANAGER)


def _create(request: SignedInRequest) -> HttpResponse:
    team = _teams_to_own(request.user).filter(slug=request.POST.get("team", "")).first()
    if team is None:
        return _index(request, error="Choose the team that looks after the collection.")
    try:
        made = create_collection(
            user=request.user,
            title=request.POST.get("title", ""),
            description=request.POST.get("description", "")[:2000],
            owner_team=team,
        )
    except InvalidInputError as error:
        return _index(request, error=str(error))
    if access.role_in(user=request.user, collection=made) is None:
        messages.success(request, f"“{made}” was created. Only {team} sees it, and you are not in that team.")
        return redirect("collections")
    messages.success(request, f"“{made}” was created. Only {team} sees it until you open it to others.")
    return redirect("collection", slug=made.slug)


@require_safe
@signed_in
def show(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show the documents of a collection, 50 a page, each with its state."""
    collection = access.get_visible_collection(user=request.user, slug=slug)
    return render(request, "collections/show.html", _documents(request, collection))


@require_safe
@signed_in
def rows(request: SignedInRequest, slug: str) -> HttpResponse:
    """Return the state cells of one page of documents; htmx puts each in its place, so no row moves."""
    collection = access.get_visible_collection(user=request.user, slug=slug)
    return render(request, "collections/_states.html", _documents(request, collection))


def _documents(request: SignedInRequest, collection: Collection) -> dict[str, object]:
    sort = request.GET.get("sort", "name")
    sort = sort if sort in _SORTS else "name"
    documents = documents_with_state(user=request.user, collection=collection).order_by(*_SORTS[sort])
    if tag := clean_tag(request.GET.get("tag", "")):
        documents = documents.filter(tags__contains=[tag])
    page: Page[Document] = Paginator(documents, PAGE).get_page(request.GET.get("page"))
    states = describe_states(page.object_list)
    role = access.role_in(user=request.user, collection=collection)
    return {
        "collection": collection,
        "rows": page,
        "states": states,
        "in_progress": sum(not state.is_final for _, state in states),
        "ready": sum(state.tone == "good" for _, state in states),
        "sort": sort,
        "tag": tag,
        "kept": urlencode({"sort": sort} | ({"tag": tag} if tag else {})) + "&",
        "may_change": role in {Role.MANAGER, Role.CONTRIBUTOR},
        "may_manage_collection": role == Role.MANAGER,
        "accepted": ",".join(ending for kind in SUPPORTED.values() for ending in kind.extensions),
        "accepted_words": accepted_types(),
        "deleted_count": access.deleted_documents(user=request.user).filter(collection=collection).count(),
        "max_upload_mb": settings.MAX_UPLOAD_MB,
        "section": "collections",
    }


@require_POST
@signed_in
def upload(request: SignedInRequest, slug: str) -> HttpResponse:
    """Take one file or many. Scripts send one at a time and get JSON, a plain form gets messages."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.CONTRIBUTOR)
    try:
        tags = read_tags([request.POST.get("tags", "")])
        told = [_add(request, collection, file, tags) for file in request.FILES.getlist("files")]
    except InvalidInputError as error:  # of the tags: nothing was taken
        told = [(False, str(error))]
    if request.headers.get("Accept") == "application/json":
        first = told[0] if told else (False, "No file arrived. Choose a file and send it again.")
        return JsonResponse({"ok": first[0], "message": first[1]}, status=200 if first[0] else 400)
    if not told:
        messages.error(request, "Choose at least one file to upload.", extra_tags="bad")
    for is_good, message in told:
        messages.add_message(request, messages.INFO, message, extra_tags="good" if is_good else "bad")
    return redirect("collection", slug=slug)


def _add(
    request: SignedInRequest, collection: Collection, file: object, tags: Sequence[str]
) -> tuple[bool, str]:
    """Return whether a file was taken, and what to tell about it."""
    name = str(getattr(file, "name", ""))
    try:
        added = add_document(user=request.user, collection=collection, name=name, content=file, tags=tags)  # type: ignore[arg-type]  # an UploadedFile reads like a file
    except InvalidInputError as error:
        return False, str(error)
    told = {
        "created": f"“{added.document.name}” is uploaded and waits to be read.",
        "replaced": f"“{added.document.name}” is uploaded as version {added.version.number}.",
        "unchanged": f"“{added.document.name}” was here already with the same content. Nothing changed.",
    }
    return True, told[added.outcome]


@require_POST
@signed_in
def delete_documents(request: SignedInRequest, slug: str) -> HttpResponse:
    """Delete the chosen documents after a question on a page of its own."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.CONTRIBUTOR)
    chosen = _chosen(request, collection)
    if not chosen:
        return _none_chosen(request, slug)
    if request.POST.get("confirmed") != "yes":
        return render(
            request,
            "documents/delete.html",
            {"documents": chosen, "collection": collection, "days": retention().days},
        )
    for document in chosen:
        delete_document(user=request.user, document=document)
    messages.success(request, f"{len(chosen)} document{'' if len(chosen) == 1 else 's'} deleted.")
    return redirect("collection", slug=slug)


def _none_chosen(request: SignedInRequest, slug: str) -> HttpResponse:
    messages.error(
        request, "Choose the documents first: tick the boxes before their names.", extra_tags="bad"
    )
    return redirect("collection", slug=slug)


@require_POST
@signed_in
def tag_documents(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask which tags the chosen documents get or lose on a page of its own, then change them."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.CONTRIBUTOR)
    chosen = _chosen(request, collection)
    if not chosen:
        return _none_chosen(request, slug)
    act, typed, error = request.POST.get("act", ""), request.POST.get("tags", ""), ""
    if act in {"add", "remove"}:
        try:
            return _tag(request, collection, chosen, act, typed)
        except InvalidInputError as refused:
            error = str(refused)
    context = {
        "documents": chosen,
        "collection": collection,
        "tags_there": sorted({tag for document in chosen for tag in document.tags}),
        "typed": typed,
        "error": error,
        "section": "collections",
    }
    return render(request, "documents/tag.html", context, status=400 if error else 200)


def _tag(
    request: SignedInRequest, collection: Collection, chosen: Sequence[Document], act: str, typed: str
) -> HttpResponse:
    tags = read_tags([typed])
    if not tags:
        raise InvalidInputError("Write at least one tag, such as “invoices”.")
    changed = change_tags(user=request.user, documents=chosen, **{act: tags})
    told = f"{changed} document{'' if changed == 1 else 's'} {'were' if changed != 1 else 'was'} changed."
    left = len(chosen) - changed
    messages.success(request, told + (f" {left} had it so already." if left else ""))
    return redirect("collection", slug=collection.slug)


def _chosen(request: SignedInRequest, collection: Collection) -> Sequence[Document]:
    ids = [parsed for value in request.POST.getlist("document") if (parsed := _uuid(value))]
    visible = access.visible_documents(user=request.user).filter(collection=collection, pk__in=ids)
    return list(visible.select_related("collection").order_by(Lower("name"), "pk"))


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


@signed_in
def edit(request: SignedInRequest, slug: str) -> HttpResponse:
    """Title, description and who may see the collection."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.MANAGER)
    if request.method != "POST":
        return _settings(request, collection)
    try:
        return _change(request, collection)
    except (InvalidInputError, NotAllowedError) as error:
        return _settings(request, collection, error=str(error))


def _change(request: SignedInRequest, collection: Collection) -> HttpResponse:
    if request.POST.get("form") == "grant":
        _grant(request, collection)
        messages.success(request, "Who can see the collection was changed.")
    else:
        title, description = request.POST.get("title", ""), request.POST.get("description", "")[:2000]
        describe_collection(
            user=request.user,
            collection=collection,
            title=title,
            description=description,
            sensitivity=request.POST.get("sensitivity", ""),
        )
        messages.success(request, "Title, description and sensitivity were saved.")
    if access.role_in(user=request.user, collection=collection) != Role.MANAGER:
        return redirect("collections")
    return redirect("collection_settings", slug=collection.slug)


def _grant(request: SignedInRequest, collection: Collection) -> None:
    named = request.POST.get("team", "").strip()
    role = request.POST.get("role", "")
    if role not in {"", *Role.values}:
        raise InvalidInputError("Choose what they may do: reader, contributor or manager.")
    team = None
    if named != EVERYONE and (team := Team.objects.filter(name__iexact=named).first()) is None:
        raise InvalidInputError(f"There is no team named “{named[:80]}”. Check the name, or ask an admin.")
    set_grant(user=request.user, collection=collection, team=team, role=Role(role) if role else None)


def _settings(request: SignedInRequest, collection: Collection, *, error: str = "") -> HttpResponse:
    grants = collection.grants.select_related("team").order_by("team__name", "pk")
    context = {
        "collection": collection,
        "grants": grants,
        "is_open": any(grant.team is None for grant in grants),
        "roles": Role.choices,
        "sensitivities": Collection.Sensitivity.choices,
        "known_teams": Team.objects.filter(memberships__user=request.user)
        if not request.user.is_admin
        else Team.objects.all(),
        "error": error,
        "typed": request.POST,
        "section": "collections",
    }
    return render(request, "collections/settings.html", context, status=400 if error else 200)


@signed_in
def delete(request: SignedInRequest, slug: str) -> HttpResponse:
    """Delete a collection with everything in it; its title has to be typed."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.MANAGER)
    error = ""
    if request.method == "POST":
        if request.POST.get("title", "").strip() == collection.title:
            delete_collection(user=request.user, collection=collection)
            messages.success(request, f"“{collection.title}” was deleted with everything in it.")
            return redirect(reverse("collections"))
        error = f"Type the title “{collection.title}” to confirm."
    count = access.visible_documents(user=request.user).filter(collection=collection).count()
    context = {"collection": collection, "count": count, "error": error, "section": "collections"}
    return render(request, "collections/delete.html", context, status=400 if error else 200)
