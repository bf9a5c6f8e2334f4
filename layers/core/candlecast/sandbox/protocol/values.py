"""Reading JSON of strangers: each function takes exactly one form and raises `Malformed` for all others."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any

MAX_NUMBER_CHARACTERS = 64  # a float's exact text has at most 26; the rest is for Decimals of a few zeros
NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
MAX_INTEGER = 2**53  # what JSON numbers hold exactly

type Value = int | float | bool | str


class Malformed(ValueError):
    """A form that is not the agreed one; the message names the place and repeats nothing of the value."""


def loads(text: bytes) -> Any:
    """JSON without NaN and infinity; raises `Malformed` for anything else, however deep it is nested."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("no JSON") from error


def _refuse_constant(name: str) -> float:
    raise Malformed(f"{name} is no JSON")


def mapping(value: object, place: str, keys: Collection[str]) -> dict[str, Any]:
    """A mapping with exactly these keys."""
    if type(value) is not dict or value.keys() != set(keys):
        raise Malformed(f"{place} must have the keys {', '.join(sorted(keys))}")
    return value


def text(value: object, place: str, most: int, *, least: int = 0) -> str:
    """Text of at most `most` characters, without lone surrogates."""
    if type(value) is not str or not least <= len(value) <= most or not _is_unicode(value):
        raise Malformed(f"{place} must be text of {least} to {most} characters")
    return value


def _is_unicode(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= it <= "\udfff" for it in value)


def whole(value: object, place: str, least: int, most: int) -> int:
    """A whole number between the bounds, both included."""
    if type(value) is not int or not least <= value <= most:
        raise Malformed(f"{place} must be a whole number from {least} to {most}")
    return value


def number(value: object, place: str, least: float, most: float) -> float:
    """A finite number between the bounds, both included."""
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        raise Malformed(f"{place} must be a number from {least} to {most}")
    return float(value)  # type: ignore[arg-type]


def money(value: object, place: str) -> Decimal:
    """A finite Decimal above zero, sent as text."""
    amount = _decimal(value, place)
    if amount <= 0:
        raise Malformed(f"{place} must be above zero")
    return amount


def fraction(value: object, place: str) -> Decimal:
    """A Decimal from 0 to 1, both included, sent as text."""
    amount = _decimal(value, place)
    if not 0 <= amount <= 1:
        raise Malformed(f"{place} must lie between 0 and 1")
    return amount


def _decimal(value: object, place: str) -> Decimal:
    if type(value) is not str or len(value) > MAX_NUMBER_CHARACTERS or not NUMBER.fullmatch(value):
        raise Malformed(f"{place} must be a number as text")
    return Decimal(value)


def parameters(value: object, place: str, most: int, characters: int) -> dict[str, Value]:
    """Parameters by name: whole numbers, finite numbers, flags and text."""
    if type(value) is not dict or len(value) > most:
        raise Malformed(f"{place} must have at most {most} names")
    for name, found in value.items():
        text(name, f"a name in {place}", characters, least=1)
        if type(found) is str:
            text(found, f"{place}.{name}", characters)
        elif type(found) is int:
            whole(found, f"{place}.{name}", -MAX_INTEGER, MAX_INTEGER)
        elif type(found) is not bool and not (type(found) is float and math.isfinite(found)):
            raise Malformed(f"{place}.{name} must be a number, a flag or text")
    return value
