"""Drawdown and slippage of a subscription, and the bounds of the reads for them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState
from candlecast.services.subscriptions.measure_subscription import MAX_TRADES, MeasureSubscription, max_drawdown
from tests.support.builders import STRATEGY, SUBSCRIPTION, TENANT, a_strategy, a_subscription, a_trade, after, an_intent
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], None),
        ([5], 0),
        ([-5], 5),
        ([10, -4, -3, 8, -2], 7),
        ([-1, -1, 5, -3], 3),
        ([-4, 1, -4, 100], 7),
    ],
)
def test_drawdown_is_the_deepest_fall_below_an_earlier_peak(results: list[int], expected: int | None) -> None:
    oldest_first = [a_trade(pnl=Decimal(result), fees=Decimal(0)) for result in results]
    assert max_drawdown(oldest_first[::-1]) == (None if expected is None else Decimal(expected))


def measured(history: FakeHistory, database: FakeDatabase) -> MeasureSubscription:
    FakeStrategyStore(database).create_strategy(a_strategy(STRATEGY))
    subscriptions = FakeSubscriptionStore(database)
    subscriptions.write(a_subscription(account_id=None), None, 1)
    return MeasureSubscription(subscriptions, history)


def test_only_the_newest_trades_are_read() -> None:
    database = FakeDatabase()
    history = FakeHistory(database)
    measure = measured(history, database)
    for number in range(MAX_TRADES + 1):
        history.put_trade(
            a_trade(f"t{number}", closed_at=after(number), pnl=Decimal(-1000 if number == 0 else 1), fees=Decimal(0)), 1
        )
    performance = measure(TENANT, SUBSCRIPTION)
    assert (performance.drawdown_trades, performance.max_drawdown) == (MAX_TRADES, Decimal(0))
    assert performance.statistics.trades == MAX_TRADES + 1


def test_slippage_is_the_mean_over_filled_market_orders() -> None:
    database = FakeDatabase()
    history = FakeHistory(database)
    measure = measured(history, database)
    for number, price in enumerate(("100.1", "99.9", "100.3")):
        filled = an_intent(signal_id=f"s{number}", state=IntentState.FILLED, average_price=Decimal(price))
        history.put_order(filled, 1)
    history.put_order(an_intent(signal_id="denied", state=IntentState.DENIED), 1)
    performance = measure(TENANT, SUBSCRIPTION)
    assert (performance.slippage_bps, performance.slippage_orders) == (Decimal("10.00"), 3)


def test_nothing_is_measured_before_the_first_trade() -> None:
    database = FakeDatabase()
    performance = measured(FakeHistory(database), database)(TENANT, SUBSCRIPTION)
    assert (performance.max_drawdown, performance.slippage_bps) == (None, None)
