"""The small words by which follow-up questions are known, in English and German."""

import re
from dataclasses import dataclass
from functools import lru_cache


def _any(words: str) -> str:
    return "|".join(words.split())


@dataclass(frozen=True, slots=True)
class FollowUpWords:
    """Patterns of one language. `thing` groups name what a pronoun can stand for."""

    opener: re.Pattern[str]
    bare: re.Pattern[str]
    why: re.Pattern[str]
    begins_with_verb: re.Pattern[str]
    clause: re.Pattern[str]
    placed: re.Pattern[str]
    only_small: re.Pattern[str]
    article: re.Pattern[str]
    name: re.Pattern[str]
    thing: re.Pattern[str]
    last_thing: re.Pattern[str]
    topics: tuple[re.Pattern[str], ...]
    pronoun: re.Pattern[str]
    any_pronoun: re.Pattern[str]
    expletive: re.Pattern[str]
    asks: re.Pattern[str]
    boundary: re.Pattern[str]
    articles: str
    join: str
    about: str
    has_names: bool
    possessives: frozenset[str] = frozenset()
    any_one: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    of_several: frozenset[str] = frozenset()

    def after_preposition(self, preposition: str) -> re.Pattern[str]:
        """What follows this preposition: a name, or the words up to the end."""
        return _after_preposition(preposition.lower(), self.articles)


@lru_cache(maxsize=200)
def _after_preposition(preposition: str, articles: str) -> re.Pattern[str]:
    capitals = r"[A-ZÄÖÜ][\w-]*(?:\s+[A-ZÄÖÜ][\w-]*)*"
    to_the_end = rf"(?:(?:{articles})\s+)?[\w-]+(?:\s+[\w-]+)?$"
    return re.compile(rf"\b(?i:{preposition})\s+(?:(?:(?:{articles})\s+)?{capitals}|{to_the_end})")


_EN_VERBS = _any(
    "is are was were am be been do does did can could may might must shall should will would has have had"
)
_EN_ARTICLES = _any("the a an my our your their his her its this that these those")
_EN_PREPOSITIONS = _any(
    "in for at on of from to by with without after before since until during within under"
)
_EN_NOT_IN_A_THING = (
    rf"(?:{_EN_VERBS}|in|at|on|from|to|by|with|without|after|before|since|until|during|within|when|if|and|or"
    r"|i|we|you|they|it|he|she|take|takes|last|lasts|cost|costs|need|needs|work|works|change|changes|get|gets)\b"
)
_EN_REST = rf"(?:\s+(?!{_EN_NOT_IN_A_THING})[\w'\u2019&/.-]+)"
_EN_THING = rf"(?:(?:the|a|an|my|our|your)\s+(?!{_EN_NOT_IN_A_THING})[\w'\u2019&/.-]+{_EN_REST}{{0,6}})"
_EN_NAME = r"[A-Z][\w'\u2019&-]*(?:\s+[A-Z][\w'\u2019&-]*)*"
_EN_ASKS = r"(?:what|which|who|whom|whose|where|when|why|how)"
_EN_PRONOUNS = r"(?:it|they|them|he|she|him|its)"

