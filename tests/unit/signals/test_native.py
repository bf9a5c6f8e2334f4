"""Candlecast's own JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.terms import TimeInForce
from candlecast.signals.refusal import Refusal
from tests.support.parsing import parse, refusal

LONG: dict[str, Any] = {"action": "LONG", "market": "BTC/USDT:USDT", "price": 100}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("field", ["market", "ticker"])
def test_every_action_is_understood_for_a_market_or_a_ticker(action: Action, field: str) -> None:
    parsed = parse(**{"action": action.value, field: "BTC/USDT:USDT"})
    assert (parsed.action, parsed.ticker) == (action, "BTC/USDT:USDT")


def test_actions_may_be_in_small_letters() -> None:
    assert parse(action="exit_long", market="BTC/USDT:USDT").action is Action.EXIT_LONG


def test_everything_a_signal_has_can_be_said() -> None:
    parsed = parse(
        **LONG,
        stop_loss="95",
        take_profits=[{"price": 110, "share": "0.6"}, {"price": 120, "share": 0.3}],
        confidence=0.75,
        signal_id="decision-17",
        leverage=20,
        metadata={"reason": "breakout", "bars": 3},
    )
    assert parsed.stop_loss == Decimal(95)
    assert parsed.take_profits == (TakeProfit(Decimal(110), Decimal("0.6")), TakeProfit(Decimal(120), Decimal("0.3")))
    assert parsed.confidence == Decimal("0.75")
    assert parsed.sender_id == "decision-17"
    assert parsed.metadata == {"dialect": "native", "leverage": "20", "reason": "breakout", "bars": "3"}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_targets_without_shares_close_the_whole_position_in_equal_parts(count: int) -> None:
    targets = parse(**LONG, take_profits=[101 + number for number in range(count)]).take_profits
    shares = [target.share for target in targets]
    assert sum(shares) == 1
    assert max(shares) - min(shares) <= Decimal("0.001")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"take_profits": "110"}, Refusal.INVALID_TAKE_PROFIT),
        ({"take_profits": [{"share": 1}]}, Refusal.INVALID_TAKE_PROFIT),
        ({"take_profits": [{"price": 110, "share": "0.5"}, 120]}, Refusal.INVALID_TAKE_PROFIT),
        ({"take_profits": [{"price": 110, "share": "0.7"}, {"price": 120, "share": "0.4"}]}, Refusal.INVALID_TAKE_PROFIT),
        ({"take_profits": [110, "x"]}, Refusal.INVALID_NUMBER),
        ({"take_profits": [110, [1]]}, Refusal.INVALID_NUMBER),
        ({"take_profits": [101, 102, 103, 104, 105]}, Refusal.TOO_MANY_TARGETS),
        ({"take_profits": [99]}, Refusal.TARGET_ON_WRONG_SIDE),
        ({"stop_loss": 101}, Refusal.STOP_ON_WRONG_SIDE),
        ({"confidence": 1.5}, Refusal.INVALID_NUMBER),
        ({"confidence": -0.1}, Refusal.INVALID_NUMBER),
        ({"signal_id": "x" * 129}, Refusal.INVALID_TEXT),
        ({"signal_id": 17}, Refusal.INVALID_TEXT),
        ({"signal_id": "a\nb"}, Refusal.INVALID_TEXT),
        ({"signal_id": "\ud800"}, Refusal.INVALID_TEXT),
        ({"signal_id": "{{strategy.order.id}}"}, Refusal.UNRESOLVED_PLACEHOLDER),
        ({"price": "{{close}}"}, Refusal.UNRESOLVED_PLACEHOLDER),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], reason: Refusal) -> None:
    assert refusal(**{**LONG, **fields}) is reason


@pytest.mark.parametrize("action", ["ENTRY", "ADD", "REDUCE", "CLOSE", "REVERSE", "MOVE_STOP", "SET_TARGETS", "CANCEL", "INFO"])
def test_actions_that_are_known_and_not_offered_are_refused_as_such(action: str) -> None:
    assert refusal(action=action, market="BTC/USDT:USDT") is Refusal.UNSUPPORTED_ACTION


def test_an_unknown_action_is_refused() -> None:
    assert refusal(action="PANIC", market="BTC/USDT:USDT") is Refusal.INVALID_ACTION
    assert refusal(market="BTC/USDT:USDT") is Refusal.MISSING_FIELD


def test_an_exit_needs_no_more_than_its_market() -> None:
    parsed = parse(action="EXIT", market="BTC/USDT:USDT", stop_loss="nonsense", take_profits="nonsense")
    assert (parsed.stop_loss, parsed.take_profits) == (None, ())


@pytest.mark.parametrize(
    ("sent", "order"),
    [
        ({"type": "limit", "price": "99.5"}, EntryOrder(type=EntryType.LIMIT, price=Decimal("99.5"))),
        (
            {"type": "LIMIT", "price": 99, "time_in_force": "ioc"},
            EntryOrder(type=EntryType.LIMIT, price=Decimal(99), time_in_force=TimeInForce.IOC),
        ),
        (
            {"type": "LIMIT", "price": 99, "post_only": True, "rests_seconds": 600},
            EntryOrder(type=EntryType.LIMIT, price=Decimal(99), post_only=True, rests_seconds=600),
        ),
        ({"type": "STOP", "trigger_price": 105}, EntryOrder(type=EntryType.STOP, trigger_price=Decimal(105))),
        ({"type": "MARKET"}, EntryOrder()),
        (None, None),
    ],
)
def test_an_entry_may_say_how_it_is_to_be_ordered(sent: Any, order: EntryOrder | None) -> None:
    assert parse(**LONG, entry=sent).entry == order


@pytest.mark.parametrize(
    "sent",
    [
        "LIMIT",
        {},
        {"type": "ICEBERG", "price": 1},
        {"type": "LIMIT"},
        {"type": "LIMIT", "price": 99, "time_in_force": "DAY"},
        {"type": "LIMIT", "price": 99, "post_only": "yes"},
        {"type": "LIMIT", "price": 99, "rests_seconds": "1.5"},
        {"type": "LIMIT", "price": 99, "rests_seconds": 100_000},
        {"type": "STOP", "price": 99},
    ],
)
def test_an_order_that_cannot_be_placed_is_refused(sent: Any) -> None:
    assert refusal(**LONG, entry=sent) is Refusal.INVALID_ORDER_TYPE


def test_levels_stand_on_their_side_of_the_price_that_the_order_names() -> None:
    resting = {"type": "LIMIT", "price": 90}
    assert parse(**LONG, entry=resting, stop_loss=85, take_profits=[95]).stop_loss == 85
    assert refusal(**LONG, entry=resting, stop_loss=95) is Refusal.STOP_ON_WRONG_SIDE


def test_how_an_exit_is_ordered_is_no_question() -> None:
    assert parse(action="EXIT", market="BTC/USDT:USDT", entry={"type": "LIMIT", "price": 99}).entry is None


@pytest.mark.parametrize("name", ["price", "confidence", "time"])
@pytest.mark.parametrize("odd", ["nonsense", "{{close}}", "-1", "0", "1e400", [], {}, True])
def test_an_exit_is_taken_whatever_explains_it(name: str, odd: Any) -> None:
    parsed = parse(action="EXIT", market="BTC/USDT:USDT", **{name: odd})
    assert parsed.action is Action.EXIT
    assert parsed.price is None
