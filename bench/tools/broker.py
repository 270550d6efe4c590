"""A Redis that keeps nothing, to be emptied and killed as a broker."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis


class Broker:
    """A Redis on a port of its own, without any persistence."""

    def __init__(self, port: int, folder: str) -> None:
        self._port, self._folder = port, folder
        self._start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def flush(self) -> None:
        """Throw away everything in it."""
        redis.Redis(port=self._port).flushall()

    def restart(self) -> None:
        """Kill it and start it anew, empty."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _start(self) -> None:
        program = shutil.which("redis-server") or "redis-server"
        port = str(self._port)
        self._process = subprocess.Popen(
            [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        while not self._answers():
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(redis.Redis(port=self._port).ping())
        except redis.RedisError:
            return False


@contextmanager
def running() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="cited-redis-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        broker = Broker(port, folder)
        try:
            yield broker
        finally:
            broker.stop()
