"""The whole stack for a browser test: `manage.py up` on a folder and a port of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tests.api.live import free_port

_READY_SECONDS = 150
_LINK = re.compile(r"http://localhost:\d+/link/\S+")


@dataclass(frozen=True)
class Portal:
    """A running portal and the link that it printed for the first admin."""

    url: str
    sign_in_link: str


@contextmanager
def whole_stack(folder: Path, **more: str) -> Iterator[Portal]:
    """Start everything with the project's own command, yield when it says that it is ready, stop it after."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "TEST_VAR_DIR"}
    env |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "VAR_DIR": str(folder / "var"),
        "PORT": str(port),
        "OMP_NUM_THREADS": "1",
        **more,
    }
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Portal(f"http://localhost:{port}", _wait_for_link(process, log))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_for_link(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(errors="replace")
        if "Cited is ready" in said and (found := _LINK.search(said)):
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"the portal did not come up:\n{log.read_text(errors='replace')[-4000:]}")
