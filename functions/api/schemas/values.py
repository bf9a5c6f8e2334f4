"""Types that all bodies share: money as text, refused floats, closed objects, pages.

An answer's validator is built when it is first given: a request meets one route's models.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import ceil, floor
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from candlecast.domain.values.text import is_readable

MONEY = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)  # more digits than any market has; no exponent, no NaN
MOST_MONEY = 10**18  # beyond the digits of `MONEY`
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)  # RFC 3339
FIRST_YEAR, LAST_YEAR = 2000, 2100  # an instant of trading outside of them is a slip
OF_THE_CENTURY = "^20"  # the same for schemas
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?", re.ASCII)
MARKET = re.compile(r"[A-Z0-9._-]+/[A-Z0-9._-]+:[A-Z0-9._-]+", re.ASCII)
MAX_MARKET_CHARACTERS = 64
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 500


class Body(BaseModel):
    """A request's body: unknown fields are refused, since a misspelt limit would otherwise be no limit."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class View(BaseModel):
    """A response's body, read from a domain value by attribute."""

    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class Listing[T](BaseModel):
    """One page; `next_cursor` is null on the last."""

    model_config = ConfigDict(defer_build=True)

    items: list[T] = Field(description="Entries of this page.")
    next_cursor: str | None = Field(default=None, description="`cursor` of the next page; null on the last one.")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`OrderList` for a listing of `OrderView`: generated clients carry this name."""
        return f"{params[0].__name__.removesuffix('View')}List"


def _exact(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and MONEY.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST_MONEY:
        return Decimal(value)
    raise ValueError(
        "must be a decimal number as text, or a whole number; a JSON number with a fraction is a float and loses digits"
    )


def _plain(value: Decimal) -> str:
    return format(value, "f")


_TEXT: dict[str, Any] = {"type": "string", "pattern": rf"^{MONEY.pattern}$", "examples": ["1000.50"]}
_WHOLE: dict[str, Any] = {"type": "integer", "exclusiveMinimum": -MOST_MONEY, "exclusiveMaximum": MOST_MONEY}

Money = Annotated[
    Decimal,
    BeforeValidator(_exact),
    PlainSerializer(_plain, return_type=str),
    WithJsonSchema({"anyOf": [_TEXT, _WHOLE]}, mode="validation"),
    WithJsonSchema({"type": "string", "examples": ["1000.50"]}, mode="serialization"),
]
"""An exact decimal number: text in JSON; whole numbers are taken too."""


def bounded(least: Decimal | int, most: Decimal | int | None = None) -> Callable[[dict[str, Any]], None]:
    """Bounds of a number, for its schema only: the domain checks them, and has a code for each.

    They stand at whole numbers; without `most` the type's own stays. JSON Schema bounds no number that is text: of text it
    tells the sign.
    """

    def describe(schema: dict[str, Any]) -> None:
        if "anyOf" in schema:
            schema["anyOf"] = [dict(alternative) for alternative in schema["anyOf"]]  # money's are shared by all its fields
        for alternative in (schema, *schema.get("anyOf", ())):
            if alternative.get("type") == "integer":
                alternative.pop("exclusiveMinimum", None)
                alternative["minimum"] = ceil(least)
                if most is not None:
                    alternative.pop("exclusiveMaximum", None)
                    alternative["maximum"] = floor(most)
            elif least >= 0 and "pattern" in alternative:
                alternative["pattern"] = alternative["pattern"].replace("-?", "")

    return describe


ABOVE_ZERO = bounded(least=1)


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and INSTANT.fullmatch(value):
        try:
            found = datetime.fromisoformat(value.upper())
        except ValueError:
            found = None
        if found is not None and FIRST_YEAR <= found.year < LAST_YEAR:
            return found.astimezone(UTC)
    raise ValueError(f"must be RFC 3339 text with a zone, between the years {FIRST_YEAR} and {LAST_YEAR}")


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": OF_THE_CENTURY, "examples": ["2026-12-01T08:00:00Z"]},
        mode="validation",
    ),
]
"""A moment in UTC: RFC 3339 text with a zone, and never a number."""


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and DAY.fullmatch(value):
        return date.fromisoformat(value)
    raise ValueError("must be a day as text, such as 2026-12-01")


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-20"]}, mode="validation"),
]
"""A day in UTC: text, and never a number of seconds since 1970."""


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and TIME_OF_DAY.fullmatch(value):
        return time.fromisoformat(value)
    raise ValueError("must be a time of day as text, such as 08:30")


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": rf"^{TIME_OF_DAY.pattern}$", "examples": ["08:30"]}, mode="validation"),
]
"""A whole minute of a UTC day."""


UNREADABLE = "must not have characters that cannot be shown or that turn the direction of writing"
# The best known of them. Characters that Unicode has not assigned are refused too; a pattern cannot name them.
OF_READABLE = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"


def _readable(value: str) -> str:
    if not is_readable(value):
        raise ValueError(UNREADABLE)
    return value


Readable = Annotated[str, AfterValidator(_readable), Field(json_schema_extra={"pattern": OF_READABLE})]
"""Text of a person that is stored and shown to others."""


def _full_name(value: str) -> str:
    if len(value) > MAX_MARKET_CHARACTERS or not MARKET.fullmatch(value):
        raise ValueError("must be the full name of a market, such as BTC/USDT:USDT")
    return value


ListedMarket = Annotated[
    str,
    AfterValidator(_full_name),
    WithJsonSchema(
        {"type": "string", "maxLength": MAX_MARKET_CHARACTERS, "pattern": rf"^{MARKET.pattern}$", "examples": ["BTC/USDT:USDT"]},
        mode="validation",
    ),
]
"""A market in a list of limits or settings. Nothing looks the name up, so `BTCUSDT` there would forbid no order."""

Label = Annotated[Readable, Field(min_length=1, max_length=MAX_LABEL_CHARACTERS)]
Text = Annotated[Readable, Field(max_length=MAX_TEXT_CHARACTERS)]
Symbol = Annotated[
    str, Field(min_length=1, max_length=MAX_MARKET_CHARACTERS, pattern=r"^[A-Z0-9/:._-]+$", examples=["BTC/USDT:USDT"])
]
VenueName = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$", examples=["paper"])]
Identifier = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class CandleView(View):
    """One closed candle: prices in quote per base, volume in base units."""

    open_time: datetime = Field(description="Opening of the candle.")
    open: Money = Field(description="First price, quote per base.")
    high: Money = Field(description="Highest price, quote per base.")
    low: Money = Field(description="Lowest price, quote per base.")
    close: Money = Field(description="Last price, quote per base.")
    volume: Money = Field(description="Base units that were traded.")
