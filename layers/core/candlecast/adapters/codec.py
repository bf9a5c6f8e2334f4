"""JSON of messages, aggregates and history rows: the one place where domain values become text and text becomes domain values.

Pydantic builds the codec from the dataclasses themselves, so a field cannot be forgotten. Decimals travel as strings and a JSON
number with a fraction is refused where money is: a float would have lost digits already. Unknown fields are ignored, since
messages and items grow by additions only. No error repeats the text's values, since a webhook's body may hold anything.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import Execution
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import InvalidValue, Poison, RetryLater

SUPPORTED_SCHEMA_VERSIONS = frozenset({1, 2})  # 2: an order of a part, which older code would take for an order of all
MAX_SCHEMA_VERSION = 1_000  # a larger number is no version that code of ours could have written
MAX_MESSAGE_CHARACTERS = 262_144  # a queue takes no more, so anything longer did not come from one
# Durations and strategy parameters are floats; their money is still text.
_TYPES_WITH_FLOATS = (Execution, StrategyDefinition, StrategyVersion)


def to_json(value: object) -> str:
    """The value as compact JSON: Decimals as strings, instants as ISO 8601 in UTC."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value).decode()


def to_sparse_json(value: object) -> str:
    """As `to_json`, without fields that have their default: for items that are stored often and paid by the kilobyte.

    So a default of a type that is stored in this way is part of its format and never changes.
    """
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, exclude_defaults=True).decode()


def to_terse_json(value: object) -> str:
    """As `to_json`, without fields that are None: for bulk messages with many limits that nobody has set.

    A field that may be None must have None for its default in every such type; a test walks through them.
    """
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, exclude_none=True).decode()


def list_to_json[T](kind: type[T], values: tuple[T, ...]) -> str:
    """Values of one type as a JSON list."""
    return _adapter(_tuple_of(kind)).dump_json(values).decode()


def list_to_sparse_json[T](kind: type[T], values: tuple[T, ...]) -> str:
    """As `list_to_json`, without fields that have their default."""
    return _adapter(_tuple_of(kind)).dump_json(values, exclude_defaults=True).decode()


def from_json[T](kind: type[T], text: str | bytes, *, with_floats: bool = False) -> T:
    """The value that `to_json` made; raises `InvalidValue` (UNREADABLE), which names the field and never its content.

    `with_floats` is for other types with parameters of strategies than those that are known here.
    """
    value: T = _validate(kind, _parse(text, with_floats=with_floats or kind in _TYPES_WITH_FLOATS))
    return value


def outline_from_json[T](kind: type[T], text: str) -> T:
    """The value in a text that may be no valid message: only the fields of `kind` must be readable. Raises `InvalidValue`."""
    value: T = _validate(kind, _parse(text, with_floats=True))
    return value


def list_from_json[T](kind: type[T], text: str | bytes) -> tuple[T, ...]:
    """The values that `list_to_json` made; raises `InvalidValue` (UNREADABLE)."""
    values: tuple[T, ...] = _validate(_tuple_of(kind), _parse(text, with_floats=kind in _TYPES_WITH_FLOATS))
    return values


def message_from_json[M](kind: type[M], body: str) -> M:
    """The message of that type in a queue's record.

    Raises `RetryLater` (SCHEMA_UNKNOWN) if newer code has written it: the code before a rollback may be back soon. Raises
    `Poison`: MESSAGE_TOO_LARGE, MESSAGE_UNREADABLE, or SCHEMA_UNKNOWN if its version is no number of a version. The reason never
    repeats the body.
    """
    if len(body) > MAX_MESSAGE_CHARACTERS:
        raise Poison("MESSAGE_TOO_LARGE", f"{kind.__name__} has over {MAX_MESSAGE_CHARACTERS} characters")
    try:
        data = _parse(body, with_floats=False)
    except InvalidValue as error:
        raise Poison("MESSAGE_UNREADABLE", f"{kind.__name__}: {error.message}") from None
    if not isinstance(data, dict):
        raise Poison("MESSAGE_UNREADABLE", f"{kind.__name__}: not a JSON object")
    version = data.get("schema_version")
    if type(version) is int and max(SUPPORTED_SCHEMA_VERSIONS) < version < MAX_SCHEMA_VERSION:
        raise RetryLater("SCHEMA_UNKNOWN", f"{kind.__name__}: newer code has written it", after_seconds=30)
    if version not in SUPPORTED_SCHEMA_VERSIONS or isinstance(version, bool):
        raise Poison("SCHEMA_UNKNOWN", f"{kind.__name__}: schema_version is none of {sorted(SUPPORTED_SCHEMA_VERSIONS)}")
    try:
        message: M = _validate(kind, data)
    except InvalidValue as error:
        raise Poison("MESSAGE_UNREADABLE", f"{kind.__name__}: {error.message}") from None
    return message


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _tuple_of(kind: Any) -> Any:
    return tuple[kind, ...]


def _parse(text: str | bytes, *, with_floats: bool) -> object:
    try:
        return (_WITH_FLOATS if with_floats else _WITHOUT_FLOATS).decode(text if isinstance(text, str) else text.decode())
    except InvalidValue:
        raise
    except (ValueError, RecursionError):
        raise InvalidValue("not JSON", code="UNREADABLE") from None


def _refuse_number(_: str) -> NoReturn:
    raise InvalidValue("a number is a float: money travels as text", code="UNREADABLE")


# Made once: `json.loads` makes one anew at every call that brings hooks, which takes longer than a small text.
_WITH_FLOATS = json.JSONDecoder(parse_constant=_refuse_number)
_WITHOUT_FLOATS = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number)


def _validate(kind: Any, data: object) -> Any:
    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        # `from None`: pydantic's own text repeats the values that it refused
        raise InvalidValue(_place(error), code="UNREADABLE") from None


def _place(error: ValidationError) -> str:
    """The first error's place and kind; only the outermost name, for deeper names may be keys that a sender chose."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = str(first["loc"][0]) if first["loc"] else "value"
    return f"{where} is not valid ({first['type']})"
