"""Cleaning of text from hostile files, always before any span is counted."""

import re
import unicodedata

# Controls but tab and newline; bidi embeddings, overrides, isolates and marks (they can show a reader
# another text than the one that is indexed); zero-width characters; interlinear and tag characters;
# noncharacters; lone surrogates (PostgreSQL and UTF-8 refuse them, as they refuse NUL).
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_WHITE = re.compile(r"\s+")


def clean_text(text: str) -> str:
    r"""Return the text in NFC with ``\n`` line ends and without characters that only deceive or break."""
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub("\n", text)
    return _UNWANTED.sub("", unicodedata.normalize("NFC", _UNWANTED.sub("", text)))


def one_line(text: str) -> str:
    """Return the cleaned text with every run of white space as one space, and none at its ends."""
    return _WHITE.sub(" ", clean_text(text)).strip()


def tidy_lines(text: str) -> str:
    """Return the cleaned text with runs of blanks inside lines as one space; line breaks stay."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean_text(text).split("\n"))
    return "\n".join(line for line in lines if line)
