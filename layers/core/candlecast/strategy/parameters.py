"""Typed parameters with bounds: checked when they are made, described as JSON Schema for people who set them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Self, get_type_hints

from candlecast.strategy.errors import StrategyError

JSON_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}


def parameter[T](
    default: T,
    *,
    description: str,
    minimum: T | None = None,
    maximum: T | None = None,
    choices: Sequence[T] = (),
) -> T:
    """Declare a parameter of a `Parameters` dataclass: its default, what it means (with the unit) and its bounds (inclusive)."""
    metadata = {"description": description, "minimum": minimum, "maximum": maximum, "choices": tuple(choices)}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Base of a strategy's parameters: a frozen dataclass whose fields are int, float, bool or str, each made by `parameter`.

    An instance is valid. The constructor raises `StrategyError` PARAMETER_INVALID for a wrong type, a value out of bounds or a
    refusal of `check`. STRATEGY_INVALID is for a field that was declared in another way.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for declared in fields(self):
            if "description" not in declared.metadata or hints[declared.name] not in JSON_TYPES:
                raise StrategyError("STRATEGY_INVALID", f"{declared.name} must be int, float, bool or str, made by parameter()")
            _check_value(declared.name, getattr(self, declared.name), hints[declared.name], declared.metadata)
        self.check()

    def check(self) -> None:
        """Refuse values that do not go together, with `self.refuse`; override where there is such a rule."""

    def refuse(self, message: str) -> None:
        """Raise `StrategyError` PARAMETER_INVALID."""
        raise StrategyError("PARAMETER_INVALID", message)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Make parameters from JSON or stored values; absent parameters take their default.

        A Decimal (what the store returns for any number) becomes the int or float that the field wants, if that loses nothing for
        an int. Raises `StrategyError` PARAMETER_UNKNOWN or PARAMETER_INVALID.
        """
        hints = get_type_hints(cls)
        names = [declared.name for declared in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise StrategyError("PARAMETER_UNKNOWN", f"{len(unknown)} unknown; known are {', '.join(names) or 'none'}")
        return cls(**{name: _from_stored(value, hints[name]) for name, value in values.items()})

    def to_mapping(self) -> dict[str, int | float | bool | str]:
        """The values by name, such that `from_mapping` gives an equal instance."""
        return {declared.name: getattr(self, declared.name) for declared in fields(self)}

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema (2020-12) of the values that `from_mapping` takes."""
        hints = get_type_hints(cls)
        properties = {
            declared.name: _property(hints[declared.name], declared.default, declared.metadata) for declared in fields(cls)
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(kind: type, default: object, metadata: Mapping[str, Any]) -> dict[str, Any]:
    described = {"type": JSON_TYPES[kind], "default": default, "description": metadata["description"]}
    if metadata["minimum"] is not None:
        described["minimum"] = metadata["minimum"]
    if metadata["maximum"] is not None:
        described["maximum"] = metadata["maximum"]
    if metadata["choices"]:
        described["enum"] = list(metadata["choices"])
    return described


def _from_stored(value: object, kind: type) -> Any:
    if kind is float and isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return value


def _check_value(name: str, value: Any, kind: type, metadata: Mapping[str, Any]) -> None:
    if type(value) is not kind:
        raise StrategyError("PARAMETER_INVALID", f"{name} must be {JSON_TYPES[kind]}, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise StrategyError("PARAMETER_INVALID", f"{name} must be finite")
    minimum, maximum, choices = metadata["minimum"], metadata["maximum"], metadata["choices"]
    if minimum is not None and value < minimum:
        raise StrategyError("PARAMETER_INVALID", f"{name} must be at least {minimum}")
    if maximum is not None and value > maximum:
        raise StrategyError("PARAMETER_INVALID", f"{name} must be at most {maximum}")
    if choices and value not in choices:
        raise StrategyError("PARAMETER_INVALID", f"{name} must be one of {', '.join(map(str, choices))}")
