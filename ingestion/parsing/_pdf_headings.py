# ruff: noqa: PLR2004, RUF001 - distances, shares and counts of the page's geometry; typographic signs are what is looked for
"""What only the whole document can tell: body size, headings and their levels."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

from ingestion.parsing._pdf_blocks import Draft

_NUMBERED = re.compile(
    r"^(?:(?:section|part|chapter|appendix|item|note)\s+)?(\d{1,2}(?:\.\d{1,2}){0,5})\.?\s+\D", re.I
)
_CAPTION = re.compile(r"^(?:figure|fig\.|table|exhibit|chart)\s+[\dA-Z][\w.-]*\s*[:.–—-]", re.I)
_CONTINUED = re.compile(r"\((?:continued|cont\.?|fortsetzung)\)$", re.I)
_FOOTNOTE = re.compile(r"^(?:[*†‡§]|\(?\d{1,2}\)?)\s?\S")
_FIELD = re.compile(r"^[^.:]{2,45}: \S")
_FOLDED = re.compile(r"[\W_]+")

_MAX_HEADING = 200
_LARGER = 1.15

Outline: TypeAlias = dict[tuple[int, str], int]


# Headings


def mark_headings(pages: Sequence[tuple[int, list[Draft]]], outline: Outline) -> None:
    """Turn paragraphs into headings, captions and footnotes, in place, and give headings their levels."""
    drafts = [draft for _, page in pages for draft in page]
    body = _body_size(drafts)
    mostly_bold = _share_bold(drafts, body) > 0.5
    headings: list[Draft] = []
    for number, page in pages:
        in_list = _in_list(page)
        for index, draft in enumerate(page):
            level = _outline_level(outline, number, draft)
            around = page[max(0, index - 1) : index + 2]
            if level or (
                index not in in_list
                and _looks_like_heading(draft, body, mostly_bold)
                and not _is_empty_field(draft, around)
            ):
                draft.kind, draft.level = "heading", level
                headings.append(draft)
            elif draft.kind == "paragraph":
                _mark_small(draft, body)
    _give_levels(headings)


def _in_list(page: list[Draft]) -> set[int]:
    """Return the items that have an item of the same look right beside them: a list, not headings."""
    found = set()
    for index, (upper, lower) in enumerate(pairwise(page)):
        if upper.kind == lower.kind == "list_item" and upper.bold == lower.bold:
            found |= {index, index + 1}
    return found


def _body_size(drafts: Iterable[Draft]) -> float:
    sizes: Counter[float] = Counter()
    for draft in drafts:
        if draft.kind != "table_row":
            sizes[round(draft.size * 2) / 2] += len(draft.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def _share_bold(drafts: Iterable[Draft], body: float) -> float:
    near = [draft for draft in drafts if abs(draft.size - body) < 0.6 and draft.kind != "table_row"]
    total = sum(len(draft.text) for draft in near)
    return sum(len(draft.text) for draft in near if draft.bold) / total if total else 0.0


def _looks_like_heading(draft: Draft, body: float, mostly_bold: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
    text = draft.text
    if draft.kind == "table_row" or len(text) > _MAX_HEADING or draft.rows > 4 or "…" in text:
        return False
    if sum(char.isalpha() for char in text) < max(2, 0.4 * len(text)) or _CAPTION.match(text):
        return False
    if _CONTINUED.search(text):
        return False  # the section goes on
    if draft.size >= _LARGER * body:
        return (draft.rows < 4 and not text.endswith((".", ",", ";"))) or draft.size >= 1.4 * body
    if draft.kind == "list_item" and not _NUMBERED.match(text):
        return False
    strong = (draft.bold and not mostly_bold) or (text.isupper() and bool(_NUMBERED.match(text)))
    starts = text[0].isupper() or text[0].isdigit()
    return (
        strong
        and starts
        and draft.rows <= 2
        and draft.size > 0.9 * body
        and not text.endswith((".", ",", ";"))
    )


def _is_empty_field(draft: Draft, around: list[Draft]) -> bool:
    """Whether a name with a colon stands among fields of a form: then its value is missing, not its text."""
    return draft.text.endswith(":") and any(
        _FIELD.match(other.text) for other in around if other is not draft
    )


def _mark_small(draft: Draft, body: float) -> None:
    if _CAPTION.match(draft.text) and len(draft.text) < 300:
        draft.kind = "caption"
    elif draft.size < 0.87 * body and draft.y > 0.6 and _FOOTNOTE.match(draft.text):
        draft.kind = "footnote"


def fold_title(text: str) -> str:
    """Return letters and digits alone, lower case, to compare a heading with its bookmark."""
    return _FOLDED.sub("", text).lower()


def _outline_level(outline: Outline, page: int, draft: Draft) -> int:
    if not outline or draft.kind == "table_row" or len(draft.text) > _MAX_HEADING or draft.rows > 4:
        return 0
    folded = fold_title(draft.text)
    return outline.get((page, folded), 0) if folded else 0


def _give_levels(headings: list[Draft]) -> None:
    """Fill in missing levels: by number (2.3 is level 2), else as most alike headings, else by size."""
    known: defaultdict[tuple[int, bool], Counter[int]] = defaultdict(Counter)
    for draft in headings:
        numbered = _NUMBERED.match(draft.text)
        if not draft.level and numbered:
            draft.level = min(6, numbered.group(1).removesuffix(".0").count(".") + 1)
        if draft.level:
            known[_style(draft)][draft.level] += 1
    styles = sorted({_style(draft) for draft in headings}, reverse=True)
    for draft in headings:
        if not draft.level:
            alike = known.get(_style(draft))
            draft.level = alike.most_common(1)[0][0] if alike else min(6, styles.index(_style(draft)) + 1)


def _style(draft: Draft) -> tuple[int, bool]:
    return round(draft.size), draft.bold
