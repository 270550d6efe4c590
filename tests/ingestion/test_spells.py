"""Spells of work: a message and the worker's own look share its threads."""

import threading

import pytest

from ingestion import pipeline, spells


def test_no_more_spells_at_once_than_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, may_end = threading.Semaphore(0), threading.Event()

    def work(*, seconds: float) -> bool:
        at_work.release()
        assert may_end.wait(10)
        return False

    monkeypatch.setattr(spells, "_free", threading.BoundedSemaphore(2))
    monkeypatch.setattr(pipeline, "work_through", work)
    threads = [threading.Thread(target=spells.work_a_spell) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert at_work.acquire(timeout=10)
    assert spells.work_a_spell() is False
    assert not at_work.acquire(blocking=False), "the third returns at once, without work"
    may_end.set()
    for thread in threads:
        thread.join()
    spells.work_a_spell()
    assert at_work.acquire(blocking=False), "a thread is free again"
