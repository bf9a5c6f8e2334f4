"""Messages: a decoded message equals the encoded message. A broken message is poison, and its reason repeats nothing of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.adapters.codec import (
    MAX_MESSAGE_CHARACTERS,
    from_json,
    list_from_json,
    list_to_json,
    list_to_sparse_json,
    message_from_json,
    to_json,
    to_sparse_json,
)
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, order_event
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.strategies.execution import Execution, ShardReport, SignalRecord
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue, Poison, RetryLater
from tests.support.builders import (
    NOW,
    a_candle_closed,
    a_position,
    a_reconcile_request,
    a_signal,
    a_signal_record,
    a_signal_shard,
    a_trade_order,
    an_account,
    an_execution,
    an_intent,
)

CANARY = "canary-4711"
MESSAGES = [a_candle_closed(), a_signal_shard(), a_trade_order(), a_reconcile_request()]


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(to_json(a_trade_order())), **changes})


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_went_out(message: object) -> None:
    assert message_from_json(type(message), to_json(message)) == message


def test_an_account_an_execution_and_a_record_come_back_as_they_went_out() -> None:
    intent, position = an_intent(), a_position()
    account = an_account(intents={intent.intent_id: intent}, positions={position.key: position}, settled={"x": NOW})
    execution = an_execution(signal=a_signal(take_profits=(TakeProfit(Decimal(110)),)), duration_ms=1.25, logs=("a",))
    record = a_signal_record(reports={3: ShardReport(shard=3, orders=2, skipped={"NO_ACCOUNT": 1})})
    assert from_json(Account, to_json(account)) == account
    assert from_json(Execution, to_json(execution)) == execution
    assert from_json(SignalRecord, to_json(record)) == record


def test_what_is_stored_without_its_defaults_comes_back_as_it_went_out() -> None:
    intent, position = an_intent(LegKind.EXIT, position_side=None), a_position(stop_price=Decimal("90.50"))
    account = an_account(intents={intent.intent_id: intent}, positions={position.key: position}, settled={"x": NOW})
    text = to_sparse_json(account)
    assert from_json(Account, text) == account
    assert len(text) < len(to_json(account)) * 2 / 3
    events = (order_event(intent, NOW),)
    assert list_from_json(Event, list_to_sparse_json(Event, events)) == events


def test_a_list_of_events_comes_back_as_it_went_out() -> None:
    events = (order_event(an_intent(), NOW), order_event(an_intent(quantity=Decimal("0.1")), NOW))
    assert list_from_json(Event, list_to_json(Event, events)) == events


@given(st.decimals(min_value="1e-18", max_value="1e18", allow_nan=False, allow_infinity=False))
def test_no_digit_of_a_price_is_lost(price: Decimal) -> None:
    order = a_trade_order(a_signal(price=price))
    returned = message_from_json(TradeOrder, to_json(order)).signal.price
    assert returned is not None
    assert returned.as_tuple() == price.as_tuple()


def test_instants_travel_in_utc() -> None:
    assert json.loads(to_json(a_candle_closed()))["candle_close"] == "2026-11-20T12:00:00Z"


def test_a_field_that_newer_code_has_added_is_ignored() -> None:
    assert message_from_json(TradeOrder, changed(added_later={"x": 1})) == a_trade_order()


def test_a_message_of_newer_code_waits_for_that_code() -> None:
    with pytest.raises(RetryLater) as later:
        message_from_json(TradeOrder, changed(schema_version=3))
    assert later.value.code == "SCHEMA_UNKNOWN"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (CANARY, "MESSAGE_UNREADABLE"),
        (f'["{CANARY}"]', "MESSAGE_UNREADABLE"),
        ("[" * 100_000, "MESSAGE_UNREADABLE"),
        ("x" * (MAX_MESSAGE_CHARACTERS + 1), "MESSAGE_TOO_LARGE"),
        ("{}", "SCHEMA_UNKNOWN"),
        (changed(schema_version=0), "SCHEMA_UNKNOWN"),
        (changed(schema_version=1_000), "SCHEMA_UNKNOWN"),
        (changed(schema_version=True), "SCHEMA_UNKNOWN"),
        (changed(schema_version=CANARY), "SCHEMA_UNKNOWN"),
        (changed(tenant_id=None), "MESSAGE_UNREADABLE"),
        (changed(settings={"capital": CANARY}), "MESSAGE_UNREADABLE"),
        (changed(settings={"capital": "NaN"}), "MESSAGE_UNREADABLE"),
        (changed(settings={"capital": "-1"}), "MESSAGE_UNREADABLE"),
        (changed(signal={CANARY: CANARY}), "MESSAGE_UNREADABLE"),
        (to_json(a_trade_order()).replace('"2026-11-20T12:00:00Z"', '"2026-11-20T12:00:00"'), "MESSAGE_UNREADABLE"),
        (to_json(a_trade_order()).replace('"100"', "100.5"), "MESSAGE_UNREADABLE"),
        (to_json(a_trade_order()).replace('"100"', "NaN"), "MESSAGE_UNREADABLE"),
    ],
)
def test_a_broken_message_is_poison_and_its_reason_repeats_nothing_of_it(body: str, code: str) -> None:
    with pytest.raises(Poison) as poison:
        message_from_json(TradeOrder, body)
    assert poison.value.code == code
    assert CANARY not in str(poison.value)
    assert poison.value.__cause__ is None


def test_a_float_is_refused_where_money_is() -> None:
    with pytest.raises(InvalidValue) as refused:
        from_json(Account, to_json(an_account()).replace('"10000"', "10000.0"))
    assert refused.value.code == "UNREADABLE"
