"""What the supervisor is told: the few settings it needs, without Django around them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.stack.embedded import Cluster


@dataclass(frozen=True)
class StackConfig:
    """The settings of one running stack. `socket_dir` is empty where PostgreSQL runs elsewhere."""

    python: str
    base_dir: str
    var_dir: str
    host: str
    port: int
    base_url: str
    admin_email: str
    socket_dir: str
    worker_concurrency: int
    log_level: str

    def dumped(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> "StackConfig":
        return cls(**json.loads(text))

    @property
    def cluster(self) -> Cluster | None:
        """The embedded database, or None where DATABASE_URL names another."""
        if not self.socket_dir:
            return None
        return Cluster(Path(self.var_dir) / "postgres", Path(self.socket_dir))

    @property
    def local_host(self) -> str:
        """The address at which this machine reaches the web process."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - read, not bound
