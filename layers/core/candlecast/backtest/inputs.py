"""Files beside the candles: settings of a subscription, filters of a market, brackets of margin, rates of funding.

Settings are the JSON that the API takes for a subscription. Money is text or a number; a number keeps the digits that it is
written with. Every refusal names the field, and never repeats more than a short word of a file.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from candlecast.backtest.margin import Margin
from candlecast.domain.market.market import Market
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.errors import InvalidValue

MOST_BYTES = 20_000_000  # of a file; a rate of funding every hour for a century is 18 MB
MOST_DIGITS = 40  # of a number: far more than any venue writes
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
SHOWN = 40  # characters of a wrong word that a message repeats
BRACKET_NAMES = (("floor", "notionalFloor", "minNotional"), ("rate", "maintMarginRatio", "maintenanceMarginRate"))
FUNDING_TIMES = ("timestamp", "time", "fundingtime", "funding_time", "calc_time")  # the last of Binance's archive
FUNDING_RATES = ("rate", "fundingrate", "funding_rate", "last_funding_rate")
EARLIEST_MS = 100_000_000_000  # 1973: a smaller number is a time in seconds


def read_settings(path: Path, cash: Decimal) -> Settings:
    """Read the settings of a subscription. `cash` is the capital if the file gives none, as at first both are the same money.

    Raises `InvalidValue`: SETTINGS_INVALID for a file that is no such JSON, and the domain's own codes for values beyond bounds.
    """
    given = _object(path, "SETTINGS_INVALID")
    settings: Settings = _made(Settings, {"capital": str(cash), **given}, path.name, "SETTINGS_INVALID")
    return settings.require_settable()


def settings_body(path: Path, cash: Decimal) -> dict[str, Any]:
    """The same settings as the API takes them. Raises as `read_settings`."""
    read_settings(path, cash)
    return {"capital": str(cash), **_object(path, "SETTINGS_INVALID")}


def read_market(path: Path, fine: Market) -> Market:
    """Read the filters of a market; filters that the file lacks are those of `fine`. Raises `InvalidValue` MARKET_INVALID."""
    given = _object(path, "MARKET_INVALID")
    known = get_type_hints(Market)
    for name in given:
        _require_known(name, known, path.name, "MARKET_INVALID")
    values = {name: _value(known[name], value, f"{path.name}: {name}", "MARKET_INVALID") for name, value in given.items()}
    try:
        return replace(fine, **values)
    except InvalidValue as error:
        raise InvalidValue(f"{path.name}: {error.message}", code="MARKET_INVALID") from error


def read_margin(path: Path) -> Margin:
    """Read brackets, lowest first: pairs of floor and rate, or objects with these names or with Binance's.

    Raises `InvalidValue` BRACKETS_INVALID.
    """
    code = "BRACKETS_INVALID"
    rows = _json(path, code)
    if not isinstance(rows, list):
        raise InvalidValue(f"{path.name}: brackets are a list, of pairs of floor and rate", code=code)
    made = []
    for number, row in enumerate(rows, 1):
        place = f"{path.name}: bracket {number}"
        if isinstance(row, Mapping):
            row = [next((row[name] for name in names if name in row), None) for names in BRACKET_NAMES]
        if not isinstance(row, list) or len(row) != len(BRACKET_NAMES):
            raise InvalidValue(f"{place} is no pair of floor and rate", code=code)
        floor, rate = (_decimal(value, place, code) for value in row)
        made.append((floor, rate))
    try:
        return Margin.of(tuple(made))
    except InvalidValue as error:
        raise InvalidValue(f"{path.name}: {error.message}", code=code) from error


def read_funding(path: Path) -> tuple[tuple[int, Decimal], ...]:
    """Read rates of funding: a CSV file with a header, whose columns are a time in ms and a rate as a share (0.0001).

    Names of columns are those of `FUNDING_TIMES` and `FUNDING_RATES`, in any case. Raises `InvalidValue` FUNDING_INVALID.
    """
    code = "FUNDING_INVALID"
    lines = csv.reader(_text(path, code).splitlines())
    names = [name.strip().lower() for name in next(lines, [])]
    places = [next((names.index(name) for name in known if name in names), None) for known in (FUNDING_TIMES, FUNDING_RATES)]
    at, rate = places
    if at is None or rate is None:
        raise InvalidValue(f"{path.name}:1: the header names no time or no rate, such as timestamp,rate", code=code)
    made: list[tuple[int, Decimal]] = []
    for number, row in enumerate(lines, 2):
        place = f"{path.name}:{number}"
        if not row:
            continue
        if len(row) <= max(at, rate):
            raise InvalidValue(f"{place}: a cell is missing", code=code)
        when = _decimal(row[at].strip(), place, code)
        if when != when.to_integral_value() or when < EARLIEST_MS:
            raise InvalidValue(f"{place}: {_shown(row[at])} is no time in ms since 1970", code=code)
        share = _decimal(row[rate].strip(), place, code)
        if abs(share) >= 1:
            raise InvalidValue(f"{place}: a rate is a share of the notional, not {_shown(row[rate])}", code=code)
        made.append((int(when), share))
        if len(made) > 1 and made[-1][0] <= made[-2][0]:
            raise InvalidValue(f"{place}: times of funding ascend, and none is given twice", code=code)
    return tuple(made)


# -- JSON as the domain's values ---------------------------------------------------------------------------------------------


def _text(path: Path, code: str) -> str:
    try:
        with path.open("rb") as file:
            read = file.read(MOST_BYTES + 1)
        if len(read) > MOST_BYTES:
            raise InvalidValue(f"{path.name}: over {MOST_BYTES} bytes", code=code)
        return read.decode("utf-8-sig")
    except OSError as error:
        raise InvalidValue(f"{path}: {error.strerror}", code=code) from error
    except UnicodeDecodeError as error:
        raise InvalidValue(f"{path.name}: no text in UTF-8", code=code) from error


def _json(path: Path, code: str) -> Any:
    try:
        return json.loads(
            _text(path, code),
            parse_float=Decimal,
            parse_constant=_refused,
            object_pairs_hook=lambda pairs: _once(pairs, path, code),
        )
    except json.JSONDecodeError as error:
        raise InvalidValue(f"{path.name}:{error.lineno}: {error.msg}", code=code) from error
    except (ValueError, InvalidOperation, RecursionError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(f"{path.name}: no JSON of numbers and texts", code=code) from error


def _refused(_: str) -> Any:
    raise InvalidOperation


def _once(pairs: list[tuple[str, Any]], path: Path, code: str) -> dict[str, Any]:
    """An object of JSON; a name that stands twice is refused, since a reader sees one value and the last one counts."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise InvalidValue(f"{path.name}: {_shown(name)} stands there twice", code=code)
        made[name] = value
    return made


