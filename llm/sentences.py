"""Where a text's sentences begin and end, as character spans."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

LONGEST_SENTENCE = 600

# A new line that begins a list item, a table row or, after a blank line, anything at all.
_BLOCK_BREAK = re.compile(r"\n[ \t]*(?:\n\s*|(?=[-*•‣▪\u2013·] )|(?=\(?[0-9a-zA-Z]{1,3}[.)] ))")
_TERMINATOR = re.compile(r"[.!?…]+[\"'”\u2019»)\]]*(?=\s)|[。\uff01\uff1f]+[」』”]?")
_LAST_WORD = re.compile(r"[^\s(\[\"'“\u2018«]+$")
_SOFT_BREAK = re.compile(r"[;:,]\s|\s")

_ABBREVIATIONS = re.compile(
    r"mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|e\.g|i\.e|eg|ie|cf|al|approx|nos?|figs?|sec|art|ch|vol|pp?|eds?|inc|ltd|co"
    r"|corp|dept|est|gen|col|lt|sgt|capt|rev|hon|gov|sen|rep|u\.s|u\.k|u\.n|[ap]\.m|ph\.d|[bm]\.a|jan|feb|mar|apr|jun"
    r"|jul|aug|sept?|oct|nov|dec|z\.b|d\.h|u\.a|bzw|ca|nr|abs|bd|hrsg|vgl|usw|ggf|inkl|evtl|s\.[ou]|o\.ä|i\.d\.r|str"
    r"|tel|mio|mrd|p\.ex|c\.-à-d|mm?|mme|mlle|av|env|tél",
    re.IGNORECASE,
)
# A short line that neither ends like a sentence nor begins like a list item nor says "name: value".
_HEADING = re.compile(r"(?![-*•‣▪\u2013·] )[^\n:|]*[^\s.!?…:;|]")
_HEADING_WORDS = 12
_HEADINGS_IN_A_ROW = 2  # more are a list
_PARAGRAPH = re.compile(r"\S(?:.*\S)?(?:[ \t]*\n[ \t]*\S(?:.*\S)?)*")
# A bare number with a point is a list number or a German date ("am 3. Mai") while it is this short.
_ORDINAL_DIGITS = 2


def sentence_spans(text: str) -> list[Span]:
    """The (start, end) of each sentence, in order, without surrounding white space.

    A table row (a line with " | "), a list item and a paragraph end a sentence as a full stop does. Nothing
    is longer than `LONGEST_SENTENCE` characters.
    """
    spans: list[Span] = []
    for block in _blocks(text):
        for sentence in _sentences(text, block):
            spans.extend(_pieces(text, sentence))
    return spans


def is_heading(line: str) -> bool:
    """Whether a paragraph is a line that reads like a heading."""
    return len(line.split()) <= _HEADING_WORDS and _HEADING.fullmatch(line) is not None


def heading_spans(text: str) -> list[Span]:
    """The (start, end) of the headings in `text`: of one line, or two, that head the paragraph below them."""
    headings: list[Span] = []
    row: list[Span] = []
    for paragraph in _PARAGRAPH.finditer(text):
        if is_heading(paragraph.group()):
            row.append(paragraph.span())
            continue
        if len(row) <= _HEADINGS_IN_A_ROW:
            headings.extend(row)
        row = []
    return headings


def ends_sentence(before: str, following: str) -> bool:
    """Whether `before`, which ends in a terminator, ends a sentence when `following` comes next."""
    match = _LAST_WORD.search(before.rstrip("\"'”\u2019»)]").rstrip(".!?…"))
    last_word = match.group() if match else ""
    if before.rstrip("\"'”\u2019»)]").endswith((".", "…")) and not before.endswith("…"):
        if _ABBREVIATIONS.fullmatch(last_word) or re.fullmatch(r"[^\W\d_]", last_word):
            return False
        if last_word.isdigit() and (len(last_word) <= _ORDINAL_DIGITS or before.strip() == f"{last_word}."):
            return False
    first = following.lstrip("\"'“\u2018«([")[:1]
    return not first or not first.islower()


def _blocks(text: str) -> Iterator[Span]:
    start = 0
    for cut in _block_cuts(text):
        yield start, cut
        start = cut
    yield start, len(text)


def _block_cuts(text: str) -> list[int]:
    cuts = {match.end() for match in _BLOCK_BREAK.finditer(text)}
    position = 0
    for line in text.splitlines(keepends=True):
        if " | " in line:
            cuts.update((position, position + len(line)))
        position += len(line)
    return sorted(cuts - {0, len(text)})


def _sentences(text: str, block: Span) -> Iterator[Span]:
    start, end = block
    if " | " in text[start:end]:
        yield start, end
        return
    for match in _TERMINATOR.finditer(text, start, end):
        following = text[match.end() : end].lstrip()[:2]
        is_wide = match.group()[0] in "。\uff01\uff1f"
        if is_wide or (match.start() > start and ends_sentence(text[start : match.end()], following)):
            yield start, match.end()
            start = match.end()
    yield start, end


def _pieces(text: str, span: Span) -> Iterator[Span]:
    """`span` without white space around it, cut where it is too long."""
    start, end = span
    while end - start > LONGEST_SENTENCE:
        window = [
            m.end()
            for m in _SOFT_BREAK.finditer(text, start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        ]
        cut = window[-1] if window else start + LONGEST_SENTENCE
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
