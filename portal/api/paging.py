"""Pages of a list: `?page=` counts from 1, `?page_size=` is at most 100."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema
from pydantic import Field

Row = TypeVar("Row", bound=Model)


class Paging(Schema):
    page: int = Field(default=1, ge=1, le=1_000_000, description="Which page, from 1.")
    page_size: int = Field(default=25, ge=1, le=100, description="Items on a page, at most 100.")


class PageOut(Schema):
    """What every page of a list carries; `count` is over all pages and counts only what you may see."""

    count: int
    page: int
    page_size: int


PagingQuery = Annotated[Paging, Query()]


def page_of(rows: "QuerySet[Row]", paging: Paging, show: Callable[[Row], Any]) -> dict[str, Any]:
    """Return one page of `rows`, which must be ordered to the last key, with each row as `show` makes it."""
    start = (paging.page - 1) * paging.page_size
    return {
        "items": [show(row) for row in rows[start : start + paging.page_size]],
        "count": rows.count(),
        "page": paging.page,
        "page_size": paging.page_size,
    }
