"""Text that a model or a document wrote becomes plain text: nothing in it can act on a reader's page."""

import re
import unicodedata

REMOVED_LINK = "(link removed)"

_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)\n]*\)?|\[[^\]\n]*\]?)")
_LINK = re.compile(r"\[([^\]\n]*)\](?:\([^)\n]*\)?|\[(?!\s*\d)[^\]\n]*\])")
_TAG = re.compile(r"<[/!?]?[A-Za-z!-][^<>]*>")
_OPEN_TAG = re.compile(r"<(?=[/!?A-Za-z])")
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:(?://|\\\\)|(?:javascript|vbscript|mailto):(?=\S)|data:[\w.+-]+[/;,]"
    r"|(?<![:/\w])//(?=\w)|\bwww\.(?=\S)|\b(?:[a-z0-9-]+\.)+[a-z]{2,}/)\S*",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\*{2,3}|(?<![\d\s])\*|\*(?![\d\s])|_{2,3}|~~|`+")
# A line's beginning. The text may be a piece that begins in mid-line, and then with a space.
_LINE = r"(?:(?<=\n)[ \t]*|\A)"
_HEADING = re.compile(_LINE + r"(?:#{1,6}|>+)[ \t]+")
_RULE = re.compile(_LINE + r"(?:[-=*_|:][ \t]*){3,}(?=\n|\Z)")
_BULLET = re.compile(_LINE + r"[*+•‣▪][ \t]+")
_KEPT_CONTROLS = frozenset("\n\t")


def remove_invisible(text: str) -> str:
    """`text` without control, bidirectional, invisible, private and unassigned characters."""
    text = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(char for char in text if _visible(char))


def plain_text(markdown: str) -> str:
    """Markdown or HTML as plain text: no image, link, address, tag or mark; lists begin with "- "."""
    text = remove_invisible(markdown)
    text = _RULE.sub("", _BULLET.sub("- ", _HEADING.sub("", text)))
    text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    text = _MARKS.sub("", text)
    text = _without_addresses(_without_tags(text))
    return text.replace("![", "! [").replace("](", "] (")


def _without_tags(text: str) -> str:
    # Until nothing changes: taking one tag out may join the halves of another.
    while (shorter := _TAG.sub("", text)) != text:
        text = shorter
    while (shorter := _OPEN_TAG.sub("", text)) != text:
        text = shorter
    return text


def _without_addresses(text: str) -> str:
    return _URL.sub(REMOVED_LINK, text)


def _visible(char: str) -> bool:
    if char in _KEPT_CONTROLS:
        return True
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return False  # variation selectors can carry hidden text
    return not unicodedata.category(char).startswith("C")
