"""Ask from the command line, with the rights of one person."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from ninja.responses import NinjaJSONEncoder

from portal.accounts.models import User
from portal.answers.services import answer_now, ask
from portal.answers.shown import ShownAnswer, Source
from portal.api.answers import AnswerOut, answer_json
from portal.llms.errors import QuotaReachedError
from portal.management.people import find_user, printable
from retrieval.errors import InvalidInputError, NotVisibleError


class Command(BaseCommand):
    help = "Print the answer to a question with its citations, engine and timings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="whose documents to answer from")
        parser.add_argument(
            "--collection",
            action="append",
            default=[],
            metavar="SLUG",
            help="search only here; may be repeated",
        )
        parser.add_argument(
            "--json", action="store_true", help="print the JSON that POST /api/v1/answers returns"
        )

    def handle(self, *, question: str, user: str, collection: list[str], **options: Any) -> None:
        person = find_user(user)
        try:
            asked = ask(user=person, text=question, collections=collection)
            answer = answer_now(user=person, question=asked)
        except (InvalidInputError, QuotaReachedError) as error:
            raise CommandError(str(error)) from error
        except NotVisibleError as error:
            raise CommandError(f"{person.email} sees no such collection. Check the slug.") from error
        self.stdout.write(_as_json(person, answer) if options["json"] else "\n".join(_lines(person, answer)))


def _as_json(person: User, answer: ShownAnswer) -> str:
    shown = AnswerOut.model_validate(answer_json(person, answer)).model_dump()
    return json.dumps(shown, indent=2, ensure_ascii=False, cls=NinjaJSONEncoder)


def _lines(person: User, answer: ShownAnswer) -> list[str]:
    told = answer_json(person, answer)
    lines = [printable(told["text"] or answer.reason), ""]
    if answer.notice:
        lines += [printable(answer.notice), ""]
    for source in answer.sources:
        lines += _source_lines(source)
    if answer.nearest:
        lines += ["The nearest passages:"]
    for source in answer.nearest:
        lines += _source_lines(source)
    timings = ", ".join(f"{name} {value:.0f} ms" for name, value in told["timings"].items())
    return [*lines, f"engine {answer.engine or 'none'} {printable(answer.model)}".rstrip(), timings]


def _source_lines(source: Source) -> list[str]:
    page = f", page {source.page}" if source.page else ""
    parent = f" in {source.parent_title}" if source.parent_title else ""
    where = f"{source.title} ({source.name}{parent}{page}), {source.collection_title}"
    return [
        f"[{source.number}] {printable(where)}, score {source.score:.2f}",
        f"    {printable(source.quote)}",
        "",
    ]
