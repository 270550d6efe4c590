"""The viewer of a document and what its managers do to it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from ingestion.deleted import retention
from ingestion.documents import delete_document
from ingestion.jobs import cancel_document, reprocess_document, retry_document
from ingestion.parsing.errors import ParseError
from ingestion.states import describe_states, documents_with_state
from portal.accounts.models import Team
from portal.web.ingestion import back_to_board
from portal.web.page_images import page_image
from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access, reading
from retrieval.authors import follow_file, set_author
from retrieval.blobs import blob_path
from retrieval.collections import narrow_document
from retrieval.errors import InvalidInputError, NotVisibleError
from retrieval.models import Document, DocumentVersion, Role
from retrieval.pins import add_pin, pins_of, remove_pin
from retrieval.tags import read_tags, set_tags
from retrieval.verification import is_verified, verify_document, withdraw_verification

_PIECE = 1 << 20
_CHILDREN_SHOWN = 50


@require_safe
@signed_in
def show(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Show a document: page images with the passage boxed, or the text with the passage marked."""
    return _viewer(request, document_id)


def _viewer(request: SignedInRequest, document_id: UUID, *, error: str = "") -> HttpResponse:
    document = access.get_visible_document(user=request.user, document_id=document_id)
    version = _version(request, document)
    context: dict[str, object] = {"document": document, "version": version, "error": error}
    context |= _facts(request, document)
    is_current = version is not None and version.pk == document.current_version_id
    context |= {"is_current": is_current, "is_verified": is_current and is_verified(document)}
    if version is not None:
        context |= _content(request, version)
    return render(request, "documents/show.html", context, status=400 if error else 200)


def _version(request: SignedInRequest, document: Document) -> DocumentVersion | None:
    """Return the version asked for with ?version=, else the current one; None before the first is read."""
    asked = _number(request, "version")
    if asked is None:
        return document.current_version
    readable = access.readable_versions(user=request.user, document=document)
    if (found := readable.filter(number=asked).first()) is None:
        raise NotVisibleError
    return found


def _number(request: SignedInRequest, name: str) -> int | None:
    return whole_number(request.GET.get(name, ""))


def _passage(request: SignedInRequest) -> reading.Span | None:
    start, end = _number(request, "start"), _number(request, "end")
    return reading.Span(start, end) if start is not None and end is not None and start < end else None


def _content(request: SignedInRequest, version: DocumentVersion) -> dict[str, object]:
    passage = _passage(request)
    kept = f"&start={passage.start}&end={passage.end}" if passage else ""
    if _number(request, "version") is not None:
        kept += f"&version={version.number}"
    context: dict[str, object] = {"passage": passage, "kept": kept}
    if reading.has_page_images(version):
        return context | _pages(request, version, passage)
    position = _number(request, "from")
    around = position if position is not None else passage.start if passage else 0
    return context | {"text": reading.text_window(version=version, around=around, passage=passage)}


def _pages(
    request: SignedInRequest, version: DocumentVersion, passage: reading.Span | None
) -> dict[str, object]:
    asked = _number(request, "page")
    if asked is None:
        asked = reading.page_at(version=version, position=passage.start) if passage else 1
    number = min(max(asked, 1), version.page_count)
    window = reading.page_window(version=version, around=number, passage=passage)
    return {
        "pages": window,
        "page_number": number,
        "earlier_page": max(1, window.first - reading.PAGES_SHOWN + 1),
        "later_page": window.last + 1,
        "first_boxed": next((page.number for page in window.pages if page.frames), None),
        "passage_text": reading.passage_text(version=version, passage=passage) if passage else "",
    }


def _facts(request: SignedInRequest, document: Document) -> dict[str, object]:
    role = access.role_in(user=request.user, collection=document.collection)
    stated = documents_with_state(user=request.user).filter(pk=document.pk).first()
    manages = role == Role.MANAGER
    return {
        "who_sees": access.who_sees(document=document),
        "state": describe_states([stated])[0][1] if stated else None,
        **_children(request, document),
        "may_change": role in {Role.MANAGER, Role.CONTRIBUTOR},
        "may_manage_document": manages,
        "pins": pins_of(document=document) if manages and settings.SEARCH_PINNED else None,
        "version_count": document.versions.count() if manages else 0,
        "teams": _teams_to_narrow_to(request, document) if manages else [],
        "narrowed_to": set(document.narrowed_to.values_list("pk", flat=True)) if manages else set(),
    }


def _children(request: SignedInRequest, document: Document) -> dict[str, object]:
    """Return the documents in this one with their states, the first of them at most."""
    below = documents_with_state(user=request.user).filter(parent=document).order_by("name", "pk")
    shown = describe_states(below[:_CHILDREN_SHOWN])
    more = below.count() - len(shown) if len(shown) == _CHILDREN_SHOWN else 0
    return {"children": shown, "more_children": more}


def _teams_to_narrow_to(request: SignedInRequest, document: Document) -> list[Team]:
    granted = Team.objects.filter(grants__collection=document.collection)
    own = Team.objects.filter(memberships__user=request.user)
    return list((granted | own).distinct().order_by("name", "pk"))


