"""A follow-up question ("and in 2023?") made to stand alone, by rules, from the questions before it.

Only what the person typed goes in: never an answer, so nothing that a document says can get into a question.
The rules are conservative: what may stand alone stays as it is. They know English and German; in other
languages nothing is rewritten.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm._follow_up_words import BY_LANGUAGE, FollowUpWords
from llm.words import content_terms, guess_language

_TIMES = (
    re.compile(r"\b(?:19|20)\d\d\b"),
    re.compile(
        r"\b(?:Q[1-4]|(?:first|second|third|fourth) quarter"
        r"|(?:erste[ns]?|zweite[ns]?|dritte[ns]?|vierte[ns]?) Quartal)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
        r"|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember)\b"
    ),
)
_END = re.compile(r"[\s?!.…]+$")
_MOST_FRAGMENT_WORDS = 6
_FEW_TERMS = 2
_FEW_WORDS = 4
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class _Asked:
    """A follow-up and the question before it, both without their marks at the end."""

    text: str
    before: str
    words: FollowUpWords
    language: str


def may_depend(question: str, before: Sequence[str]) -> bool:
    """Whether a question might need the ones before it (the last one first) to be understood.

    Generous: a language model is asked about what this lets through, and may find that it stands alone.
    """
    asked = _read(question, before)
    if asked is None:
        return bool(before) and len(question.split()) <= _FEW_WORDS
    bare = asked.words.opener.sub("", asked.text)
    return (
        bare != asked.text
        or bool(asked.words.any_pronoun.search(asked.text))
        or len(asked.text.split()) <= _FEW_WORDS
    )


def stand_alone(question: str, before: Sequence[str]) -> str:
    """Return a question made to stand alone by rules, or as it is where it does already.

    `before` are the earlier questions of the conversation, each standing alone, the last one first.
    """
    asked = _read(question, before)
    if asked is None:
        return question
    rewritten = _bare_word(asked) or _fragment(asked) or _pronoun(asked)
    if not rewritten or len(rewritten) > _LONGEST:
        return question
    return _capital(f"{rewritten}?")


def _read(question: str, before: Sequence[str]) -> _Asked | None:
    if not before:
        return None
    text, last = (_END.sub("", " ".join(one.split())) for one in (question, before[0]))
    language = guess_language(f"{last} {text}", "en")
    words = BY_LANGUAGE.get(language)
    return _Asked(text, last, words, language) if words and text and last else None


def _bare_word(asked: _Asked) -> str:
    """A follow-up of question words alone: "why?", "since when?"."""
    found = asked.words.bare.fullmatch(asked.words.opener.sub("", asked.text))
    if not found:
        return ""
    word = found[0][0].lower() + found[0][1:]
    if asked.words.begins_with_verb.match(asked.before) and asked.words.why.fullmatch(word):
        return f"{word} {_small(asked.before)}"
    return f"{asked.before}, {asked.words.join} {word}"


def _fragment(asked: _Asked) -> str:
    """A follow-up without a verb of its own: "and in 2023?", "what about Berlin?"."""
    bare = asked.words.opener.sub("", asked.text).strip(" ,")
    if not bare or len(bare.split()) > _MOST_FRAGMENT_WORDS or asked.words.clause.search(bare):
        return ""
    is_opened = bare != asked.text
    if changed := _other_time(asked, bare):
        return changed
    place = asked.words.placed.fullmatch(bare)
    if place:
        return _other_place(asked, place["preposition"], place["rest"])
    return _other_thing(asked, bare) if is_opened else ""


def _other_time(asked: _Asked, bare: str) -> str:
    """The question before, with another year, quarter or month."""
    left, changed = bare, asked.before
    for pattern in _TIMES:
        found = pattern.search(bare)
        if found is None:
            continue
        left = left.replace(found[0], " ")
        if pattern.search(changed):
            changed = pattern.sub(found[0], changed, count=1)
        elif changed != asked.before:
            return ""
    if left == bare or not asked.words.only_small.fullmatch(left.strip(" ,")):
        return ""
    if changed != asked.before:
        return changed
    return f"{asked.before} {bare}" if bare[0].islower() else f"{asked.before} in {bare}"


def _other_place(asked: _Asked, preposition: str, rest: str) -> str:
    """The question before, where the same preposition leads to something else, or the new one at its end."""
    places = list(asked.words.after_preposition(preposition).finditer(asked.before))
    new = f"{preposition.lower()} {rest}"
    if not places:
        return f"{asked.before} {new}"
    last = places[-1]
    return f"{asked.before[: last.start()]}{new}{asked.before[last.end() :]}"


def _other_thing(asked: _Asked, bare: str) -> str:
    """The question before, about another thing of the same kind."""
    name = asked.words.article.sub("", bare)
    own = asked.words.name.findall(asked.before)
    if asked.words.has_names and len(own) == 1 and name[:1].isupper():
        return asked.before.replace(own[0], name)
    last = asked.words.last_thing.search(asked.before)
    if last:
        return f"{asked.before[: last.start(last.lastgroup or 0)]}{bare}"
    return f"{asked.before} {asked.words.about} {bare}"


def _pronoun(asked: _Asked) -> str:
    """A question whose pronoun stands for what the one before was about: "how do I remove one?"."""
    text = asked.words.opener.sub("", asked.text)
    found = asked.words.pronoun.search(text)
    if found is None or asked.words.expletive.search(text):
        return ""
    head, tail = text[: found.start()], text[found.end() :]
    if _has_own_antecedent(asked, head, found[0].lower()):
        return ""
    topic = _topic(asked)
    if not topic:
        return f"{asked.before}: {_small(text)}"
    word = found[0].lower()
    if word in asked.words.possessives:
        owned = re.match(r"\s+([\w-]+)", tail)
        return f"{head}the {owned[1]} of {_definite(asked, topic)}{tail[owned.end() :]}" if owned else ""
    if word in asked.words.whole:
        return f"{asked.before}: {_small(text)}"
    return f"{head}{topic if word in asked.words.any_one else _definite(asked, topic)}{tail}"


def _has_own_antecedent(asked: _Asked, head: str, pronoun: str) -> bool:
    """Whether the words before a pronoun hold what it may mean, and the beginning of another clause.

    For several, any noun will do: "managers and their teams".
    """
    head = asked.words.asks.sub("", head)
    if not asked.words.boundary.search(head):
        return False
    few = 0 if pronoun in asked.words.of_several else _FEW_TERMS
    return bool(asked.words.thing.search(head)) or len(content_terms(head, asked.language)) > few


def _topic(asked: _Asked) -> str:
    """What the question before was about, in its own words; empty where the rules cannot tell."""
    for pattern in asked.words.topics:
        found = pattern.search(asked.before)
        if found:
            return found["thing"].strip(" ,")
    return ""


def _definite(asked: _Asked, topic: str) -> str:
    """ "a generation" was spoken of, so it is "the generation" now; German keeps its article and case."""
    return re.sub(r"^an?\s", "the ", topic) if asked.language == "en" else topic


def _small(text: str) -> str:
    """A question as the later part of a sentence; "I" and abbreviations keep their capitals."""
    first = text.split(maxsplit=1)[0]
    return text if first == "I" or first[1:2].isupper() else text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
