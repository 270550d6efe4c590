"""Kill -9 at random moments during an ingest, then look whether every document is indexed exactly once.

`python bench/torture.py [--rounds 10] [--seed N] [--corpus FOLDER]` runs a portal of its own, adds each
folder of the corpus as a collection, and kills the worker, a parse child, the server that it is forked from,
beat, the web process and the database (its postmaster, or one backend) in turn. With `--uploads N` it sends
N made files over HTTP instead, some of them in each round. With `--redis` the broker is a Redis that keeps
nothing, and the rounds empty it and kill it in turn. The last line is one JSON object; the exit status is 1
where anything is missing, doubled or different from a clean reading, or where work goes on later than 60 s
after a kill at p95.
"""

import argparse
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.tools import audit, broker, stack
from bench.tools.broker import Broker
from bench.tools.figures import finish, say
from bench.tools.stack import Stack
from bench.tools.uploads import File, Uploader, made_files

VICTIMS = ("worker", "parse child", "beat", "web", "postmaster", "fork server", "parse child", "backend")
BROKER_VICTIMS = ("broker flush", "broker restart")
_LONGEST_DELAY = 1.5
_RESUMED_WITHIN = 60.0
_PATIENCE = 120.0
_TICK = 0.05
_OPEN = "SELECT count(*) FROM ingestion_ingestionjob WHERE state IN ('queued', 'working')"
_CLAIMS = "SELECT count(*) FROM ingestion_ingestionjob WHERE started_at > %s"
_SIGNS_OF_WORK = """
SELECT count(*) FROM ingestion_ingestionjob WHERE greatest(heartbeat_at, finished_at) > %s
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One kill: when, with how many jobs still open, and after how many seconds the victim's work went on."""

    number: int
    victim: str
    at_second: float
    open_jobs: int
    resumed_after: float | None


@dataclass(slots=True)
class Report:
    """What became of the ingest; it holds if `faults` is empty."""

    documents: int = 0
    chunks: int = 0
    resumed_p95: float = 0.0
    seconds: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Torture:
    def __init__(self, portal: Stack, rng: random.Random, redis: Broker | None = None) -> None:
        self.portal, self._rng, self._redis = portal, rng, redis
        self._began = time.monotonic()

    @property
    def second(self) -> float:
        return time.monotonic() - self._began

    def ask(self, query: str, *values: object) -> int | None:
        """Return a count from the database, or None while it is away."""
        with suppress(psycopg.OperationalError), closing(stack.connect(self.portal)) as connection:
            row = connection.execute(query.encode(), values).fetchone()
            return int(str(row[0])) if row else None
        return None

    def wait_for(self, condition: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(_TICK)
        return True

    def round(self, number: int, victim: str, open_at_most: int) -> Round:
        """Kill a victim at a random moment once so few jobs are open; return when its work went on."""
        self.wait_for(lambda: (self.ask(_OPEN) or open_at_most + 1) <= open_at_most, 600)
        return self.kill(number, victim)

    def kill(self, number: int, victim: str) -> Round:
        """Kill a victim within the next moments; return when its work went on."""
        time.sleep(self._rng.uniform(0, _LONGEST_DELAY))
        left = self.ask(_OPEN) or 0
        if victim not in BROKER_VICTIMS:
            self.wait_for(lambda: self._pid(victim) != 0, _LONGEST_DELAY if victim == "parse child" else 60)
        killed_at, second = time.time(), self.second
        self._strike(victim)
        came_back = self.wait_for(lambda: self._works_again(victim, killed_at))
        resumed = round(time.time() - killed_at, 1) if came_back else None
        return Round(number, victim, round(second, 1), left, resumed)

    def _strike(self, victim: str) -> None:
        if self._redis is not None and victim == "broker flush":
            self._redis.flush()
        elif self._redis is not None and victim == "broker restart":
            self._redis.restart()
        else:
            with suppress(ProcessLookupError):
                os.kill(self._pid(victim) or self.portal.child("worker"), signal.SIGKILL)

    def _pid(self, victim: str) -> int:
        match victim:
            case "parse child":
                return self.portal.parse_child()
            case "fork server":
                return self.portal.fork_server()
            case "backend":
                return self._rng.choice(self.portal.backends() or [0])
            case "postmaster":
                return self.portal.child("database")
        return self.portal.child(victim)

    def _works_again(self, victim: str, killed_at: float) -> bool:
        match victim:
            case "web":
                return self.portal.answers("/livez")
            case "beat":
                sign = self.portal.var_dir / "beat.alive"
                return sign.exists() and sign.stat().st_mtime > killed_at
        if self.ask(_OPEN) == 0:
            return True
        moment = time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(killed_at + 1))
        return bool(self.ask(_CLAIMS if victim in BROKER_VICTIMS else _SIGNS_OF_WORK, moment))


def torture(corpus: Path, *, rounds: int, seed: int, **settings: str) -> Report:
    """Ingest the folders of `corpus` under fire and return what is there afterwards."""
    rng, report = random.Random(seed), Report()  # noqa: S311 - a seeded choice of moments
    folders = sorted(path for path in corpus.iterdir() if path.is_dir())
    with stack.running(**settings) as portal:
        run = _Torture(portal, rng)
        run.wait_for(lambda: run.ask(_OPEN) == 0)  # the handbook
        added = json.loads(portal.run("-m", "bench.tools.load", *map(str, folders)))["added"]
        for number, (victim, left) in enumerate(_plan(rng, rounds, added), 1):
            one = run.round(number, victim, left)
            report.rounds.append(one)
            say(_row(one))
        if not run.wait_for(lambda: run.ask(_OPEN) == 0, 1200):
            report.faults.append(f"{run.ask(_OPEN)} jobs are still open after 20 minutes")
        report.seconds = round(run.second, 1)
        _audit(portal, report, added)
    return _judged(report)


