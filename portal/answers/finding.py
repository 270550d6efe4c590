"""What an answer is made of, found in one look at the database: passages, models, earlier turns."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from llm import answering
from portal.accounts.models import User
from portal.answers.database import in_database
from portal.answers.following import EarlierTurn, earlier_turns
from portal.answers.models import Question
from portal.llms.planning import Plan, plan_answer
from retrieval.diversity import COPIES_ONCE
from retrieval.neighbours import neighbours_of
from retrieval.scope import Counts
from retrieval.search import SearchResults, search

PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Ground:
    """What an answer is made of. For a model, the passages beside the best ones are among the hits."""

    results: SearchResults
    plan: Plan
    turns: tuple[EarlierTurn, ...]


class Finding:
    """A look for the ground of an answer, which begins at once and tells how much it searches.

    Needs a running event loop. Close it, so that it is over before its reader's request is.
    """

    def __init__(self, *, user: User, question: Question, follows: bool) -> None:
        loop = asyncio.get_running_loop()
        self._counts: asyncio.Future[Counts] = loop.create_future()

        def tell(counts: Counts) -> None:
            loop.call_soon_threadsafe(self._counts.set_result, counts)

        self._looking: asyncio.Future[Ground] = asyncio.ensure_future(
            in_database(find_ground)(user=user, question=question, follows=follows, tell=tell)
        )

    async def counts(self) -> Counts:
        """Return how much is searched, as soon as that is known. Raises what `find_ground` raises."""
        either: list[asyncio.Future[Any]] = [self._counts, self._looking]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._counts.done():
            await self._looking
        return self._counts.result()

    async def ground(self) -> Ground:
        """Return what was found. Raises what `find_ground` raises."""
        return await self._looking

    async def aclose(self) -> None:
        """Wait until the look has ended: a thread that waits for the database cannot be stopped."""
        await asyncio.gather(self._looking, return_exceptions=True)


def find_ground(*, user: User, question: Question, follows: bool, tell: Callable[[Counts], None]) -> Ground:
    """Search for a question, and plan its answer; `tell` is called once it is known how much is searched.

    `follows` says that there are questions before it in its conversation. Raises InvalidInputError for what
    cannot be searched, and QuotaReachedError.
    """
    results = search(
        user=user,
        query=question.asked,
        collections=question.collections,
        limit=PASSAGES,
        arrangement=COPIES_ONCE,
        tell=tell,
    )
    plan = _plan(user, question, results)
    turns: tuple[EarlierTurn, ...] = ()
    if not all(answering.is_left_alone(engine.spec) for engine in plan.candidates):
        beside = neighbours_of(user=user, hits=results.hits)
        results = replace(results, hits=(*results.hits, *beside))
        if follows:
            turns = earlier_turns(user=user, question=question, engines=plan.candidates)
    return Ground(results, plan, turns)


def _plan(user: User, question: Question, results: SearchResults) -> Plan:
    found = {hit.collection_slug for hit in results.hits}
    return plan_answer(
        user=user,
        conversation=str(question.conversation_id),
        question=results.query,
        slugs={*found, *question.collections} if found else (),
        also_in_play=(*results.dictionaries_of, *question.leans_on),
        follows_up=bool(question.rewritten_by),
    )
