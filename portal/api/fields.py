"""Types of fields that requests share."""

from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, ConfigDict


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character, which cannot be stored")
    return text


Text = Annotated[str, AfterValidator(_storable)]


class RequestBody(Schema):
    """A body in JSON; an unknown field is an error, because it is a typing error more often than not."""

    model_config = ConfigDict(extra="forbid")
