"""The plan of an answer, after a model was asked how hard the question is, where one is to be asked."""

from llm.events import Attempt
from portal.accounts.models import User
from portal.answers.database import in_database
from portal.llms.judging import judge
from portal.llms.planning import Plan, settle


async def judged_plan(*, user: User, plan: Plan) -> tuple[Plan, list[Attempt]]:
    """Return the plan to answer by, and what the model has used, which is counted also where nobody waits."""
    attempts: list[Attempt] = []
    try:
        return await judge(plan=plan, attempts=attempts), attempts
    finally:
        if attempts:
            await in_database(settle)(user=user, plan=plan, attempts=attempts)
