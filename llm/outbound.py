"""What may leave for a model outside: personal and secret things are found, and masked or held back.

Detectors look at text as it is sent, where a marker may stand for every space (`llm.prompt`). Each has the
check that its kind allows: Luhn for cards, mod 97 for IBANs (ISO 7064), digits counted for phone numbers
(E.164), and forms that only keys have. What is found is counted by kind; values are kept nowhere.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

Kind = Literal["secret", "email", "iban", "card", "phone", "word"]
Action = Literal["mask", "block", "off"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ACTIONS: tuple[Action, ...] = get_args(Action)

Counts = tuple[tuple[str, int], ...]
_Span = tuple[int, int]
_BLANK = "\x00"
# What stands for a space in datamarked text, and is a letter to `\w` in part.
_MARKERS = str.maketrans(dict.fromkeys("\u02c6\u02dc\u00b8\u00a8", " "))

_PLACEHOLDERS: dict[Kind, str] = {
    "secret": "(secret removed)",
    "email": "(e-mail address removed)",
    "iban": "(account number removed)",
    "card": "(card number removed)",
    "phone": "(phone number removed)",
    "word": "(word removed)",
}


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What is done with each kind of find; `words` are an admin's own, whatever their case."""

    secret: Action = "mask"  # noqa: S105  what is done with one
    email: Action = "mask"
    iban: Action = "mask"
    card: Action = "mask"
    phone: Action = "mask"
    word: Action = "mask"
    words: tuple[str, ...] = ()

    def action(self, kind: Kind) -> Action:
        action: Action = getattr(self, kind)
        return action


@dataclass(frozen=True, slots=True)
class Cleared:
    """Text that may be sent, and how many finds of each kind were masked, or forbid to send it at all."""

    text: str
    masked: Counts = ()
    blocked: Counts = ()


def clear(text: str, policy: OutboundPolicy) -> Cleared:
    """Return `text` without what the policy masks; with `blocked`, it may not be sent."""
    finds = [find for find in find_all(text, words=policy.words) if policy.action(find[0]) != "off"]
    blocked = Counter[str](kind for kind, _ in finds if policy.action(kind) == "block")
    masked = Counter[str](kind for kind, _ in finds if policy.action(kind) == "mask")
    parts, at = [], 0
    for kind, (start, end) in finds:
        parts += [text[at:start], _PLACEHOLDERS[kind]]
        at = end
    return Cleared("".join([*parts, text[at:]]), _counts(masked), _counts(blocked))


def find_all(text: str, *, words: tuple[str, ...] = ()) -> list[tuple[Kind, _Span]]:
    """Return every find with its span, in the order of the text; where two overlap, the graver kind."""
    taken: list[tuple[Kind, _Span]] = []
    text = text.translate(_MARKERS)
    for kind in KINDS:
        # What was found is blanked: it cannot hide what follows it, and what it hid is found in another turn.
        before = -1
        while before < len(taken):
            before = len(taken)
            for start, end in list(_words(text, words) if kind == "word" else _DETECTORS[kind](text)):
                if _BLANK not in text[start:end]:
                    taken.append((kind, (start, end)))
                    text = f"{text[:start]}{_BLANK * (end - start)}{text[end:]}"
    return sorted(taken, key=lambda find: find[1])


def add_counts(one: Counts, other: Counts) -> Counts:
    """Return two counts by kind as one."""
    return _counts(Counter(dict(one)) + Counter(dict(other)))


def _counts(counter: Mapping[str, int]) -> Counts:
    return tuple(sorted(counter.items()))


_GAP = "[ \\t\\n\\u00a0\\u2007\\u202f]"

_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")


def _emails(text: str) -> Iterator[_Span]:
    return (match.span() for match in _EMAIL.finditer(text))


_IBAN = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}\d\d(?:{_GAP}?[A-Za-z0-9]){{11,30}}")
# Length by country, from the registry of SWIFT (ISO 13616).
_IBAN_LENGTHS = {
    name: int(entry[:2])
    for entry in (
        "15 NO", "16 BE", "18 DK FI FO GL NL", "19 MK SI", "20 AT BA EE KZ LT LU XK", "21 CH HR LI LV",
        "22 BG BH CR DE GB GE IE ME RS VA", "23 AE GI IL IQ OM TL", "24 AD CZ ES MD PK RO SA SE SK TN VG",
        "25 LY PT ST", "26 IS TR", "27 BI FR GR IT MC SM", "28 AL AZ BY CY DO GT HU LB NI PL SV",
        "29 BR EG PS QA UA", "30 JO KW MU", "31 MT SC", "32 LC", "33 RU",
    )
    for name in entry[3:].split()
}  # fmt: skip


def _ibans(text: str) -> Iterator[_Span]:
    for match in _IBAN.finditer(text):
        places = [at for at in range(*match.span()) if text[at].isalnum()]
        length = _IBAN_LENGTHS.get(match.group()[:2].upper(), 0)
        if not 0 < length <= len(places):
            continue
        end = places[length - 1] + 1
        number = "".join(text[at] for at in places[:length])
        if not text[end : end + 1].isalnum() and _mod_97(number) == 1:
            yield match.start(), end


def _mod_97(iban: str) -> int:
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97


_DIGIT_GROUPS = re.compile(rf"(?<![\w.,])\d(?:(?:{_GAP}|-)?\d){{12,}}(?![\w]|[.,]\d)")
_GROUP = re.compile(r"\d+")
_CARD_DIGITS = range(13, 20)
_CARD_BEGINS = ("2", "3", "4", "5", "6")