ENGLISH = FollowUpWords(
    opener=re.compile(
        r"^(?:(?:and|but|or|so|then|also|ok|okay)\b[\s,]+)?(?:(?:what|how)\s+about\s+|what\s+if\s+(?=\w+$)|"
        r"(?:what|how)\s+is\s+it\s+(?=in\b|for\b))|^(?:and|but|or|so|then|also|ok|okay)\b[\s,]+",
        re.IGNORECASE,
    ),
    bare=re.compile(
        rf"(?:{_EN_ASKS}(?:\s+(?:much|many|long|often|so|not|else|exactly|far|old|big|large))?"
        r"|(?:since|until|from|by|to|for|at|with)\s+(?:when|where|whom|what))",
        re.IGNORECASE,
    ),
    why=re.compile(r"why", re.IGNORECASE),
    begins_with_verb=re.compile(rf"(?:{_EN_VERBS})\b", re.IGNORECASE),
    clause=re.compile(rf"\b(?:{_EN_VERBS}|{_EN_ASKS}|I|we|you|they|it|one|them|if)\b", re.IGNORECASE),
    placed=re.compile(rf"(?P<preposition>{_EN_PREPOSITIONS})\s+(?P<rest>.+)", re.IGNORECASE),
    only_small=re.compile(rf"(?:(?:{_EN_PREPOSITIONS}|the|of|year|all|for)\s*|[\s,])*", re.IGNORECASE),
    article=re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE),
    name=re.compile(
        rf"(?<=[\w,;:] )(?!I\b){_EN_NAME}|^(?!I\b){_EN_NAME}$",
    ),
    thing=re.compile(rf"(?i:{_EN_THING})|(?<=\w )(?!I\b)[A-Z][\w-]+"),
    last_thing=re.compile(
        r"\b(?P<thing>(?:the|a|an|my|our|your)\s+[\w'\u2019&-]+(?:\s+[\w'\u2019&-]+){0,2})$"
    ),
    topics=(
        re.compile(
            rf"^{_EN_ASKS}(?:\s+\w+)?\s+(?:do|does|did)\s+(?P<thing>{_EN_THING})\s+\w+$", re.IGNORECASE
        ),
        re.compile(rf"\b(?P<thing>{_EN_THING})", re.IGNORECASE),
        re.compile(
            rf"^(?:{_EN_ASKS}(?:\s+\w+)?\s+)?(?:is|are|was|were)\s+"
            rf"(?P<thing>(?!{_EN_NOT_IN_A_THING})[\w'\u2019&-]+{_EN_REST}{{0,4}})$",
            re.IGNORECASE,
        ),
        re.compile(
            rf"\b(?:do|does|did|can|could|may|must|shall|should|will)\s+[\w'\u2019-]+\s+\w+\s+"
            rf"(?P<thing>(?!{_EN_NOT_IN_A_THING})[\w'\u2019&-]+{_EN_REST}{{0,3}})",
            re.IGNORECASE,
        ),
    ),
    pronoun=re.compile(
        rf"\b(?:{_EN_PRONOUNS}\b|their(?=\s)|one(?=$)|ones(?=$)"
        rf"|(?:this|that|these|those)(?=$|\s+(?:{_EN_VERBS}|mean|means|include|includes|apply|applies|cost|work"
        r"|take|count|happen|change|still|also)\b)|there(?=$))",
        re.IGNORECASE,
    ),
    any_pronoun=re.compile(
        r"\b(?:it|its|they|them|their|he|she|him|his|her|this|that|these|those|one|ones|there|so|such|same|other"
        r"|others|another|else|instead|more|former|latter|again)\b",
        re.IGNORECASE,
    ),
    expletive=re.compile(
        r"\b(?:is|was|it's|would|will)\s*(?:it)?\s*(?:be\s+)?(?:possible|allowed|necessary|true|safe|better"
        r"|legal|required|permitted|enough|worth|normal|forbidden|mandatory|important|clear|known)"
        r"\s+(?:to|that|for|if)\b"
        r"|\b(?:does|do|did|will)\s+it\s+take\s+(?:to|for|until)\b|\bwhat time is it\b|\b(?:is|are) there\b",
        re.IGNORECASE,
    ),
    asks=re.compile(rf"^\s*(?:{_EN_ASKS})\b", re.IGNORECASE),
    boundary=re.compile(
        r",|\b(?:if|when|whenever|while|because|once|and|who|whose|that|unless|before|after|or)\b",
        re.IGNORECASE,
    ),
    articles=_EN_ARTICLES,
    join="and",
    about="for",
    has_names=True,
    possessives=frozenset({"its", "their"}),
    any_one=frozenset({"one", "ones"}),
    of_several=frozenset({"they", "them", "their"}),
    whole=frozenset({"this", "that", "these", "those", "there"}),
)

_DE_ARTICLES = _any(
    "der die das den dem des ein eine einen einem einer eines mein meine meinen meinem unser unsere unseren"
    " unserem dieser diese dieses diesen diesem"
)
_DE_PREPOSITIONS = _any(
    "in im für bei beim an am auf aus von vom nach vor seit ab bis mit ohne zu zum zur während innerhalb"
    " unter über"
)
_DE_VERBS = _any(
    "ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können darf dürfen muss müssen"
    " soll sollen will wollen gibt gilt gelten bekomme bekommen brauche brauchen kostet kosten macht machen"
    " geht gehen"
)
_DE_ASKS = (
    r"(?:was|wer|wen|wem|wessen|wo|wohin|woher|wann|warum|wieso|weshalb|wie|welche[rsnm]?|wofür|wozu|womit)"
)
_DE_NOUN = r"(?:[a-zäöüß]+(?:e|en|er|es|em)\s+){0,2}[A-ZÄÖÜ][\w-]+"
_DE_THING = (
    rf"(?:(?i:{_DE_ARTICLES})\s+{_DE_NOUN}"
    rf"(?:\s+(?:von|vom|des|der|für|zum|zur)\s+(?:(?:{_DE_ARTICLES})\s+)?{_DE_NOUN}){{0,2}})"
)
_DE_ABOUT = r"(?:davon|dafür|dazu|damit|dabei|daran|darauf|darüber|dagegen|danach|dort)"

