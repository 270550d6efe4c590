"""Text that people or files give, as one line that can be shown and typed between quotation marks."""

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MARKS = frozenset('"\u201c\u201d\u201e\u201f')


def plain_line(text: str) -> str:
    """Return a text in NFC without quotation marks, control, invisible and direction characters."""
    kept = (
        " " if character.isspace() or character in _MARKS else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in _UNSEEN
    )
    return " ".join("".join(kept).split())
