"""Requests run in one thread each, which serves the next one afterwards."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from portal.one_thread import OneThreadHandler

_BOTH = threading.Barrier(2)


def _name(_: HttpRequest) -> HttpResponse:
    return HttpResponse(str(threading.get_ident()))


def _wait_for_another(_: HttpRequest) -> HttpResponse:
    _BOTH.wait(timeout=20)
    return HttpResponse(str(threading.get_ident()))


urlpatterns = [path("name", _name), path("both", _wait_for_another)]


@pytest.fixture
def handler() -> OneThreadHandler:
    return OneThreadHandler()


def _scope(address: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost")]
    return {"type": "http", "method": "GET", "path": address, "query_string": b"", "headers": headers}


async def _ask(handler: OneThreadHandler, address: str, *, breaks_off: bool = False) -> str:
    """Send a request and return what the view says; `breaks_off` where the answer can no longer be sent."""
    sent: list[Mapping[str, Any]] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Mapping[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # a reader who stays
        raise AssertionError

    async def send(message: Mapping[str, Any]) -> None:
        if breaks_off:
            raise OSError
        sent.append(message)

    await handler(_scope(address), receive, send)
    return b"".join(one.get("body", b"") for one in sent).decode()


@override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"])
def test_one_request_after_another_runs_in_the_same_thread(handler: OneThreadHandler) -> None:
    async def ask() -> list[str]:
        return [await _ask(handler, "/name") for _ in range(3)]

    [name] = set(asyncio.run(ask()))
    assert name != str(threading.get_ident())


@override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"])
def test_requests_at_once_run_in_threads_of_their_own(handler: OneThreadHandler) -> None:
    async def ask() -> tuple[str, str]:
        return await asyncio.gather(_ask(handler, "/both"), _ask(handler, "/both"))

    assert len(set(asyncio.run(ask()))) == 2


@override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"])
def test_a_request_that_broke_off_leaves_its_thread_to_nobody(handler: OneThreadHandler) -> None:
    async def ask() -> tuple[str, str]:
        before = await _ask(handler, "/name")
        with pytest.raises(OSError):  # noqa: PT011 - the one that `send` raises
            await _ask(handler, "/name", breaks_off=True)
        return before, await _ask(handler, "/name")

    before, after = asyncio.run(ask())
    assert before != after
