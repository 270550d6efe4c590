# ruff: noqa: ANN401, PLR2004 - lxml's elements have no types
"""HTML as blocks: headings with their levels, paragraphs, lists, table rows; no scripts, menus, hidden text.

lxml directly and not ``unstructured``: that one takes 4 s and 400 MB to import, loses heading levels in
markup made by converters, and makes one cell of a page that is laid out with tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree, html  # type: ignore[import-untyped]  # lxml ships no types

from ingestion.parsing._builder import DocumentBuilder
from ingestion.parsing._text import clean_text, one_line
from ingestion.parsing.document import BlockKind

_SKIPPED = frozenset(
    [
        "script",
        "style",
        "nav",
        "noscript",
        "template",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "form",
        "button",
        "select",
        "head",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "br",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_KINDS: dict[str, BlockKind] = {"li": "list_item", "figcaption": "caption", "caption": "caption"}
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
# Roles and names that mark what stands around the content. A bare "menu" may be a restaurant's.
_AROUND = frozenset({"navigation", "banner", "contentinfo", "search", "menu", "menubar"})
_MENU = re.compile(
    r"(?:^|\s)(?:(?:[\w-]+[_-])?(?:nav|navbar|navigation|breadcrumbs?)|(?:main|site)-menu"
    r"|cookie-(?:banner|notice|consent)|skip-?link)(?:\s|$)",
    re.IGNORECASE,
)
_MENU_TAGS = frozenset({"div", "ul", "ol", "section", "header", "aside", "p"})
_AUTHORS = frozenset({"author", "dc.creator", "dcterms.creator", "citation_author"})
_MAX_CELL = 400
_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says about itself: its title, and the names of its authors."""

    title: str = ""
    authors: tuple[str, ...] = ()


def add_markup(builder: DocumentBuilder, markup: str) -> Head:
    """Add an HTML text's blocks to a document; returns what its head says."""
    # A declaration of the encoding is wrong by now, and lxml refuses it in text.
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", clean_text(markup))
    if not markup.strip():
        return Head()
    try:
        root = html.document_fromstring(markup, parser=html.HTMLParser(remove_comments=True, remove_pis=True))
    except etree.ParserError:
        return Head()
    bodies = root.xpath("//main") or root.xpath("//*[@role='main']") or root.xpath("//body") or [root]
    for body in bodies:
        _Walker(builder).walk_all(body)
    return _head(root)


def _head(root: Any) -> Head:
    titles = root.xpath("//title")
    named = (meta for meta in root.iter("meta") if (meta.get("name") or "").lower() in _AUTHORS)
    return Head(
        title=one_line(titles[0].text_content()) if titles else "",
        authors=tuple(meta.get("content") or "" for meta in named),
    )


class _Walker:
    """Goes through a tree, gathers inline text, and adds a block at each end of a block element."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []

    def walk_all(self, body: Any) -> None:
        self._walk(body, "paragraph", 0)
        self._flush("paragraph")

    def _flush(self, kind: BlockKind) -> None:
        text = one_line("".join(self._inline))
        self._inline.clear()
        self._builder.add(kind, text)

    def _walk(self, element: Any, kind: BlockKind, depth: int) -> None:
        self._inline.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str) and depth < _MAX_DEPTH and not _is_skipped(child):
                self._child(child, kind, depth + 1)
            self._inline.append(child.tail or "")

    def _child(self, child: Any, kind: BlockKind, depth: int) -> None:
        tag = child.tag
        if tag in _INLINE:
            self._inline.append(" " if tag == "br" else "")
            self._walk(child, kind, depth)
            return
        self._flush(kind)
        if tag in _HEADINGS:
            self._builder.add("heading", one_line(child.text_content()), level=_HEADINGS[tag])
        elif tag == "pre":
            self._builder.add("code", child.text_content().strip("\n"))
        elif tag == "table" and _is_data(child):
            _add_table(self._builder, child)
        else:
            inner = _KINDS.get(tag, kind if tag in {"p", "div"} else "paragraph")
            self._walk(child, inner, depth)
            self._flush(inner)


def _is_skipped(element: Any) -> bool:
    return (
        element.tag in _SKIPPED
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or element.get("role") in _AROUND
        or (element.tag in _MENU_TAGS and _is_menu(element))
        or bool(_HIDDEN_STYLE.search(element.get("style") or ""))
    )


def _is_menu(element: Any) -> bool:
    return any(_MENU.search(element.get(name) or "") for name in ("class", "id"))


def _is_data(table: Any) -> bool:
    """Whether a table holds data: tables in tables, or cells like pages, only lay a page out."""
    if table.find(".//table") is not None:
        return False
    return all(len(cell.text_content()) <= _MAX_CELL * 4 for cell in table.iter("td", "th"))


def _add_table(builder: DocumentBuilder, table: Any) -> None:
    for caption in table.iter("caption"):
        builder.add("caption", one_line(caption.text_content()))
    header = ""
    for index, row in enumerate(table.iter("tr")):
        cells = [cell for cell in row if cell.tag in {"td", "th"} and not _is_skipped(cell)]
        texts = [one_line(" ".join(cell.itertext())) for cell in cells]
        text = join_cells(texts)
        is_header = bool(cells) and not header and index < 3 and all(cell.tag == "th" for cell in cells)
        builder.add("table_row", text, header="" if is_header else header)
        header = text[:_MAX_CELL] if is_header else header


def join_cells(cells: list[str]) -> str:
    """Return the cells of a row as one line; empty cells at the end, and rows of them, vanish."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    return " | ".join(cells) if any(cells) else ""
