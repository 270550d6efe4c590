"""Change the embedding model while the portal serves: add one beside it, let it fill, flip."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion import generations as services
from ingestion.generation_states import GenerationState, describe_generations, index_bytes
from portal.management.people import printable
from portal.management.progress import table
from retrieval.errors import InvalidInputError

_HEAD = (
    "generation",
    "state",
    "model",
    "revision",
    "server",
    "dimension",
    "filled",
    "rate",
    "left",
    "detail",
)


class Command(BaseCommand):
    help = "The generations of vectors and their embedding models. Without an action: list them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        parser.set_defaults(action="list")
        actions = parser.add_subparsers(dest="action", metavar="list|add|move|pause|resume|flip|drop")
        listing = actions.add_parser("list", help="every generation with how full it is")
        listing.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        _add_model(actions.add_parser("add", help="add a model, try it once, and queue its filling"))
        _add_place(actions.add_parser("move", help="say where its model is to be found from now on"))
        for name, told in _NAMED.items():
            one = actions.add_parser(name, help=told)
            one.add_argument("generation", type=int, help="its number in the list")

    def handle(self, *, action: str | None, **options: Any) -> None:
        try:
            _ACTIONS[action or "list"](self, options)
        except InvalidInputError as error:
            raise CommandError(str(error)) from error

    def list_all(self, options: dict[str, Any]) -> None:
        states = describe_generations()
        if options["json"]:
            self.stdout.write(json.dumps({"generations": [_as_json(one) for one in states]}))
            return
        self.stdout.write(table([_HEAD, *map(_row, states)]))
        self.stdout.write(f"{len(states)} generations")

    def add(self, options: dict[str, Any]) -> None:
        made = services.add_generation(
            model=options["model"],
            revision=options["revision"],
            base_url=options["base_url"],
            api_key=_typed_key() if options["api_key_stdin"] else "",
            max_tokens=options["max_tokens"],
        )
        self.stdout.write(f"{printable(str(made))} was added; its filling is queued")

    def move(self, options: dict[str, Any]) -> None:
        found = services.get_generation(options["generation"])
        key = _typed_key() if options["api_key_stdin"] else None
        services.move_model(
            generation=found, model=options["model"], base_url=options["base_url"], api_key=key
        )
        self.stdout.write(f"{printable(str(found))}: its model was found there and is the same")

    def pause(self, options: dict[str, Any]) -> None:
        found = services.get_generation(options["generation"])
        services.pause_generation(generation=found)
        self.stdout.write(f"{printable(str(found))} is paused")

    def resume(self, options: dict[str, Any]) -> None:
        found = services.get_generation(options["generation"])
        services.resume_generation(generation=found)
        self.stdout.write(f"{printable(str(found))} is filling")

    def flip(self, options: dict[str, Any]) -> None:
        found = services.get_generation(options["generation"])
        began = time.monotonic()
        before = services.flip_to(generation=found)
        took = time.monotonic() - began
        self.stdout.write(f"{printable(str(found))} serves, after {took:.2f} s")
        self.stdout.write(f"to go back: manage.py generations flip {before.pk}")

    def drop(self, options: dict[str, Any]) -> None:
        found = services.get_generation(options["generation"])
        name = printable(str(found))
        services.drop_generation(generation=found)
        self.stdout.write(f"{name} was dropped with its vectors")


_NAMED = {
    "pause": "stop embedding with its model; what it has made is kept",
    "resume": "fill what it lacks, from where it stood",
    "flip": "let searches use it from the next one on; also the way back",
    "drop": "remove it with its vectors, for good",
}
_ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "list": Command.list_all,
    "add": Command.add,
    "move": Command.move,
    "pause": Command.pause,
    "resume": Command.resume,
    "flip": Command.flip,
    "drop": Command.drop,
}


def _typed_key() -> str:
    return sys.stdin.readline().strip()


def _add_place(parser: CommandParser) -> None:
    parser.add_argument("generation", type=int, help="its number in the list")
    parser.add_argument("--model", default="", help="the folder, or the name on the server, from now on")
    parser.add_argument("--base-url", default="", help="the server's address from now on")
    parser.add_argument("--api-key-stdin", action="store_true", help="read the key from a line of input")


def _add_model(parser: CommandParser) -> None:
    parser.add_argument("model", help="a folder or a name, or a model's name on the server of --base-url")
    parser.add_argument("--revision", default="", help="the revision of a named model")
    parser.add_argument("--base-url", default="", help="an OpenAI-compatible server, up to /v1")
    parser.add_argument("--max-tokens", type=int, default=0, help="what the server's model reads at once")
    parser.add_argument(
        "--api-key-stdin", action="store_true", help="read the server's key from a line of input"
    )


def _row(state: GenerationState) -> tuple[str, ...]:
    one = state.generation
    return (
        str(one.pk),
        state.word.lower(),
        printable(one.model),
        printable(one.revision) or "-",
        printable(one.base_url) or "-",
        str(one.dimension),
        f"{state.filled} of {state.total}",
        f"{state.rate:.1f}/s" if state.rate is not None else "-",
        state.left_words or "-",
        printable(state.detail) or "-",
    )


def _as_json(state: GenerationState) -> dict[str, Any]:
    one = state.generation
    return {
        "id": one.pk,
        "state": one.state,
        "kind": one.kind,
        "model": one.model,
        "revision": one.revision,
        "base_url": one.base_url,
        "dimension": one.dimension,
        "filled": state.filled,
        "total": state.total,
        "chunks_per_second": round(state.rate, 1) if state.rate is not None else None,
        "seconds_left": round(state.seconds_left) if state.seconds_left is not None else None,
        "is_stopped": state.word == "Stopped",
        "detail": state.detail,
        "bytes": index_bytes(one),
        "created_at": one.created_at.isoformat(),
    }
