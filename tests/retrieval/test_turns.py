"""Searches take turns, and who waits for one holds no connection."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from retrieval import _turns


class OneTurn(threading.BoundedSemaphore):
    """A single turn; `is_waited_for` tells that somebody has begun to wait for it."""

    def __init__(self) -> None:
        super().__init__(1)
        self.is_waited_for = threading.Event()

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if blocking:
            self.is_waited_for.set()
        return super().acquire(blocking, timeout)


@pytest.fixture
def one_turn(monkeypatch: pytest.MonkeyPatch) -> OneTurn:
    only = OneTurn()
    monkeypatch.setattr(_turns, "_TURNS", only)
    return only


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_turn_gives_the_connection_back(one_turn: OneTurn) -> None:
    def search() -> bool:
        connection.ensure_connection()
        with _turns.turn():
            return connection.connection is not None

    with ThreadPoolExecutor(1) as others:
        with _turns.turn():
            other = others.submit(search)
            assert one_turn.is_waited_for.wait(timeout=30)
            assert not other.done()
        assert other.result(timeout=30) is False


def test_an_error_ends_the_turn(one_turn: OneTurn) -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="lost"), _turns.turn():
            raise ValueError("lost")
