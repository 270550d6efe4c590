"""Dictionaries: words that mean the same, for the whole portal and for one collection."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from portal.web.requests import SignedInRequest, signed_in, whole_number
from retrieval import access
from retrieval.dictionary import add_synonyms, remove_synonyms, synonyms_of
from retrieval.errors import InvalidInputError
from retrieval.models import Collection, Role


@signed_in
def of_portal(request: SignedInRequest) -> HttpResponse:
    """The portal's dictionary, which everyone may read and admins keep, and the way to the collections'."""
    return _dictionary(request, None)


@signed_in
def of_collection(request: SignedInRequest, slug: str) -> HttpResponse:
    """The dictionary of a collection, for its managers."""
    collection = access.get_visible_collection(user=request.user, slug=slug, role=Role.MANAGER)
    return _dictionary(request, collection)


def _dictionary(request: SignedInRequest, collection: Collection | None) -> HttpResponse:
    if request.method != "POST":
        return _show(request, collection)
    try:
        return _change(request, collection)
    except InvalidInputError as error:
        return _show(request, collection, error=str(error))


def _change(request: SignedInRequest, collection: Collection | None) -> HttpResponse:
    if request.POST.get("form") == "remove":
        number = whole_number(request.POST.get("entry", "")) or 0
        entry = remove_synonyms(user=request.user, collection=collection, entry_id=number)
        messages.success(request, f"“{entry}” was removed.")
    else:
        words = request.POST.get("words", "")
        entry = add_synonyms(user=request.user, collection=collection, words=words)
        messages.success(request, f"“{entry}” was added. It holds from the next search on.")
    return redirect(_address(collection))


def _address(collection: Collection | None) -> str:
    if collection is None:
        return reverse("manage_dictionary")
    return reverse("collection_dictionary", args=[collection.slug])


def _show(request: SignedInRequest, collection: Collection | None, *, error: str = "") -> HttpResponse:
    managed = access.visible_collections(user=request.user, role=Role.MANAGER).order_by("title", "pk")
    context = {
        "collection": collection,
        "entries": synonyms_of(collection=collection),
        "may_keep": collection is not None or request.user.is_admin,
        "managed": managed if collection is None else (),
        "typed": request.POST,
        "error": error,
        "section": "collections" if collection else "manage",
    }
    return render(request, "manage/dictionary.html", context, status=400 if error else 200)
