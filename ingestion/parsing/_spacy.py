# ruff: noqa: ANN401 - spaCy's pipelines are used without its types
"""Gives ``unstructured`` a language model without the network.

At first use it would download ``en_core_web_sm`` from GitHub, under a lock that waits without end. Where that
model is installed it is used. Elsewhere a blank pipeline does: ``unstructured`` asks only for words, sentence
ends and whether there is a verb, to tell prose from titles.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from typing import Any

MODEL = "en_core_web_sm"

_VERBS = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "can",
        "could",
        "will",
        "would",
        "shall",
        "should",
        "may",
        "might",
        "must",
        "make",
        "makes",
        "made",
        "take",
        "takes",
        "took",
        "give",
        "gives",
        "gave",
        "get",
        "gets",
        "got",
        "go",
        "goes",
        "went",
        "see",
        "sees",
        "saw",
        "know",
        "knows",
        "knew",
        "say",
        "says",
        "said",
        "use",
        "uses",
        "show",
        "shows",
        "shown",
        "need",
        "needs",
        "keep",
        "keeps",
        "find",
        "finds",
        "found",
        "let",
        "lets",
        "put",
        "set",
        "run",
        "runs",
        "ran",
        "become",
        "becomes",
        "became",
        "include",
        "includes",
        "apply",
        "applies",
    ]
)
_VERB_ENDING = re.compile(r"[a-z]{2,}(?:ed|ing|ize|izes|ise|ises|ify|ifies)$")


def leave_out_torch() -> None:
    """Make ``import torch`` fail in this process: spaCy would import it, for seconds, and never use it."""
    if "torch" not in sys.modules:
        sys.modules["torch"] = None  # type: ignore[assignment]  # Python's documented way to block an import


def use_local_model() -> None:
    """Make ``unstructured`` load a model from this machine, whatever is installed. Safe to call twice."""
    from unstructured.nlp import tokenize

    if find_spec(MODEL) is None:
        tokenize._load_spacy_model = blank_model


def blank_model() -> Any:
    """Return an English pipeline without weights: words, sentence ends by rule, and tags for likely verbs."""
    import spacy
    from spacy.language import Language

    if not Language.has_factory("cited_verb_tagger"):
        Language.component("cited_verb_tagger", func=_tag_verbs)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.add_pipe("cited_verb_tagger")
    return pipeline


def _tag_verbs(doc: Any) -> Any:
    for token in doc:
        word = token.lower_
        token.tag_ = "VB" if word in _VERBS or _VERB_ENDING.match(word) else "NN"
    return doc