def _object(path: Path, code: str) -> dict[str, Any]:
    found = _json(path, code)
    if not isinstance(found, dict):
        raise InvalidValue(f"{path.name}: not a JSON object", code=code)
    return found


def _made(kind: type[Any], given: Mapping[str, Any], place: str, code: str) -> Any:
    """A value of a dataclass from an object with its fields' names."""
    hints = get_type_hints(kind)
    for name in given:
        _require_known(name, hints, place, code)
    for each in fields(kind):
        if each.name not in given and each.default is MISSING and each.default_factory is MISSING:
            raise InvalidValue(f"{place}: {each.name} is missing", code=code)
    values = {name: _value(hints[name], value, f"{place}: {name}", code) for name, value in given.items()}
    try:
        return kind(**values)
    except InvalidValue as error:
        raise InvalidValue(f"{place}: {error.message}", code=code if error.code == "INVALID_VALUE" else error.code) from error


def _require_known(name: str, known: Mapping[str, Any], place: str, code: str) -> None:
    if name not in known:
        raise InvalidValue(f"{place}: there is no {_shown(name)}; known are {', '.join(known)}", code=code)


def _value(kind: Any, value: Any, place: str, code: str) -> Any:
    """A value of JSON as a field of that type has it."""
    if get_origin(kind) is UnionType:
        if value is None:
            return None
        (kind,) = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise InvalidValue(f"{place} is a list, not {_shown(value)}", code=code)
        return tuple(_value(get_args(kind)[0], each, place, code) for each in value)
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise InvalidValue(f"{place} is an object, not {_shown(value)}", code=code)
        return _made(kind, value, place, code)
    if kind is Decimal:
        return _decimal(value, place, code)
    return _simple(kind, value, place, code)


def _simple(kind: Any, value: Any, place: str, code: str) -> Any:
    if kind in (int, bool, str):
        if type(value) is not kind:
            raise InvalidValue(f"{place} is {kind.__name__}, not {_shown(value)}", code=code)
        return value
    try:
        if issubclass(kind, StrEnum):
            return kind(value)
        if kind is datetime:
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if kind is time:
            return time.fromisoformat(value)
    except (ValueError, TypeError) as error:
        known = f": {', '.join(kind)}" if issubclass(kind, StrEnum) else ""
        raise InvalidValue(f"{place} is no {kind.__name__}{known}, but {_shown(value)}", code=code) from error
    raise TypeError(f"no value of JSON becomes {kind}")


def _decimal(value: Any, place: str, code: str) -> Decimal:
    text = str(value) if type(value) in (int, str, Decimal) else ""
    if not NUMBER.fullmatch(text) or len(text) > MOST_DIGITS:
        raise InvalidValue(f"{place} is no number: {_shown(value)}", code=code)
    return Decimal(text)


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
