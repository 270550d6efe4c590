"""The route that an answer took: kept with it as JSON, and told to who asks how it was made."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings

from llm.difficulty import Assessment
from llm.difficulty_judge import JUDGED
from llm.events import Attempt
from llm.rewriting import REWROTE
from portal.answers.models import Answer
from portal.answers.shown import AskedModel, Provenance
from portal.llms.planning import WHY_NOT, Plan
from portal.llms.quotas import cost_of
from portal.llms.setup import Facts

_OUTCOMES = {
    "answered": "answered",
    "ungrounded": "wrote what is not in the documents",
    "abandoned": "was stopped",
    "refused": "could not be reached",
    "timeout": "did not answer in time",
    "rejected": "rejected the request",
    "overloaded": "was overloaded",
    "server": "failed",
    "cut": "broke off",
    "malformed": "sent something unusable",
    "empty": "sent nothing",
    "overflow": "could not take so much text",
    "unavailable": "was left alone after failures",
    "withheld": "was not asked: something may not leave",
    REWROTE: "made the question stand alone",
    JUDGED: "said how hard the question is",
}
_RUNS = {"local": "on the company's machines", "external": "elsewhere"}


def route_json(plan: Plan, attempts: Sequence[Attempt], *, beside: Sequence[Attempt] = ()) -> dict[str, Any]:
    """Return what an answer keeps of its route; nothing where no model is set up.

    `beside` is what models did before the answer: one made the question stand alone, one said how hard it is.
    """
    if not (plan.engines or plan.left_out):
        return {}
    facts = dict(plan.facts)
    answered = facts.get(attempts[-1].key) if attempts and attempts[-1].outcome == "answered" else None
    return {
        "rule": plan.rule,
        "levels": list(plan.levels),
        "difficulty": _difficulty_json(plan.assessment, facts) if plan.assessment else {},
        "models": [
            {
                "name": facts[one.key].name if one.key in facts else one.model,
                "outcome": one.outcome,
                "prompt_tokens": one.prompt_tokens,
                "output_tokens": one.output_tokens,
                "estimated": one.estimated,
                "masked": dict(one.masked),
            }
            for one in (*beside, *attempts)
        ],
        "left_out": [[facts[one.key].name, one.why] for one in plan.left_out if one.key in facts],
        "revision": answered.revision if answered else "",
        "licence": answered.licence if answered else "",
        "runs": answered.runs if answered else "",
        "cost": str(sum((cost_of(one, facts) for one in (*beside, *attempts)), Decimal(0)).normalize()),
        "currency": settings.LLM_CURRENCY,
    }


def _difficulty_json(assessment: Assessment, facts: dict[str, Facts]) -> dict[str, Any]:
    judge = facts.get(assessment.judge)
    return {
        "is": assessment.difficulty,
        "by": judge.name if judge else "",
        "signs": [sign.told for sign in assessment.signs],
    }


def provenance(answer: Answer) -> Provenance:
    """Return how a kept answer came about, in words."""
    route = answer.route
    cost = Decimal(route.get("cost", "0"))
    return Provenance(
        prompt_version=answer.prompt_version,
        rule=route.get("rule", ""),
        difficulty=route.get("difficulty", {}).get("is", ""),
        judged_by=route.get("difficulty", {}).get("by", ""),
        signs=tuple(route.get("difficulty", {}).get("signs", [])),
        revision=route.get("revision", ""),
        licence=route.get("licence", ""),
        runs=_RUNS.get(route.get("runs", ""), ""),
        cost=f"{cost:f}" if cost else "",
        currency=route.get("currency", "") if cost else "",
        models=tuple(_asked(one) for one in route.get("models", [])),
        left_out=tuple((name, WHY_NOT.get(why, why)) for name, why in route.get("left_out", [])),
    )


def _asked(one: dict[str, Any]) -> AskedModel:
    return AskedModel(
        name=one["name"],
        outcome=one["outcome"],
        told=_OUTCOMES.get(one["outcome"], one["outcome"]),
        prompt_tokens=one["prompt_tokens"],
        output_tokens=one["output_tokens"],
        is_estimate=one["estimated"],
        masked=one["masked"],
    )
