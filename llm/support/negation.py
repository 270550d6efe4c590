"""What a sentence denies, and the words for opposites."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llm.words import content_terms

_CUES = {
    "en": "not no never none neither nor without cannot nobody nothing nowhere hardly barely unable "
    "lack lacks lacked lacking fail fails failed failing",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals ohne weder niemand nichts nirgends kaum",
    "fr": "pas jamais aucun aucune sans ni rien personne nul nulle",
    "es": "no nunca sin ningún ninguna ninguno tampoco nadie nada jamás",
}
# They deny in part, and one beside another still denies.
_SOFT = {
    "hardly", "barely", "unable", "kaum", "lack", "lacks", "lacked", "lacking",
    "fail", "fails", "failed", "failing",
}  # fmt: skip
# The verb comes before what denies it.
_AFTER_THE_VERB = {"de", "fr"}
_NOT_ONLY = {"only", "just", "merely", "nur", "seulement", "solo", "sólo", "least", "zuletzt"}
_TOKEN = re.compile(r"[^\W_]+(?:['\u2019][^\W\d_]+)*|[.,;:!?()|\u2013\u2014]")
_BREAKS = set(".,;:!?()|\u2013\u2014")
_REACH = 6
_HEADS = 2

_OPPOSITES = {
    "en": (
        "increase/decrease increased/decreased increases/decreases increasing/decreasing rise/fall rose/fell "
        "risen/fallen higher/lower more/less more/fewer above/below before/after include/exclude "
        "includes/excludes included/excluded including/excluding with/without maximum/minimum most/least "
        "allow/forbid allowed/forbidden allowed/prohibited permitted/prohibited may/must "
        "accept/reject accepted/rejected approve/reject approved/rejected approved/denied gain/loss "
        "gains/losses profit/loss "
        "possible/impossible able/unable likely/unlikely legal/illegal known/unknown available/unavailable "
        "required/optional mandatory/optional safe/unsafe sufficient/insufficient positive/negative "
        "internal/external open/closed opened/closed first/last up/down early/late earlier/later best/worst "
        "better/worse buy/sell bought/sold improved/worsened strengthened/weakened succeeded/failed "
        "successful/unsuccessful significant/insignificant agree/disagree agreed/disagreed "
        "favorable/unfavorable favourable/unfavourable affected/unaffected all/none always/never upper/lower "
        "left/right north/south east/west"
    ),
    "de": (
        "steigt/sinkt stieg/sank gestiegen/gesunken höher/niedriger mehr/weniger über/unter vor/nach "
        "mit/ohne erlaubt/verboten zulässig/unzulässig möglich/unmöglich mindestens/höchstens gewinn/verlust "
        "inklusive/exklusive pflichtig/frei bekannt/unbekannt immer/nie alle/keine"
    ),
}


@dataclass(frozen=True, slots=True)
class Denials:
    """What a text denies: of each denial the stems that are its `heads`, and whether it is `soft`.

    `plain` are the stems outside of them all.
    """

    heads: tuple[tuple[str, ...], ...]
    soft: tuple[bool, ...]
    plain: frozenset[str]

    @property
    def denied(self) -> frozenset[str]:
        return frozenset(stem for one in self.heads for stem in one)

    def times(self, stem: str) -> int:
        """How often a stem is denied outright."""
        return sum(stem in one for one, is_soft in zip(self.heads, self.soft, strict=True) if not is_soft)


def denials(text: str, language: str) -> Denials:
    """What `text` denies: after each word of denial, the next two words that carry meaning."""
    code = language if language in _CUES else "en"
    cues = set(_CUES[code].split())
    tokens = [match.group().casefold() for match in _TOKEN.finditer(text)]
    heads: list[tuple[str, ...]] = []
    soft: list[bool] = []
    covered: set[int] = set()
    for place, token in enumerate(tokens):
        if not _is_cue(token, cues) or _says_no_denial(tokens, place):
            continue
        places = _head_places(tokens, place, code)
        covered.update(places)
        soft.append(token in _SOFT)
        heads.append(tuple(stem for at in places for stem in content_terms(tokens[at], language)))
    plain = {
        stem
        for at, token in enumerate(tokens)
        if at not in covered and token[0].isalnum()
        for stem in content_terms(token, language)
    }
    return Denials(tuple(heads), tuple(soft), frozenset(plain))


def opposite(sentence: str, source: str, language: str) -> tuple[str, str] | None:
    """A word of the sentence and its opposite that stands in its place in the source, or None."""
    said, meant = _words(sentence), _words(source)
    for one, other in _pairs(language if language in _OPPOSITES else "en"):
        for mine, theirs in ((one, other), (other, one)):
            if mine in said and theirs not in said and theirs in meant and mine not in meant:
                return mine, theirs
    return None


def _is_cue(token: str, cues: Iterable[str]) -> bool:
    return token in cues or token.endswith(("n't", "n\u2019t"))


def _says_no_denial(tokens: Sequence[str], place: int) -> bool:
    """ "Not only", "no. 5"."""
    following = tokens[place + 1 : place + 3]
    if following[:1] and following[0] in _NOT_ONLY:
        return True
    return tokens[place] == "no" and following[:1] == ["."] and len(following) > 1 and following[1].isdigit()


def _head_places(tokens: Sequence[str], place: int, code: str) -> list[int]:
    places = _reach(tokens, range(place + 1, min(place + 1 + _REACH, len(tokens))), code)
    if not places or code in _AFTER_THE_VERB:
        places += _reach(tokens, range(place - 1, max(place - 1 - _REACH, -1), -1), code)[:1]
    return places


def _reach(tokens: Sequence[str], positions: range, code: str) -> list[int]:
    found: list[int] = []
    for at in positions:
        if tokens[at] in _BREAKS or len(found) == _HEADS:
            break
        if tokens[at][0].isalnum() and content_terms(tokens[at], code):
            found.append(at)
    return found


def _words(text: str) -> set[str]:
    return {match.group().casefold() for match in _TOKEN.finditer(text)}


def _pairs(code: str) -> Iterable[tuple[str, str]]:
    for pair in _OPPOSITES[code].split():
        one, _, other = pair.partition("/")
        yield one, other
