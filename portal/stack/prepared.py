"""Which release prepared the data last: where it is this one, the web process need not wait for it again."""

import hashlib
from pathlib import Path

from portal.stack.config import StackConfig


def is_prepared(config: StackConfig) -> bool:
    """Say whether a release with these very migrations has prepared the data in VAR_DIR."""
    try:
        return _mark(config).read_text() == _migrations(config)
    except FileNotFoundError:
        return False


def note_prepared(config: StackConfig) -> None:
    """Remember that the data in VAR_DIR is ready for this release."""
    _mark(config).write_text(_migrations(config))


def _mark(config: StackConfig) -> Path:
    return Path(config.var_dir) / "prepared"


def _migrations(config: StackConfig) -> str:
    digest = hashlib.sha256()
    base = Path(config.base_dir)
    for path in sorted([*base.glob("*/migrations/*.py"), *base.glob("portal/*/migrations/*.py")]):
        digest.update(f"{path.relative_to(base)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
