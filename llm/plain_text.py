"""Text that a model or a document wrote becomes plain text: nothing in it can act on a reader's page."""

import html
import re
import unicodedata
from functools import lru_cache

REMOVED_LINK = "(link removed)"

_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)\n]*\)?|\[[^\]\n]*\]?)")
_LINK = re.compile(r"\[([^\]\n]*)\](?:\([^)\n]*\)?|\[(?!\s*\d)[^\]\n]*\])")
_TAG = re.compile(r"<[/!?]?[A-Za-z!-][^<>]*>")
_OPEN_TAG = re.compile(r"<(?=[/!?A-Za-z])")
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_TOP_LEVEL = r"(?:[a-z]{2,}|xn--[a-z0-9-]+|рф|сайт|онлайн|中国|公司|网络|みんな|한국)"
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:(?://|\\\\|/\\|\\/)"
    r"|(?:javascript|vbscript|mailto|tel|sms|blob|filesystem|intent):(?=\S)|data:[\w.+-]*[/;,]"
    r"|(?<![/\w]):?(?://|\\\\)(?=\w)|\bwww\d?\.(?=\S)"
    rf"|\b(?:{_LABEL}\.)+{_TOP_LEVEL}(?:(?::\d{{2,5}})?(?:/|\?(?=\S)|#(?=\S))|:\d{{2,5}}\b)"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?/)\S*",
    re.IGNORECASE,
)
# Full-width letters and signs, and dots of other scripts, that an address bar takes for ASCII; one for one.
_AS_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    map(ord, "\u3002\uff0e\uff61\u2024"), "."
)
_AS_ASCII |= dict.fromkeys(map(ord, "\u2044\u2215\u29f8"), "/")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_ENTITY_ROUNDS = 4
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
    # Each different character is looked at once: a prompt has thousands, and few different ones.
    removed = [char for char in set(text) if not _visible(char)]
    return text.translate(dict.fromkeys(map(ord, removed))) if removed else text


def unescaped(text: str) -> str:
    """`text` with the characters that HTML's entities stand for, also of entities in entities."""
    for _ in range(_ENTITY_ROUNDS):
        shorter = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
        if shorter == text:
            break
        text = shorter
    return text


def plain_text(markdown: str) -> str:
    """Markdown or HTML as plain text: no image, link, address, tag or mark; lists begin with "- "."""
    text = remove_invisible(unescaped(markdown))
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
    seen = text.translate(_AS_ASCII)
    parts, position = [], 0
    for match in _URL.finditer(seen):
        parts += [text[position : match.start()], REMOVED_LINK]
        position = match.end()
    return "".join([*parts, text[position:]])


@lru_cache(maxsize=4096)
def _visible(char: str) -> bool:
    if char in _KEPT_CONTROLS:
        return True
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return False  # variation selectors can carry hidden text
    return not unicodedata.category(char).startswith("C")
