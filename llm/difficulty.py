"""How hard a question is, by rules that can be told: easy, or hard enough for another model.

Each sign in its words has points, and HARD points or more make it hard. The words are those of English,
German, French and Spanish; of a question in another language only its length, its question marks and its
names count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from llm.support.names import names_in
from llm.support.negation import denials
from llm.words import guess_language

Difficulty = Literal["easy", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)
HARD = 2

_LONG_WORDS, _VERY_LONG_WORDS = 25, 50
_MANY_NAMES = 3
_READ_CHARACTERS = 1_000
_MOST_QUESTIONS, _MOST_CONDITIONS = 3, 2


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that makes a question harder, or with negative points easier."""

    points: int
    told: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """How hard a question is. `score` and `signs` are those of the rules.

    `judge` is the key of the model that said so; empty: the rules did.
    """

    difficulty: Difficulty
    score: int = 0
    signs: tuple[Sign, ...] = ()
    judge: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a language asks, compares and conditions with."""

    another: re.Pattern[str]
    compares: re.Pattern[str]
    why: re.Pattern[str]
    how: re.Pattern[str]
    whole: re.Pattern[str]
    condition: re.Pattern[str]
    fact: re.Pattern[str]


def _words(
    *, joins: str, asks: str, compares: str, why: str, how: str, whole: str, condition: str, fact: str
) -> _Words:
    return _Words(
        another=_pattern(rf"(?:\b(?:{joins})|;) (?:{asks})"),
        compares=_pattern(rf"\b(?:{compares})"),
        why=_pattern(rf"\b(?:{why})"),
        how=_pattern(rf"\b(?:{how})"),
        whole=_pattern(rf"\b(?:{whole})"),
        condition=_pattern(rf"\b(?:{condition})"),
        fact=_pattern(rf"^\W*(?:\w+ )?(?:{fact})"),  # also "In which year", "Seit wann"
    )


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(rf"{text}\b", re.IGNORECASE)


_BY_LANGUAGE = {
    "en": _words(
        joins="and|or|also",
        asks="why|how|when|who|whom|where|what|which|whether",
        compares=r"compar\w+|differ|differs|differences?|versus|vs|as opposed to|rather than"
        r"|(?:\w+er|more|less|worse) (?:\w+ )?than (?!\d)\w+|trade-?offs?|pros and cons|(?:dis)?advantages",
        why="why|how come|what caused|causes of|reasons? (?:for|why|behind)",
        how=r"how (?!(?:many|much|often|long|old|far|high|large|big|fast|wide|tall|deep|late|early)\b)\w+",
        whole=r"summar\w+|explain|describe|analy[sz]e|evaluate|assess|recommend|overview|list (?:all|every)"
        r"|implications?|consequences",
        condition="if|unless|provided that|in case|assuming|suppose|except|even though|although|as long as",
        fact=r"when|who|whom|whose|where|(?:what|which) (?:is the )?(?:year|month|day|date|time|number|name)"
        r"|how (?:many|much|often|long|old|far|high|large|big|fast|wide|tall|deep|late|early)",
    ),
    "de": _words(
        joins="und|oder|sowie",
        asks="warum|weshalb|wieso|wie|wann|wer|wen|wem|wo|was|welche[rsnm]?|ob",
        compares=r"vergleich\w*|verglichen|unterschied\w*|unterscheide\w*|gegenüber|im gegensatz"
        r"|(?:mehr|weniger|besser|schlechter|höher|niedriger|größer|kleiner|länger|kürzer) (?:\w+ )?als"
        r"|vorteile|nachteile",
        why="warum|weshalb|wieso|woran liegt|gründe für|ursachen?",
        how=r"(?<!so )wie (?!(?:viele?n?|oft|lange?|alt|weit|hoch|groß|schnell|breit|tief|spät|früh|heißt"
        r"|lautet)\b)\w+",
        whole=r"zusammenfass\w+|fasse?|erklär\w+|erläuter\w+|beschreib\w+|analysier\w+|bewerte\w*|empfiehl"
        r"|überblick|auswirkung\w*|folgen",
        condition="wenn|falls|sofern|vorausgesetzt|außer|es sei denn|obwohl|solange|angenommen",
        fact=r"wann|wer|wen|wem|wessen|wo|wohin|woher|wie (?:viele?n?|oft|lange?|alt|weit|hoch|groß|schnell"
        r"|breit|tief|spät|früh|heißt|lautet)|welche[smnr]? (?:jahr|monat|tag|datum|zahl|namen?)",
    ),
    "fr": _words(
        joins="et|ou",
        asks="pourquoi|comment|quand|qui|où|quel|quelle|quels|quelles|que",
        compares=r"compar\w+|différences?|par rapport|plutôt que|(?:plus|moins|mieux) (?:\w+ )?que"
        r"|avantages|inconvénients",
        why="pourquoi|raisons?|causes?",
        how="comment",
        whole=r"résum\w+|expliqu\w+|décri\w+|analys\w+|évalu\w+|recommand\w+|conséquences",
        condition="si|sauf|à condition|à moins|bien que|en cas",
        fact="quand|qui|où|combien|quelle? (?:année|date|heure|jour|mois|nom|numéro)",
    ),
    "es": _words(
        joins="y|e|o",
        asks="por qué|cómo|cuándo|quién|quiénes|dónde|qué|cuál|cuáles",
        compares=r"compar\w+|diferencias?|frente a|en lugar de|(?:más|menos|mejor|peor) (?:\w+ )?que"
        r"|ventajas|desventajas",
        why="por qué|razón|razones|causas?",
        how="cómo",
        whole=r"resum\w+|expli\w+|describ\w+|analiz\w+|evalú\w+|recomiend\w+|consecuencias",
        condition="si|salvo|excepto|a menos que|siempre que|aunque|en caso",
        fact="cuándo|quién|quiénes|dónde|cuánt[oa]s?|qué (?:año|fecha|hora|día|mes)",
    ),
}


def assess(question: str, *, follows_up: bool = False) -> Assessment:
    """How hard `question` is; `follows_up` tells that it leans on what was asked before."""
    text = " ".join(question[:_READ_CHARACTERS].split())
    language = guess_language(text, "en")
    signs = [*_of_any_language(text, language), *_of_words(text, language)]
    if follows_up:
        signs.append(Sign(1, "leans on an earlier question"))
    score = sum(sign.points for sign in signs)
    return Assessment("hard" if score >= HARD else "easy", score, tuple(signs))


def _of_any_language(text: str, language: str) -> Iterator[Sign]:
    length = len(text.split())
    if length > _LONG_WORDS:
        yield Sign(2 if length > _VERY_LONG_WORDS else 1, f"is long: {length} words")
    named = _named_things(text, language)
    if named >= _MANY_NAMES:
        yield Sign(1, f"names {named} things")


def _of_words(text: str, language: str) -> Iterator[Sign]:
    words = _BY_LANGUAGE.get(language, _BY_LANGUAGE["en"])
    questions = max(1, len(re.findall(r"[?\uff1f]+", text))) + len(words.another.findall(text))
    if questions > 1:
        yield Sign(2 * (min(questions, _MOST_QUESTIONS) - 1), f"asks {questions} things at once")
    wants = list(_wants(text, words))
    if not wants and words.fact.search(text):
        wants.append(Sign(-1, "asks for a fact"))
    yield from wants
    if conditions := len(words.condition.findall(text)):
        yield Sign(min(conditions, _MOST_CONDITIONS), "has a condition")
    if denials(text, language).heads:
        yield Sign(1, "asks for what is not")


def _wants(text: str, words: _Words) -> Iterator[Sign]:
    if words.compares.search(text):
        yield Sign(2, "compares")
    if words.whole.search(text):
        yield Sign(2, "asks for an explanation or a summary")
    if words.why.search(text):
        yield Sign(2, "asks for reasons")
    elif words.how.search(text):
        yield Sign(1, "asks for a way")


def _named_things(text: str, language: str) -> int:
    """How many names there are; the words of a name that follow each other are one."""
    ends = 0
    found = 0
    for name in names_in(text, language):
        found += bool(text[ends : name.span[0]].strip()) or not found
        ends = name.span[1]
    return found
