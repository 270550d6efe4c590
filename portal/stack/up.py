"""`make up`: bring the whole stack up in order, say where it is, keep it running, take it down in order."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from portal.stack import alone, embedded, processes
from portal.stack.child import Program
from portal.stack.config import StackConfig
from portal.stack.errors import StackError
from portal.stack.model_server import model_server
from portal.stack.output import say
from portal.stack.prepared import is_prepared, note_prepared
from portal.stack.supervisor import StopRequestedError, Supervisor

_READY_SECONDS = 30.0
_OK = b" 200 "
LINK_MARK = "sign-in link: "


def bring_up(config: StackConfig) -> int:
    """Run the stack until it is stopped. Returns the exit status: 0 after a stop, 1 when it cannot run."""
    lock = Path(config.var_dir) / "up.lock"
    try:
        with alone.holding(lock, url=config.base_url) as was_killed:
            alone.check_port(config.host, config.port, patient=was_killed)
            with Supervisor(log_dir=Path(config.var_dir) / "logs") as supervisor:
                _run(config, supervisor)
    except StopRequestedError:
        say("[up] Stopped. The data is safe; `make up` continues where it was.")
        return 0
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(config: StackConfig, supervisor: Supervisor) -> None:
    say(f"[up] Starting Cited; data in {config.var_dir}")
    if config.cluster is not None:
        _start_database(config.cluster, supervisor)
    link = _start_programs(config, supervisor)
    if config.model:
        supervisor.add(model_server(config))
        say(f"[up] vLLM is starting with {config.model}, which can take minutes; its log is logs/vllm.log.")
    _wait_until_ready(config, supervisor)
    say(_box(config, link))
    supervisor.serve()


def _start_database(cluster: embedded.Cluster, supervisor: Supervisor) -> None:
    def start(output: int) -> "subprocess.Popen[bytes]":
        return embedded.start(cluster, output=output, say=lambda text: say(f"[up] {text}"))

    child = supervisor.add(Program("postgres", start, stop_signal="SIGINT", grace=20.0, shown=False))

    def is_ready() -> bool:
        return child.process is not None and embedded.is_ready(cluster, child.process)

    if not supervisor.wait_until(is_ready, seconds=120, step=0.02):
        raise StackError("The embedded PostgreSQL did not start in 120 s; read logs/postgres.log in VAR_DIR.")


def _start_programs(config: StackConfig, supervisor: Supervisor) -> str:
    """Prepare the data and start the programs; return the first admin's sign-in link, or "".

    Loading the embedding model is what takes longest. So the web process starts beside the preparation where
    that has nothing to do, because the same release has done it before; and the worker, which loads the model
    too, starts when questions can be answered.
    """
    web, *others = programs(config)
    was_prepared = is_prepared(config)
    if was_prepared:
        supervisor.add(web)
    link = _prepare(config, supervisor)
    note_prepared(config)
    if was_prepared:
        supervisor.wait_until(lambda: _is_ready(config), seconds=_READY_SECONDS, step=0.2)
    for program in others if was_prepared else (web, *others):
        supervisor.add(program)
    return link


def _prepare(config: StackConfig, supervisor: Supervisor) -> str:
    """Bring the database up to date; return the first admin's sign-in link, or "" where none is due.

    The link is a secret: it goes to the terminal alone, never to a log.
    """
    links = []

    def take(line: str) -> None:
        if line.startswith(LINK_MARK):
            links.append(line.removeprefix(LINK_MARK))
        else:
            say(f"[prepare] {line}")

    supervisor.run_once(_python(config, "prepare", ["manage.py", "prepare", "--link"]), take)
    return links[-1] if links else ""


def programs(config: StackConfig) -> list[Program]:
    """Return the portal's own processes: web, worker and beat."""
    uvicorn = ["-m", "uvicorn", "portal.asgi:application", "--host", config.host, "--port", str(config.port)]
    uvicorn += ["--no-access-log", "--log-level", "warning", "--lifespan", "on", "--no-server-header"]
    uvicorn += ["--timeout-graceful-shutdown", "5"]
    celery = ["-m", "celery", "--quiet", "-A", "portal"]
    worker = ["worker", "--pool", "threads", "--concurrency", str(config.worker_concurrency)]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", config.log_level]
    beat = ["beat", "--scheduler", "portal.beat:TickingScheduler", "--pidfile=", "--loglevel", "WARNING"]
    return [
        _python(config, "web", uvicorn),
        # Reading documents gives way to answering questions.
        _python(config, "worker", [*celery, *worker], niceness=5),
        _python(config, "beat", [*celery, *beat]),
    ]


def _python(config: StackConfig, name: str, arguments: list[str], *, niceness: int = 0) -> Program:
    """Return a Python program of the portal. All of them survive a kill -9, so they may die by one."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # glibc keeps an arena per thread else; idle memory grows by a half
        "TOKENIZERS_PARALLELISM": "false",
        "PGAPPNAME": f"cited {name}",  # who is connected, in pg_stat_activity
        # As root, see docs/decisions/0001; and WhiteNoise reads its small files before it sends them.
        "PYTHONWARNINGS": "ignore:You're running the worker,ignore:StreamingHttpResponse must consume",
    }

    def start(output: int) -> "subprocess.Popen[bytes]":
        process = processes.spawn(
            [config.python, *arguments],
            on_parent_death="SIGKILL",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(config.base_dir),
            env=environment,
        )
        processes.give_way(process.pid, niceness)
        return process

    return Program(name, start)


def _wait_until_ready(config: StackConfig, supervisor: Supervisor) -> None:
    while not supervisor.wait_until(lambda: _is_ready(config), seconds=_READY_SECONDS, step=0.2):
        say(f"[up] Not ready yet; {config.base_url}/readyz names what is missing. Still waiting.")


def _is_ready(config: StackConfig) -> bool:
    host = config.base_url.partition("://")[2].partition("/")[0]
    request = f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
    with (
        suppress(OSError),
        socket.create_connection((config.local_host, config.port), timeout=3) as connection,
    ):
        connection.sendall(request)
        return _OK in connection.recv(64)
    return False


def _box(config: StackConfig, link: str) -> str:
    rows = [
        f"Cited is ready:  {config.base_url}",
        f"Sign in once by: {link}" if link else "Sign-in link:    `make link` prints one",
        f"Administrator:   {config.admin_email}",
        f"Data and logs:   {config.var_dir}",
        "Stop:            Ctrl-C",
    ]
    rule = "-" * max(len(row) for row in rows)
    return "\n".join(["", rule, *rows, rule, ""])