def torture_uploads(uploads: int, *, rounds: int, seed: int, with_redis: bool, **settings: str) -> Report:
    """Send made files over HTTP under fire, some in each round, and return what is there afterwards.

    With Redis as broker, the broker alone is struck: emptied and killed in turn.
    """
    if not with_redis:
        return _torture_uploads(list(made_files(uploads, seed=seed)), rounds, seed, None, settings)
    with broker.running() as redis:
        settings |= {"CELERY_BROKER_URL": redis.url}
        return _torture_uploads(list(made_files(uploads, seed=seed)), rounds, seed, redis, settings)


def _torture_uploads(
    files: list[File], rounds: int, seed: int, redis: Broker | None, settings: dict[str, str]
) -> Report:
    rng, report = random.Random(seed), Report()  # noqa: S311 - a seeded choice of moments
    victims = _victims(rng, rounds, VICTIMS if redis is None else BROKER_VICTIMS)
    with stack.running(**settings) as portal, tempfile.TemporaryDirectory(prefix="uploads-") as folder:
        run = _Torture(portal, rng, redis)
        run.wait_for(lambda: run.ask(_OPEN) == 0)  # the handbook
        empty = Path(folder) / "uploads"
        empty.mkdir()
        token = json.loads(portal.run("-m", "bench.tools.load", str(empty)))["token"]
        uploader = Uploader(portal.base_url, token, empty.name)
        for number, victim in enumerate(victims, 1):
            sending = uploader.begin(files[number - 1 :: rounds])
            one = run.kill(number, victim)
            report.rounds.append(one)
            say(_row(one))
            sending.join()
        if not run.wait_for(lambda: run.ask(_OPEN) == 0, 1200):
            report.faults.append(f"{run.ask(_OPEN)} jobs are still open after 20 minutes")
        report.seconds = round(run.second, 1)
        report.faults += [f"never confirmed: {told}" for told in uploader.refused]
        _audit(portal, report, len(files))
    return _judged(report)


def _victims(rng: random.Random, rounds: int, kinds: Sequence[str]) -> list[str]:
    victims = [kinds[number % len(kinds)] for number in range(rounds)]
    rng.shuffle(victims)
    return victims


def _judged(report: Report) -> Report:
    """Add how late work went on: at p95 within a minute, or it is a fault."""
    late = sorted(one.resumed_after if one.resumed_after is not None else _PATIENCE for one in report.rounds)
    report.resumed_p95 = late[math.ceil(0.95 * len(late)) - 1]
    if report.resumed_p95 > _RESUMED_WITHIN:
        report.faults.append(f"work went on after {report.resumed_p95} s at p95, expected within 60 s")
    return report


def _plan(rng: random.Random, rounds: int, jobs: int) -> Iterator[tuple[str, int]]:
    """Yield whom to kill, and at how many open jobs: each kind once before any comes twice, all seeded."""
    victims = _victims(rng, rounds, VICTIMS)
    moments = sorted((rng.randint(2, jobs) for _ in range(rounds)), reverse=True)
    return zip(victims, moments, strict=True)


def _audit(portal: Stack, report: Report, added: int) -> None:
    with closing(stack.connect(portal)) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM retrieval_document), (SELECT count(*) FROM retrieval_chunk)"
        ).fetchone()
        report.documents, report.chunks = map(int, map(str, row or (0, 0)))
        handbook = connection.execute(
            "SELECT count(*) FROM retrieval_document AS d JOIN retrieval_collection AS c"
            " ON c.id = d.collection_id WHERE c.slug = 'cited-handbook'"
        ).fetchone()
        expected = added + int(str(handbook[0] if handbook else 0))
        report.faults += audit.faults(connection, blobs=portal.var_dir / "blobs", documents=expected)


def _row(one: Round) -> str:
    resumed = f"{one.resumed_after:.1f} s" if one.resumed_after is not None else "not in 2 min"
    return f"{one.number:>5}  {one.victim:<14}{one.at_second:>8.1f} s{one.open_jobs:>11}{resumed:>15}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=stack.CORPUS)
    parser.add_argument("--lease", default="30", help="JOB_LEASE_SECONDS")
    parser.add_argument("--sweep", default="15", help="SWEEP_SECONDS")
    parser.add_argument("--uploads", type=int, default=0, help="send so many made files over HTTP")
    parser.add_argument("--redis", action="store_true", help="strike a Redis as broker; with --uploads")
    options = parser.parse_args()
    if not options.uploads and not options.corpus.is_dir():
        sys.exit(
            f"There is no folder {options.corpus}. Name one with --corpus: a collection for each folder."
        )
    say(f"{'round':>5}  {'victim':<14}{'at':>10}{'open jobs':>11}{'resumed after':>15}")
    report = _run(options)
    say(f"{report.documents} documents, {report.chunks} chunks, {report.seconds:.0f} s; work went on after")
    say(f"{report.resumed_p95:.1f} s at p95; wrong:")
    say("\n".join(report.faults) or "nothing")
    finish({"bench": "torture", "seed": options.seed} | asdict(report))
    sys.exit(bool(report.faults))


def _run(options: argparse.Namespace) -> Report:
    settings = {"JOB_LEASE_SECONDS": options.lease, "SWEEP_SECONDS": options.sweep}
    rounds, seed = options.rounds, options.seed
    if options.uploads:
        return torture_uploads(
            options.uploads, rounds=rounds, seed=seed, with_redis=options.redis, **settings
        )
    return torture(options.corpus, rounds=rounds, seed=seed, **settings)


if __name__ == "__main__":
    main()
