"""The unprivileged account that the embedded PostgreSQL runs as when the portal is started by root.

PostgreSQL refuses to run as root. Where an account cannot be made, the kernel's overflow uid does.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from portal.stack.errors import StackError

_NAME = "cited-postgres"
_NOBODY = 65534
_READ_ALL = stat.S_IRGRP | stat.S_IROTH
_ENTER_ALL = stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def account_for(data_dir: Path) -> Account | None:
    """Return who must run the server on `data_dir`: nobody else than we (None), unless we are root.

    An existing cluster is run by its owner, so that it survives a change of machine or of who starts it.
    """
    if os.geteuid() != 0:
        _refuse_foreign(data_dir)
        return None
    if data_dir.exists() and (status := data_dir.stat()).st_uid != 0:
        return Account(f"uid {status.st_uid}", status.st_uid, status.st_gid)
    return _named() or _made() or Account("nobody", _NOBODY, _NOBODY)


def let_pass(path: Path) -> list[Path]:
    """Let everyone pass through (not list) the folders above `path`; return those that had to be opened."""
    opened = []
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            opened.append(folder)
    return opened


def open_tree(root: Path) -> None:
    """Let everyone read and run what lies below `root`: a strict umask at install time may have hidden it."""
    if root.stat().st_mode & stat.S_IXOTH and (root / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (root, *root.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        runs = path.is_dir() or mode & stat.S_IXUSR
        path.chmod(mode | _READ_ALL | (_ENTER_ALL if runs else 0))


def _refuse_foreign(data_dir: Path) -> None:
    if data_dir.exists() and data_dir.stat().st_uid != os.geteuid():
        raise StackError(
            f"{data_dir} belongs to uid {data_dir.stat().st_uid}, and you are uid {os.geteuid()}. "
            "Start the portal as the user who started it first, or choose another folder: VAR_DIR=... make up"
        )


def _named() -> Account | None:
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        return None
    return Account(_NAME, entry.pw_uid, entry.pw_gid)


def _made() -> Account | None:
    """Make the account with the system's useradd; None where there is none, or it may not."""
    tool = shutil.which("useradd")
    if tool is None:
        return None
    options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    subprocess.run([tool, *options, _NAME], capture_output=True, check=False)  # noqa: S603 - fixed arguments
    return _named()
