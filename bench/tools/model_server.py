"""A model server with fixed delays for a bench: a process of its own that speaks OpenAI's protocol."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from bench.tools.stack import ROOT


@dataclass(frozen=True, slots=True)
class ModelServer:
    """`first` is what it takes to the first token, `between` from one to the next, in seconds."""

    base_url: str
    first: float
    between: float

    def aborted(self) -> int:
        """Return how many requests were given up by whoever made them."""
        seen = httpx.get(f"{self.base_url}/seen", timeout=5, trust_env=False).json()
        return int(seen["aborted"])


@contextmanager
def serving(*, first: float, between: float) -> Iterator[ModelServer]:
    """Run a server until the block ends. The name of a model chooses what it does, see the fake."""
    command = [
        sys.executable,
        "-m",
        "tests.fakes.openai_server",
        "--first",
        str(first),
        "--delay",
        str(between),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - it is a pipe, which the type does not say
            yield ModelServer(server.stdout.readline().strip(), first, between)
        finally:
            server.terminate()


def register(server: ModelServer, model: str) -> None:
    """Let the portal ask one model of the server, and no other from now on."""
    from portal.accounts.models import User
    from portal.llms.models import LanguageModel
    from portal.llms.registry import Draft, add_model, decide, delete_model

    admin, _ = User.objects.get_or_create(email="model-admin@example.com", defaults={"is_admin": True})
    for other in LanguageModel.objects.all():
        delete_model(model=other)
    draft = Draft(model, "other", server.base_url, model, "local", "local_only")
    decide(user=admin, model=add_model(user=admin, draft=draft), approve=True)
