"""Slippage by rank: by tenth of the turns, over the newest signals and for each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.fleet import FEWEST_ORDERS, BacktestFill, SignalFill
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.ids import turn_tenth
from tests.api.conftest import Deployment
from tests.support.builders import STRATEGY, an_intent
from tests.support.fakes.history import FakeFillStore

PATH = f"/v1/strategies/{STRATEGY}/slippage"


def test_the_mean_of_each_tenth_is_told_with_the_signals_that_it_is_over(populated: Deployment) -> None:
    """The mean of fewer orders than `FEWEST_ORDERS` would show one of them."""
    signal_id, total = an_intent().signal_id, 10 * FEWEST_ORDERS
    fill_others(populated, total - 1)
    held: dict[int, list[Decimal]] = {}
    for subscription_id, bps in ((an_intent().subscription_id, 10), *((f"s{it}", 10 * it) for it in range(1, total))):
        held.setdefault(turn_tenth(signal_id, subscription_id), []).append(Decimal(bps))

    def mean(of: list[Decimal]) -> str | None:
        return None if len(of) < FEWEST_ORDERS else str((sum(of, Decimal(0)) / len(of)).quantize(Decimal("0.01")))

    tenths = [{"tenth": it, "orders": len(held.get(it, [])), "slippage_bps": mean(held.get(it, []))} for it in range(1, 11)]
    assert len({it["slippage_bps"] is None for it in tenths}) == 2, "some tenths have too few orders, and some have enough"
    answer = populated.client.get(PATH).json
    (signal,) = answer["signals"]
    assert answer["tenths"] == signal["tenths"] == tenths
    assert {name: signal[name] for name in ("signal_id", "issued_at", "orders", "slippage_bps", "backtest_price", "own")} == {
        "signal_id": signal_id,
        "issued_at": "2026-11-20T12:00:00Z",
        "orders": total,
        "slippage_bps": mean([bps for found in held.values() for bps in found]),
        "backtest_price": None,
        "own": None,
    }


def test_a_signal_with_few_orders_has_no_mean(populated: Deployment) -> None:
    fill_others(populated, FEWEST_ORDERS - 2)
    (signal,) = populated.client.get(PATH).json["signals"]
    assert (signal["orders"], signal["slippage_bps"]) == (FEWEST_ORDERS - 1, None)
    fill_others(populated, FEWEST_ORDERS - 1)
    (signal,) = populated.client.get(PATH).json["signals"]
    assert (signal["orders"], signal["slippage_bps"]) == (FEWEST_ORDERS, "46.00")


@pytest.mark.parametrize(("seconds", "seen"), [(0, 0), (60 * 60 + 59, 0), (60 * 60 + 60, 1)])
def test_a_stranger_sees_a_signal_a_candle_after_its_hour(populated: Deployment, seconds: int, seen: int) -> None:
    populated.clock.set(an_intent().issued_at)
    populated.clock.advance(seconds)
    assert len(populated.stranger.get(PATH).json["signals"]) == seen
    assert len(populated.client.get(PATH).json["signals"]) == 1


def test_slippage_names_no_tenant_and_no_order(populated: Deployment) -> None:
    order = an_intent()
    text = populated.admin.get(PATH).text
    assert not [it for it in (order.tenant_id, order.subscription_id, order.account_id, order.intent_id) if it in text]


def fill_backtest(deployment: Deployment, price: str, bps: str) -> None:
    order = an_intent()
    fill = BacktestFill(price=Decimal(price), slippage_bps=Decimal(bps))
    found = SignalFill(signal_id=order.signal_id, issued_at=order.issued_at, fill=fill)
    FakeFillStore(deployment.database).put_fills(STRATEGY, [found])


def fill_others(deployment: Deployment, count: int) -> None:
    """Orders of other tenants for the signal at 100, one at 100.1, one at 100.2 and so on."""
    for number in range(1, count + 1):
        price = Decimal(100) + Decimal(number) / 10
        names: dict[str, Any] = {"intent_id": f"i{number}", "subscription_id": f"s{number}", "tenant_id": f"t{number}"}
        deployment.history.put_order(an_intent(**names, state=IntentState.FILLED, average_price=price), 1)


def test_fills_of_all_followers_stand_beside_the_backtests_once_nobody_is_shown_by_them(populated: Deployment) -> None:
    fill_backtest(populated, "100.2", "20.00")
    fill_others(populated, FEWEST_ORDERS - 2)
    for client in (populated.client, populated.admin):
        answer = client.get(PATH).json
        assert (answer["fleet"], answer["signals"][0]["fleet"]) == (None, None)
        assert answer["signals"][0]["backtest_price"] == "100.2"
    fill_others(populated, FEWEST_ORDERS - 1)
    answer = populated.admin.get(PATH).json
    # with the tenant's own at 10: 10, 10, 20, 30, ... 90
    assert answer["fleet"] == {"orders": 10, "mean_bps": "26.00", "median_bps": "20.00", "worst_bps": "70.00"}
    assert answer["signals"][0]["fleet"] == answer["fleet"]
    assert answer["own"] is None


def test_a_follower_sees_the_own_fills_beside_the_backtests_however_few(populated: Deployment) -> None:
    fill_backtest(populated, "100.2", "20.00")
    fill_others(populated, 2)
    own = {"orders": 1, "mean_bps": "-10.00", "median_bps": "-10.00", "worst_bps": "-10.00"}
    answer = populated.client.get(PATH).json
    assert (answer["own"], answer["signals"][0]["own"]) == (own, own)
    assert populated.admin.get(PATH).json["own"] is None
