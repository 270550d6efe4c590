"""Do the words that a kept answer cites still stand where its reader may look?"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Substr

from portal.accounts.models import User
from portal.answers.models import Answer, Citation
from retrieval import access
from retrieval.models import Chunk, DocumentText, DocumentVersion
from retrieval.pages import page_of, page_starts

# A citation's number with the span in its passage, as a sentence keeps them.
Use = tuple[int, int, int]


@dataclass(slots=True)
class Standing:
    """What became of an answer's citations.

    `citations` are those that stand, moved to where their words are now. `spans` are the moved places of
    their uses. `changed` and `gone` are titles of documents that have changed since: in the one kind the
    cited words still stand, in the other they do not. `is_hidden` says that a document is no longer there for
    this reader, for whatever cause.
    """

    versions: Mapping[int, DocumentVersion]
    citations: list[Citation] = field(default_factory=list)
    spans: dict[Use, tuple[int, int]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    is_hidden: bool = False


def find_standing(*, user: User, answer: Answer, citations: Sequence[Citation]) -> Standing:
    """Look every citation up in what its document says now, as far as this person may see it."""
    documents = {one.document_id for one in citations}
    visible = access.searchable_versions(user=user).filter(document_id__in=documents)
    versions = list(visible.select_related("document__collection", "document__parent"))
    standing = Standing({version.pk: version for version in versions})
    current = {version.document_id: version for version in versions}
    uses, unmoved = list(_uses(answer)), _as_quoted(answer)
    for citation in citations:
        version = current.get(citation.document_id)
        if version is None:
            standing.is_hidden = standing.is_hidden or not citation.is_nearest
        elif citation.version_id == version.pk and (citation.is_nearest or citation.pk in unmoved):
            standing.citations.append(citation)
        elif not citation.is_nearest:
            _move(standing, citation, version, [use for use in uses if use[0] == citation.number])
    return standing


def _uses(answer: Answer) -> Iterator[Use]:
    for sentence in answer.sentences:
        for number, start, end in sentence["citations"]:
            yield number, start, end
        for number, start, end, *_ in sentence.get("conflicts", ()):
            yield number, start, end


def _as_quoted(answer: Answer) -> set[int]:
    """The citations whose version says at that place what they quote."""
    texts = DocumentText.objects.filter(version_id=OuterRef("version_id"))
    now = texts.values(now=Substr("text", OuterRef("start") + 1, OuterRef("end") - OuterRef("start")))
    found = answer.citations.annotate(now=Subquery(now)).filter(now=F("quote"))
    return set(found.values_list("pk", flat=True))


def _move(standing: Standing, citation: Citation, version: DocumentVersion, uses: Sequence[Use]) -> None:
    """Find the cited words in another text of the document; all of them, or the answer does not stand."""
    text, title = _text(version.pk), version.document.title
    found = {use: _nearest(text, words, near) for use, words, near in _words(citation, version, uses)}
    start = _nearest(text, citation.quote, citation.start)
    if start is None or any(place is None for place in found.values()):
        standing.gone.append(title)
        return
    moved = copy(citation)
    moved.version_id, moved.start, moved.end = version.pk, start, start + len(citation.quote)
    chunk = Chunk.objects.filter(version=version, start__lte=start, end__gt=start).order_by("ordinal").first()
    if chunk is not None:
        starts = page_starts([chunk]).get((chunk.version_id, chunk.ordinal), ())
        moved.ordinal, moved.page = chunk.ordinal, page_of(start, first=chunk.page, starts=starts)
    standing.citations.append(moved)
    standing.spans |= {use: (at, at + use[2] - use[1]) for use, at in found.items() if at is not None}
    if title not in standing.changed:
        standing.changed.append(title)


def _words(
    citation: Citation, version: DocumentVersion, uses: Sequence[Use]
) -> Iterator[tuple[Use, str, int]]:
    """The words of each use, and where they stood. Of a text that was read again only the quote is known."""
    first = uses[0] if uses else (citation.number, 0, citation.end - citation.start)
    begins = citation.start - first[1]
    old = "" if citation.version_id == version.pk else _text(citation.version_id)
    for use in uses:
        start, end = begins + use[1], begins + use[2]
        yield use, citation.quote if use == first or not old else old[start:end], start


def _nearest(text: str, words: str, place: int) -> int | None:
    """Where `words` stand in `text` nearest to `place`; None where they do not."""
    after, before = text.find(words, place), text.rfind(words, 0, place + len(words))
    found = [at for at in (after, before) if at >= 0]
    return min(found, key=lambda at: abs(at - place), default=None)


def _text(version_id: int) -> str:
    text = DocumentText.objects.filter(version_id=version_id).values_list("text", flat=True).first()
    return text or ""
