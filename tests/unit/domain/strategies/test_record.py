"""Records of strategies: returns on capital, a bound on each tenant's weight, and the newest trades left out for strangers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.strategies.record import (
    EXTERNAL_OUTCOME_DELAY,
    MAX_TENANT_TRADES,
    RecordSums,
    StrategyRecord,
    TenantRecord,
    counted_return,
    public_until,
    window_of,
)
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import NOW, a_strategy, a_trade, after, an_external_strategy

D = Decimal


def tenant(*returns: str) -> TenantRecord:
    record = TenantRecord()
    for each in returns:
        record = record.with_trade(D(each))
    return record


def record(sums: RecordSums, venue: str = "paper") -> StrategyRecord:
    return StrategyRecord(venue=venue, sums=sums)


def test_a_return_is_on_the_subscriptions_capital_after_fees() -> None:
    trade = a_trade(pnl=D(100), fees=D(20))
    assert counted_return(trade.net_pnl, D(1_000)) == D("0.08")
    assert counted_return(trade.net_pnl, D(10_000)) == D("0.008")


def test_a_trade_that_knows_no_capital_is_not_counted() -> None:
    assert counted_return(D(100), None) is None


@pytest.mark.parametrize(("pnl", "expected"), [(D(10**9), D(1)), (D(-(10**9)), D(-1))])
def test_a_capital_that_is_set_too_small_distorts_nothing(pnl: Decimal, expected: Decimal) -> None:
    assert counted_return(pnl, D("0.01")) == expected


def test_no_tenant_outvotes_the_others_by_trading_more() -> None:
    busy = tenant(*["0.1"] * 10_000)
    others = [tenant(*["-0.1"] * MAX_TENANT_TRADES) for _ in range(3)]
    found = record(sum((each.part for each in (busy, *others)), RecordSums()))
    assert (found.sums.tenants, found.sums.weight) == (4, 4 * MAX_TENANT_TRADES)
    assert (found.mean_return_percent, found.win_rate_percent) == (D(-5), D(25))


def test_a_single_trade_of_a_tenant_weighs_as_one_trade() -> None:
    found = record(tenant(*["0.1"] * MAX_TENANT_TRADES).part + tenant("-0.1").part)
    assert found.sums.weight == MAX_TENANT_TRADES + 1


def test_changes_of_parts_add_up_to_the_parts() -> None:
    total, part = RecordSums(), TenantRecord()
    for number in range(3 * MAX_TENANT_TRADES):
        grown = part.with_trade(D(number % 7 - 3) / 97)
        total, part = total + (grown.part - part.part), grown
    assert total == part.part


def test_gains_stand_over_losses() -> None:
    found = record(tenant("0.3", "-0.1").part)
    assert (found.profit_factor, found.win_rate_percent, found.mean_return_percent) == (D(3), D(50), D(10))
    assert record(tenant("0.3").part).profit_factor is None
    assert record(RecordSums()).mean_return_percent is None


def test_a_record_says_whether_it_is_of_play_money() -> None:
    assert record(RecordSums(), "paper").is_paper
    assert not record(RecordSums(), "binanceusdm").is_paper
    assert not record(RecordSums(), "somewhere").is_paper


@pytest.mark.parametrize("strategy", [a_strategy(), a_strategy(timeframe=Timeframe.D1), an_external_strategy()])
def test_no_trade_is_public_before_it_is_a_candle_old(strategy: Any) -> None:
    delay = strategy.timeframe.length if strategy.timeframe else EXTERNAL_OUTCOME_DELAY
    for minute in range(0, 3 * 24 * 60, 7):
        closed_at, now = NOW, after(60 * minute)
        if window_of(closed_at) < public_until(strategy, now):
            assert now - closed_at >= delay
    assert window_of(NOW) < public_until(strategy, after(3 * 24 * 3_600))
