"""A document with everything below it: what is done to it as a whole is done to all of these.

A document is below another when it came out of it: an attachment of a mail, a file in an archive.
"""

from django.db.models import Q, QuerySet

from retrieval.models import Document


def with_all_below(document: Document) -> QuerySet[Document]:
    """Return the document and the documents that came out of it, and out of those."""
    below = Q(parent__isnull=False, ancestors__contains=[document.pk])
    return Document.objects.filter(Q(pk=document.pk) | below)


def top_of(document: Document) -> Document:
    """Return the upload that a document came out of, or the document itself where it is one."""
    return Document.objects.get(pk=document.ancestors[0]) if document.ancestors else document
