"""Terse JSON: fields that are None are left out, and nothing else is lost."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, message_from_json, to_json, to_terse_json
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from tests.support.builders import a_subscription, a_trade_order

TERSE = (Subscription, TradeOrder)


def parts(kind: Any) -> Iterator[Any]:
    """The dataclasses that a type is made of."""
    if dataclasses.is_dataclass(kind):
        yield kind
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            yield from parts(hints[field.name])
    for argument in typing.get_args(kind):
        yield from parts(argument)


def optional(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) and types.NoneType in typing.get_args(kind)


@pytest.mark.parametrize("kind", sorted({part for whole in TERSE for part in parts(whole)}, key=str))
def test_a_field_that_may_be_none_is_none_when_it_is_left_out(kind: Any) -> None:
    hints = typing.get_type_hints(kind)
    fields = [field for field in dataclasses.fields(kind) if optional(hints[field.name])]
    assert {field.name for field in fields if field.default is not None} == set()


def test_what_is_terse_reads_back_as_it_was_and_is_several_times_smaller() -> None:
    order, subscription = a_trade_order(), a_subscription(account_id="account-1")
    assert message_from_json(TradeOrder, to_terse_json(order)) == order == message_from_json(TradeOrder, to_json(order))
    assert from_json(Subscription, to_terse_json(subscription)) == subscription == from_json(Subscription, to_json(subscription))
    assert len(to_terse_json(subscription)) < len(to_json(subscription)) / 3


def test_only_what_is_none_is_left_out() -> None:
    full, terse = json.loads(to_json(a_subscription())), json.loads(to_terse_json(a_subscription()))
    assert terse == without_nulls(full)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
