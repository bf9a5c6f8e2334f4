"""DynamoDB's condition and update expressions, as far as the product's adapters write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

Attributes = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Test = Callable[[Attributes, Names, Values], bool]

_TOKEN = re.compile(
    r"\s*(attribute_not_exists|attribute_exists|begins_with|BETWEEN|AND|OR|NOT|<=|>=|<>|[#:][A-Za-z0-9_]+|[()=<>,])"
)
_BETWEEN_ACTIONS = re.compile(r",(?![^(]*\))")  # no comma of a function's arguments
_IF_NOT_EXISTS = re.compile(r"if_not_exists\s*\((\S+), (\S+)\)")
_SECTIONS = re.compile(r"\b(SET|ADD|REMOVE)\b")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def holds(request: Mapping[str, Any], item: Attributes | None) -> bool:
    """Whether the request's condition is true of the stored item."""
    expression = request.get("ConditionExpression")
    if not expression:
        return True
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    return parsed(expression)(item or {}, names, values)


@cache
def parsed(expression: str) -> Test:
    """The expression as a function. Raises `ValueError` for an expression that this grammar does not know."""
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s+", "", expression):
        raise ValueError(f"not understood: {expression}")
    test, rest = _either(tokens)
    if rest:
        raise ValueError(f"not understood: {expression}")
    return test


def updated(request: Mapping[str, Any], item: Attributes) -> dict[str, Any]:
    """The item after the request's update."""
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    parts = _SECTIONS.split(request["UpdateExpression"])[1:]
    after = dict(item)
    for section, body in zip(parts[::2], parts[1::2], strict=True):
        for action in _BETWEEN_ACTIONS.split(body):
            _act(section, action, after, names, values)
    return after


def _act(section: str, action: str, item: dict[str, Any], names: Names, values: Values) -> None:
    if section == "SET":
        name, value = (part.strip() for part in action.split("="))
        if (kept := _IF_NOT_EXISTS.fullmatch(value)) is not None:
            item[names[name]] = item.get(names[kept[1]], values[kept[2]])
        else:
            item[names[name]] = values[value]
    elif section == "ADD":
        name, value = action.split()
        item[names[name]] = _sum(item.get(names[name]), values[value])
    else:
        item.pop(names[action.strip()], None)


def _sum(before: Mapping[str, Any] | None, added: Mapping[str, Any]) -> dict[str, Any]:
    """A number and a number, or a set of texts and one."""
    if "SS" in added:
        return {"SS": sorted({*(before or {"SS": ()})["SS"], *added["SS"]})}
    return {"N": str(Decimal((before or {"N": "0"})["N"]) + Decimal(added["N"]))}


def _either(tokens: list[str]) -> tuple[Test, list[str]]:
    left, rest = _both(tokens)
    while rest and rest[0] == "OR":
        right, rest = _both(rest[1:])
        left = _joined(left, right, any)
    return left, rest


def _both(tokens: list[str]) -> tuple[Test, list[str]]:
    left, rest = _one(tokens)
    while rest and rest[0] == "AND":
        right, rest = _one(rest[1:])
        left = _joined(left, right, all)
    return left, rest


def _joined(left: Test, right: Test, how: Callable[[tuple[bool, bool]], bool]) -> Test:
    return lambda item, names, values: how((left(item, names, values), right(item, names, values)))


def _one(tokens: list[str]) -> tuple[Test, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "NOT":
        inner, rest = _one(rest)
        return (lambda item, names, values: not inner(item, names, values)), rest
    if head == "(":
        inner, rest = _either(rest)
        return inner, rest[1:]
    if head.startswith("attribute"):
        wanted, name = head == "attribute_exists", rest[1]
        return (lambda item, names, _: (names[name] in item) is wanted), rest[3:]
    if head == "begins_with":
        name, value = rest[1], rest[3]
        return (lambda item, names, values: _value(item.get(names[name]), "").startswith(_value(values[value]))), rest[5:]
    compare, right = _COMPARE[rest[0]], rest[1]
    return (lambda item, names, values: names[head] in item and compare(_value(item[names[head]]), _value(values[right]))), rest[
        2:
    ]


def _value(attribute: Any, absent: Any = None) -> Any:
    if attribute is None:
        return absent
    kind, value = next(iter(attribute.items()))
    return Decimal(value) if kind == "N" else value