def _cards(text: str) -> Iterator[_Span]:
    """Groups of digits that are a card number together, also beside other groups (a date, a code)."""
    for run in _DIGIT_GROUPS.finditer(text):
        groups = [(run.start() + m.start(), run.start() + m.end()) for m in _GROUP.finditer(run.group())]
        first = 0
        while first < len(groups):
            last = _card_from(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
            first = first + 1 if last is None else last + 1


def _card_from(text: str, groups: list[_Span], first: int) -> int | None:
    digits = ""
    for last in range(first, len(groups)):
        digits += text[slice(*groups[last])]
        if len(digits) >= _CARD_DIGITS.stop:
            break
        if len(digits) in _CARD_DIGITS and digits.startswith(_CARD_BEGINS) and _luhn(digits):
            return last
    return None


def _luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    if len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(doubled)) % 10 == 0


_BETWEEN = rf"(?:{_GAP}|[-./()\u2010-\u2013])"
_PHONES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # +49 (0)30 1234-567, 0049 30 1234567
        rf"(?<![\w+])(?:\+|00)[1-9](?:{_BETWEEN}{{0,3}}\d){{6,17}}(?!\w)",
        # (415) 555-2671, 415.555.2671
        rf"(?<![\w.+-])\(?[2-9]\d\d\)?(?:{_GAP}|[.-])[2-9]\d\d(?:{_GAP}|[.-])\d{{4}}(?![\w-]|\.\d)",
        # 030 1234567, (089) 12 34 56-78, 0171/2345678
        rf"(?<![\w.,+/-])\(?0[1-9]\d{{1,4}}\)?(?:{_GAP}|[/-]){{1,3}}\d(?:(?:{_GAP}|-)?\d){{4,9}}(?![\w-]|[.,]\d)",
        # after a word that says what it is
        rf"(?<=\b)(?:tel|telephone|phone|fax|mobile|cell|telefon|handy|mobil)(?:{_GAP}|[.:]){{1,4}}"
        rf"(?P<number>\(?\d(?:{_BETWEEN}{{0,2}}\d){{4,14}})(?!\w)",
    )
)
_PHONE_DIGITS = range(6, 16)
_DATE = re.compile(rf"\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{4}}[./-]\d\d?[./-]\d\d?(?:{_GAP}|$)")


def _phones(text: str) -> Iterator[_Span]:
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            span = match.span("number") if "number" in pattern.groupindex else match.span()
            if (end := _phone_end(text, *span)) is not None:
                yield span[0], end


def _phone_end(text: str, start: int, end: int) -> int | None:
    """The end of a phone number that begins at `start`: that of the last group of digits that fits."""
    if _DATE.match(text[start:end]):
        return None
    prefix = 2 if text.startswith("00", start) else 0
    trunk = text.find("(0)", start, end)
    best = None
    for group in _GROUP.finditer(text, start, end):
        counted = sum(character.isdigit() for character in text[start : group.end()]) - prefix
        counted -= 0 <= trunk < group.end()
        if counted in _PHONE_DIGITS:
            best = group.end()
    return best


_SECRETS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"-----BEGIN{_GAP}[A-Z0-9 ]{{0,40}}PRIVATE{_GAP}KEY(?:{_GAP}BLOCK)?-----"
        r"(?:(?!-----END)[\s\S]){0,20000}(?:-----END[^-]{0,60}-----)?",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b",
        r"\bgithub_pat_[A-Za-z0-9_]{22,255}\b",
        r"\bglpat-[A-Za-z0-9_-]{20,255}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}",
        r"\bsk-[A-Za-z0-9_-]{20,255}",
        r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}\b",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"\bhf_[A-Za-z0-9]{30,255}\b",
        r"\bnpm_[A-Za-z0-9]{36}\b",
        r"\bcited_[A-Za-z0-9_-]{20,255}",
        r"\beyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,4000}",
        r"(?<=://)[^\s/:@]{1,80}:[^\s/@]{1,200}(?=@)",
    )
)
_LABELLED_SECRET = re.compile(
    rf"(?:password|passwd|passwort|kennwort|passphrase|secret|api[_ -]?key|access[_ -]?key|token|pwd)\b"
    rf"[\"']?{_GAP}{{0,2}}(?:[:=]|is\b){_GAP}{{0,2}}[\"']?"
    r"(?P<value>[^\s\"'<>,;]{6,200})",
    re.IGNORECASE,
)


def _secrets(text: str) -> Iterator[_Span]:
    for pattern in _SECRETS:
        yield from (match.span() for match in pattern.finditer(text))
    for match in _LABELLED_SECRET.finditer(text):
        # "password: expires" is a sentence; a password that is only a word is not told from one.
        if re.search(r"[\d!#$%&*+@^~_=?]", match["value"].rstrip(".,;:!?)")):
            yield match.span("value")


def _words(text: str, words: tuple[str, ...]) -> Iterator[_Span]:
    pattern = _word_pattern(words)
    return (match.span() for match in pattern.finditer(text)) if pattern else iter(())


@lru_cache(maxsize=8)
def _word_pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    phrases = [f"{_GAP}+".join(re.escape(part) for part in word.split()) for word in words if word.split()]
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE) if phrases else None


_DETECTORS: dict[Kind, Callable[[str], Iterator[_Span]]] = {
    "secret": _secrets,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "phone": _phones,
}
