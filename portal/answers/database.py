"""The database, used from code that waits for a model between two looks."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection

_P = ParamSpec("_P")
_T = TypeVar("_T")


def in_database(function: Callable[_P, _T]) -> Callable[_P, Any]:
    """Return `function` for use in async code; the connection goes back to the pool when it returns."""

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return sync_to_async(call)
