"""What the supervisor is told: the few settings it needs, without Django around them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.stack.embedded import Cluster


@dataclass(frozen=True)
class StackConfig:
    """The settings of one running stack. `socket_dir` is empty where PostgreSQL runs elsewhere.

    `model` is what a vLLM server beside the portal serves; empty, there is none. `model_python` is the Python
    of its environment, `model_context` the window that it is started with, 0 for the model's own.
    """

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
    model: str = ""
    model_python: str = ""
    model_port: int = 0
    model_context: int = 0

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