@require_safe
@signed_in
def page_image_of(request: SignedInRequest, document_id: UUID, number: int) -> HttpResponse:
    """Return one page as an image; who may see it is checked each time, so nothing may keep it unasked."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    version = _version(request, document)
    if version is None or not reading.has_page_images(version) or not 1 <= number <= version.page_count:
        raise NotVisibleError
    try:
        image = page_image(version=version, page=number)
    except (ParseError, OSError) as error:
        raise Http404 from error
    return HttpResponse(image, content_type="image/webp")


@require_safe
@signed_in
def download(request: SignedInRequest, document_id: UUID) -> HttpResponseBase:
    """Return the file as it was uploaded; browsers save it and never run it."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    version = _version(request, document) or (
        access.readable_versions(user=request.user, document=document).order_by("-number").first()
    )
    if version is None or not (path := blob_path(version.sha256)).exists():
        raise NotVisibleError
    response = StreamingHttpResponse(_file(path), content_type="application/octet-stream")
    response["Content-Length"] = str(path.stat().st_size)
    response["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=document.name) or ""
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


async def _file(path: Path) -> AsyncIterator[bytes]:
    """Yield a file in pieces: a synchronous iterator would be read into memory whole under ASGI."""
    size = path.stat().st_size
    for position in range(0, size, _PIECE):
        yield await sync_to_async(_read)(path, position)


def _read(path: Path, position: int) -> bytes:
    with path.open("rb") as file:
        file.seek(position)
        return file.read(_PIECE)


@signed_in
def delete(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Ask once, then take the document out of every search, answer and page."""
    document = access.get_visible_document(user=request.user, document_id=document_id, role=Role.CONTRIBUTOR)
    if request.method != "POST":
        return render(
            request,
            "documents/delete.html",
            {"documents": [document], "document": document, "days": retention().days},
        )
    delete_document(user=request.user, document=document)
    messages.success(request, f"“{document}” was deleted. It can be restored for {retention().days} days.")
    return redirect("collection", slug=document.collection.slug)


@require_POST
@signed_in
def retry(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    document = access.get_visible_document(user=request.user, document_id=document_id)
    retry_document(user=request.user, document=document)
    messages.success(request, f"“{document}” is queued to be read again.")
    return _back(request, document)


@require_POST
@signed_in
def reprocess(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    document = access.get_visible_document(user=request.user, document_id=document_id)
    reprocess_document(user=request.user, document=document)
    messages.success(request, f"“{document}” is queued to be read again. What was read of it before serves.")
    return _back(request, document)


@require_POST
@signed_in
def cancel(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    document = access.get_visible_document(user=request.user, document_id=document_id)
    cancel_document(user=request.user, document=document)
    messages.success(request, f"Reading “{document}” was cancelled.")
    return _back(request, document)


def _back(request: SignedInRequest, document: Document) -> HttpResponse:
    if request.POST.get("back") == "board":
        return back_to_board(request)
    if request.POST.get("back") == "document":
        return redirect("document", document_id=document.pk)
    return redirect("collection", slug=document.collection.slug)


@require_POST
@signed_in
def verify(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Call the document verified, or with “withdraw” no longer."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    if "withdraw" in request.POST:
        withdraw_verification(user=request.user, document=document)
        messages.success(request, f"“{document}” is no longer verified.")
        return redirect("document", document_id=document.pk)
    number = whole_number(request.POST.get("version", "")) or 0
    try:
        verify_document(user=request.user, document=document, version_number=number)
    except InvalidInputError as error:
        return _viewer(request, document_id, error=str(error))
    messages.success(request, f"“{document}” is verified, until it changes.")
    return redirect("document", document_id=document.pk)


@require_POST
@signed_in
def pin(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Pin the document to a question, or with “remove” take a pin away."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    try:
        if "remove" in request.POST:
            number = whole_number(request.POST["remove"]) or 0
            gone = remove_pin(user=request.user, document=document, pin_id=number)
            messages.success(request, f"“{document}” is no longer pinned to “{gone}”.")
        else:
            made = add_pin(user=request.user, document=document, question=request.POST.get("question", ""))
            messages.success(request, f"“{document}” comes first for “{made}”.")
    except InvalidInputError as error:
        return _viewer(request, document_id, error=str(error))
    return redirect("document", document_id=document.pk)


@require_POST
@signed_in
def tag(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Let the document have the tags that were written, and no others."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    try:
        tags = read_tags([request.POST.get("tags", "")])
        set_tags(user=request.user, document=document, tags=tags)
    except InvalidInputError as error:
        return _viewer(request, document_id, error=str(error))
    messages.success(request, f"The tags of “{document}” were saved.")
    return redirect("document", document_id=document.pk)


@require_POST
@signed_in
def author(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Say who wrote the document, or with “follow” let its file say so again."""
    document = access.get_visible_document(user=request.user, document_id=document_id)
    try:
        if "follow" in request.POST:
            follow_file(user=request.user, document=document)
        else:
            set_author(user=request.user, document=document, author=request.POST.get("author", ""))
    except InvalidInputError as error:
        return _viewer(request, document_id, error=str(error))
    messages.success(request, f"Who wrote “{document}” was saved.")
    return redirect("document", document_id=document.pk)


@require_POST
@signed_in
def narrow(request: SignedInRequest, document_id: UUID) -> HttpResponse:
    """Let fewer teams than the collection's see the document, or all of them again."""
    document = access.get_visible_document(user=request.user, document_id=document_id, role=Role.MANAGER)
    chosen = None
    if request.POST.get("who") == "chosen":
        picked = {int(value) for value in request.POST.getlist("team") if value.isdigit()}
        chosen = [team for team in _teams_to_narrow_to(request, document) if team.pk in picked]
    try:
        narrow_document(user=request.user, document=document, teams=chosen)
    except InvalidInputError as error:
        return _viewer(request, document_id, error=str(error))
    messages.success(request, f"Who can see “{document}” was changed.")
    return redirect(reverse("document", args=[document.pk]))
