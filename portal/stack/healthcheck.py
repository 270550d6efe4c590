"""`python -m portal.stack.healthcheck web|worker|beat`: a container's health check; 0 is healthy."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_BEAT_SECONDS = 120
_SECONDS = 10


def web() -> bool:
    """Ask /livez as the portal's own address, which ALLOWED_HOSTS always allows."""
    host = urlsplit(os.environ.get("BASE_URL") or "http://localhost").netloc
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=_SECONDS
    )
    try:
        connection.request("GET", "/livez", headers={"Host": host})
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def worker() -> bool:
    """Ask this container's worker through the broker."""
    ping = ["inspect", "ping", "--destination", f"celery@{socket.gethostname()}", "--timeout", str(_SECONDS)]
    command = [sys.executable, "-m", "celery", "-A", "portal", *ping]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed words


def beat() -> bool:
    """Look at the age of the file that beat touches at every tick."""
    sign = Path(os.environ["VAR_DIR"]) / "beat.alive"
    return sign.exists() and time.time() - sign.stat().st_mtime < _BEAT_SECONDS


_CHECKS: dict[str, Callable[[], bool]] = {"web": web, "worker": worker, "beat": beat}

if __name__ == "__main__":
    sys.exit(0 if _CHECKS[sys.argv[1]]() else 1)
