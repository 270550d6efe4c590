"""The tables of the corpus, of its index, and of what managers say about it.

`collection_id` is in the primary keys of chunks, vectors and postings, no unique constraint of theirs spans
collections, and joins between them carry it, so they can be distributed by collection.
"""

from retrieval.models.corpus import (
    MAX_AUTHOR,
    MAX_TAG,
    MOST_TAGS,
    Chunk,
    Collection,
    Document,
    DocumentText,
    DocumentVersion,
    Grant,
    Page,
    Role,
)
from retrieval.models.curated import (
    Pin,
    Synonyms,
)
from retrieval.models.index import (
    MAX_PHRASE,
    MAX_WORD,
    Generation,
    Phrase,
    PostingBlock,
    Segment,
    Word,
)

__all__ = [
    "MAX_AUTHOR",
    "MAX_PHRASE",
    "MAX_TAG",
    "MAX_WORD",
    "MOST_TAGS",
    "Chunk",
    "Collection",
    "Document",
    "DocumentText",
    "DocumentVersion",
    "Generation",
    "Grant",
    "Page",
    "Phrase",
    "Pin",
    "PostingBlock",
    "Role",
    "Segment",
    "Synonyms",
    "Word",
]