GERMAN = FollowUpWords(
    opener=re.compile(
        r"^(?:(?:und|aber|oder|also|dann|auch)\b[\s,]+)?"
        r"(?:was\s+ist\s+mit\s+|wie\s+(?:ist|sieht|steht)\s+(?:es|das)\s+(?:aus\s+)?(?:mit\s+(?:der\s+|dem\s+|den\s+)?)?)|^(?:und|aber|oder|also|dann|auch)\b[\s,]+",
        re.IGNORECASE,
    ),
    bare=re.compile(
        rf"(?:{_DE_ASKS}(?:\s+(?:viel|viele|lange|oft|nicht|sonst|genau|weit|alt|groß|teuer))?"
        r"|(?:seit|bis|ab|von|für|mit|bei)\s+(?:wann|wo|wem|wen))",
        re.IGNORECASE,
    ),
    why=re.compile(r"warum|wieso|weshalb", re.IGNORECASE),
    begins_with_verb=re.compile(
        rf"(?!{_DE_ASKS}\b)[A-ZÄÖÜa-zäöü]\w+\s+(?:ich|wir|man|Sie|sie|er|es|{_DE_ARTICLES})\b"
    ),
    clause=re.compile(rf"\b(?:{_DE_VERBS}|{_DE_ASKS}|ich|wir|man|es|sie|er|wenn)\b", re.IGNORECASE),
    placed=re.compile(rf"(?P<preposition>{_DE_PREPOSITIONS})\s+(?P<rest>.+)", re.IGNORECASE),
    only_small=re.compile(rf"(?:(?:{_DE_PREPOSITIONS}|Jahr|das|dem|des|Jahres)\s*|[\s,])*", re.IGNORECASE),
    article=re.compile(rf"^(?:{_DE_ARTICLES})\s+", re.IGNORECASE),
    name=re.compile(r"[A-ZÄÖÜ][\w-]+"),
    thing=re.compile(_DE_THING),
    last_thing=re.compile(
        rf"\b(?P<thing>(?:{_DE_ARTICLES})\s+{_DE_NOUN})$"
        r"|\b(?:in|an|bei|für|von|aus|nach|zu|mit|auf)\s+(?P<name>[A-ZÄÖÜ][\w-]+)$"
    ),
    topics=(
        re.compile(rf"\b(?P<thing>{_DE_THING})"),
        re.compile(
            rf"^(?:{_DE_ASKS}(?:\s+[a-zäöüß]+)?\s+)?(?:ist|sind|war|waren|gilt|gelten|dauert|kostet)\s+"
            rf"(?P<thing>{_DE_NOUN})$",
            re.IGNORECASE,
        ),
        re.compile(rf"\b(?:ich|wir|man|Sie)\s+(?P<thing>{_DE_NOUN})"),
    ),
    pronoun=re.compile(
        rf"\b(?:er|sie|ihn|ihm|ihnen|{_DE_ABOUT}|es|eine(?=$|\s+[a-zäöüß]+$)|einen(?=$)|eins(?=$)"
        r"|das(?=$|\s+(?:auch|noch|schon|etwas|alles)\b))(?=\s|$)"
    ),
    any_pronoun=re.compile(
        rf"\b(?:er|sie|es|ihn|ihm|ihr|ihre[rnms]?|ihnen|sein|seine[rnms]?|das|dies|diese[rsnm]?|jene[rsnm]?"
        rf"|{_DE_ABOUT}|einen|eins|solche[rsnm]?|andere[rsnm]?|sonst|stattdessen|mehr|noch)\b"
    ),
    expletive=re.compile(
        r"\bgibt es\b|\bes gibt\b|\bist es (?:möglich|erlaubt|nötig|wahr|sicher|besser|verboten|wichtig)\b"
        r"|\bgeht es um\b|\bdauert es,|\bwie geht es\b",
        re.IGNORECASE,
    ),
    asks=re.compile(rf"^\s*(?:{_DE_ASKS})\b", re.IGNORECASE),
    boundary=re.compile(r",|\b(?:wenn|falls|weil|dass|und|oder|ob|bevor|nachdem|während|der|die)\b"),
    articles=_DE_ARTICLES,
    join="und",
    about="für",
    has_names=False,
    whole=frozenset(
        _any("davon dafür dazu damit dabei daran darauf darüber dagegen danach dort das").split("|")
    ),
)

BY_LANGUAGE = {"en": ENGLISH, "de": GERMAN}
