"""Types that all bodies share: money as text, refused floats, closed objects, pages.

An answer's validator is built when it is first given: a request meets one route's models.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

MONEY = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)  # more digits than any market has; no exponent, no NaN
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 500


class Body(BaseModel):
    """A request's body: unknown fields are refused, since a misspelt limit would otherwise be no limit."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class View(BaseModel):
    """A response's body, read from a domain value by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class Listing[T](BaseModel):
    """One page; `next_cursor` is None on the last."""

    model_config = ConfigDict(defer_build=True)

    items: list[T]
    next_cursor: str | None = None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`OrderList` for a listing of `OrderView`: generated clients carry this name."""
        return f"{params[0].__name__.removesuffix('View')}List"


def _exact(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and MONEY.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool) and MONEY.fullmatch(str(value)):
        return Decimal(value)
    raise ValueError(
        "must be a decimal number as text, or a whole number; a JSON number with a fraction is a float and loses digits"
    )


def _plain(value: Decimal) -> str:
    return format(value, "f")


_TEXT: dict[str, Any] = {"type": "string", "pattern": rf"^{MONEY.pattern}$", "examples": ["1000.50"]}

Money = Annotated[
    Decimal,
    BeforeValidator(_exact),
    PlainSerializer(_plain, return_type=str),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "integer"}]}, mode="validation"),
    WithJsonSchema({"type": "string", "examples": ["1000.50"]}, mode="serialization"),
]
"""An exact decimal number: text in JSON; whole numbers are taken too."""

Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
Symbol = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Z0-9/:._-]+$", examples=["BTC/USDT:USDT"])]
Identifier = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
