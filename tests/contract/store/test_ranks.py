"""Slippage by rank: each market order counts once, in the tenth of its follower's turn, and holds nothing up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.ranks import RankRows
from candlecast.domain.orders.fleet import BacktestFill, SignalFill
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.ranks import SignalCounts, SignalRanks, SlippageSums
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import turn_tenth
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType
from tests.contract.store.conftest import Stores
from tests.support.builders import STRATEGY, TENANT, after, an_intent


def filled(number: int, average_price: str, **changes: Any) -> Intent:
    """A market order of one of many followers of a signal whose price is 100."""
    values = {
        "intent_id": f"intent-{number}",
        "subscription_id": f"subscription-{number}",
        "state": IntentState.FILLED,
        "filled_quantity": Decimal(10),
        "average_price": Decimal(average_price),
    }
    return an_intent(**{**values, **changes})


def ranks(stores: Stores, until: datetime | None = None, limit: int = 50) -> list[SignalRanks]:
    return list(stores.history.signal_ranks(STRATEGY, until, limit))


def test_slippage_is_counted_once_in_the_tenth_of_the_followers_turn(stores: Stores) -> None:
    orders = [filled(number, f"100.{number:03d}1") for number in range(40)]
    expected = [SlippageSums()] * 10
    for order in orders:
        stores.history.put_order(replace(order, state=IntentState.SUBMITTING, average_price=None), 2)
        for _ in range(2):  # the stream repeats
            stores.history.put_order(order, 3)
        assert order.slippage_bps is not None
        tenth = turn_tenth(order.signal_id, order.subscription_id) - 1
        expected[tenth] += SlippageSums(orders=1, slippage_bps=order.slippage_bps)
    [signal] = ranks(stores)
    assert (signal.signal_id, signal.issued_at, signal.tenths) == (orders[0].signal_id, orders[0].issued_at, tuple(expected))
    assert signal.total.orders == 40


@pytest.mark.parametrize(
    "uncounted",
    [
        filled(1, "100.5", state=IntentState.OPEN),
        an_intent(state=IntentState.DENIED),
        filled(1, "100.5", order_type=OrderType.LIMIT, price=Decimal(101)),
        filled(1, "100.5", reference_price=None),
        filled(1, "100.5", kind=LegKind.EXIT, leg="EXIT_1"),
        filled(1, "100.5", leg="ENTRY_PART_2", part_of="intent-0"),
        filled(1, "100.5", kind=LegKind.TAKE_PROFIT, leg="TAKE_PROFIT_1"),
    ],
    ids=lambda it: f"{it.leg}-{it.state}-{it.order_type}",
)
def test_an_order_that_tells_nothing_of_its_turn_is_not_counted(stores: Stores, uncounted: Intent) -> None:
    stores.history.put_order(uncounted, 3)
    assert ranks(stores) == []


DENIAL = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal(200), Decimal(100))


def ended(number: int, state: IntentState, **changes: Any) -> Intent:
    unfilled = {"filled_quantity": Decimal(0), "average_price": None, "denial": None}
    return replace(filled(number, "100"), **{**unfilled, "state": state, **changes})


def test_the_ends_of_a_signals_orders_are_counted_once_by_state_and_reason(stores: Stores) -> None:
    part = {"filled_quantity": Decimal(1), "average_price": Decimal("100.1"), "order_type": OrderType.LIMIT}
    orders = [
        filled(1, "100.1"),  # in the slippage, and nowhere else
        ended(2, IntentState.DENIED, denial=DENIAL),
        ended(3, IntentState.DENIED, denial=DENIAL),
        ended(4, IntentState.EXPIRED, denial=Denial(Reason.SIGNAL_TOO_OLD)),
        ended(5, IntentState.SKIPPED, denial=Denial(Reason.NOTHING_HELD), kind=LegKind.EXIT, leg="EXIT"),
        ended(6, IntentState.CANCELLED, denial=Denial(Reason.CANCELLED_BY_OWNER), **part),
    ]
    uncounted = [
        ended(7, IntentState.OPEN),
        ended(8, IntentState.CANCELLED, denial=Denial(Reason.REPLACED), kind=LegKind.STOP_LOSS, leg="STOP_LOSS"),
        ended(9, IntentState.DENIED, denial=DENIAL, leg="ENTRY_PART_2", part_of="intent-0"),
        ended(10, IntentState.DENIED, denial=DENIAL, signal_id="signal-2"),
        ended(11, IntentState.DENIED, denial=DENIAL, strategy_id="strategy-2"),
    ]
    for order in (*orders, *uncounted):
        for _ in range(2):  # the stream repeats
            stores.history.put_order(order, 3)
    first = orders[0]
    assert stores.history.signal_counts(STRATEGY, first.signal_id, first.issued_at) == SignalCounts(
        placed=2,
        not_placed={
            IntentState.DENIED: {Reason.MAX_ORDER_NOTIONAL: 2},
            IntentState.EXPIRED: {Reason.SIGNAL_TOO_OLD: 1},
            IntentState.SKIPPED: {Reason.NOTHING_HELD: 1},
        },
    )
    assert stores.history.signal_counts(STRATEGY, "unknown-1", first.issued_at) == SignalCounts()
    assert [it.signal_id for it in ranks(stores)] == [first.signal_id]


def test_the_newest_signals_come_first_and_only_so_many(stores: Stores) -> None:
    for number in range(4):
        stores.history.put_order(filled(number, "100.1", signal_id=f"signal-{number}", issued_at=after(60 * number)), 3)
    stores.history.put_order(filled(9, "100.1", strategy_id="strategy-2"), 3)
    assert [it.signal_id for it in ranks(stores)] == ["signal-3", "signal-2", "signal-1", "signal-0"]
    assert [it.signal_id for it in ranks(stores, limit=2)] == ["signal-3", "signal-2"]
    assert [it.signal_id for it in ranks(stores, after(60), 2)] == ["signal-0"]


def test_a_rebuild_counts_no_order_by_its_rank(stores: Stores) -> None:
    stores.rebuilt.put_order(filled(1, "100.1"), 3)
    assert stores.history.get_order(TENANT, "intent-1").state is IntentState.FILLED
    assert ranks(stores) == []


def test_a_throttled_count_leaves_the_order_out_and_holds_no_event_up(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    if not isinstance(stores.history, DynamoHistory):
        pytest.skip("nothing throttles the fake")

    def throttled(_: RankRows, __: Intent) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)

    monkeypatch.setattr(RankRows, "count", throttled)
    stores.history.put_order(filled(1, "100.1"), 3)
    monkeypatch.undo()
    stores.history.put_order(filled(1, "100.1"), 3)
    assert stores.history.get_order(TENANT, "intent-1").state is IntentState.FILLED
    assert ranks(stores) == []


def test_orders_are_counted_by_their_slippage_to_two_digits(stores: Stores) -> None:
    for number, price in enumerate(("100.0327", "100.0331", "99.9", "104.16", "100")):
        stores.history.put_order(filled(number, price), 3)
    [signal] = ranks(stores)
    assert signal.near == {33: 2, -100: 1, 4200: 1, 0: 1}


def test_the_fill_of_a_backtest_is_kept_beside_the_orders_of_its_signal_alone(stores: Stores) -> None:
    order = filled(1, "100.1")
    stores.history.put_order(order, 3)
    fill = BacktestFill(price=Decimal("100.1000000000000000001"), slippage_bps=Decimal("-2.50"))
    found = SignalFill(signal_id=order.signal_id, issued_at=order.issued_at, fill=fill)
    stores.fills.put_fills(STRATEGY, [replace(found, signal_id="nobodys"), found])
    [signal] = ranks(stores)
    assert signal.backtest == fill
    assert signal.total.orders == 1
    stores.history.put_order(filled(2, "100.2"), 3)
    newer = replace(found, fill=replace(fill, slippage_bps=Decimal(3)))
    stores.fills.put_fills(STRATEGY, [newer])
    [signal] = ranks(stores)
    assert (signal.backtest, signal.total.orders) == (newer.fill, 2)
