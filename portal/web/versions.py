"""The history of documents: their versions, moves between collections, and what was deleted."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ingestion.deleted import erased_after, restore_document, retention
from ingestion.moving import WiderAudienceError, audience_after_move, move_document
from ingestion.versions import document_history, roll_back
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Document, Role

PAGE = 50


@require_safe
@signed_in
def history(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """List the versions of a document for the managers of its collection."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    rows = document_history(user=request.user, document=document)
    return render(request, "documents/versions.html", {"document": document, "history": rows})


@require_POST
@signed_in
def roll_back_to(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    document = access.get_visible_document(user=request.user, document_id=document_id)
    number = whole_number(request.POST.get("version", ""))
    if number is None:
        raise NotVisibleError
    version = roll_back(user=request.user, document=document, number=number)
    told = f"Version {number} comes back as version {version.number} as soon as it is read."
    messages.success(request, told)
    return redirect("document_versions", document_id=document.pk)


@signed_in
def move(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Choose a collection, see who would see the document there, and move it."""
    document = access.get_visible_document(user=request.user, document_id=document_id, role=Role.CONTRIBUTOR)
    if request.method != "POST":
        return _choose_target(request, document)
    target = access.get_visible_collection(
        user=request.user, slug=request.POST.get("collection", ""), role=Role.CONTRIBUTOR
    )
    try:
        moved = move_document(
            user=request.user,
            document=document,
            target=target,
            allow_wider=request.POST.get("wider") == "yes",
        )
    except WiderAudienceError as error:
        audience = audience_after_move(user=request.user, document=document, target=target)
        context = {"document": document, "target": target, "audience": audience, "told": str(error)}
        return render(request, "documents/move_wider.html", context)
    except InvalidInputError as error:
        return _choose_target(request, document, error=str(error))
    messages.success(request, f"“{moved}” is in “{target}” now, with its history.")
    return redirect("document", document_id=moved.pk)


def _choose_target(request: SignedInRequest, document: Document, *, error: str = "") -> HttpResponse:
    targets = access.visible_collections(user=request.user, role=Role.CONTRIBUTOR)
    context = {
        "document": document,
        "targets": targets.exclude(pk=document.collection_id).order_by(Lower("title"), "pk"),
        "error": error,
    }
    return render(request, "documents/move.html", context, status=400 if error else 200)


@require_safe
@signed_in
def deleted(request: SignedInRequest, slug: str) -> HttpResponse:
    """List what was deleted from a collection and can still be restored."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.CONTRIBUTOR)
    gone = access.deleted_documents(user=request.user).filter(collection=collection)
    listed = gone.select_related("deleted_by").order_by("-deleted_at", "pk")
    page: Page[Document] = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    context = {
        "collection": collection,
        "rows": page,
        "gone": [(one, erased_after(one)) for one in page.object_list],
        "days": retention().days,
        "section": "collections",
    }
    return render(request, "collections/deleted.html", context)


@require_POST
@signed_in
def restore(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    document = access.get_deleted_document(user=request.user, document_id=document_id)
    restored = restore_document(user=request.user, document=document)
    messages.success(request, f"“{restored.name}” is back and queued to be read.")
    return redirect("document", document_id=restored.pk)
