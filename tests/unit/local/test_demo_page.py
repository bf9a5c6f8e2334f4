"""The page of a replay and its comparison with a backtest, from records of a run: 14 users of `make demo`, 60 candles."""

import gzip
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candlecast.adapters.codec import list_from_json
from candlecast.domain.orders.intent import Intent
from candlecast.domain.strategies.execution import SignalRecord
from candlecast.domain.values.terms import Side
from infra.local.cloud import User
from infra.local.demo.backtests import Again, compare, compared, is_followed
from infra.local.demo.exchange import BookFill, PaperKeys
from infra.local.demo.page import report_of, round_trips, traded_by, write_demo_page
from infra.local.demo.people import Person
from infra.local.demo.report import Records
from infra.local.demo.run import Options, read_files
from infra.local.demo.scenario import Case, PlannedStrategy, plan_strategies, plan_users
from tests.support.demo_pages import rows_of, sums_of

RECORDED = Path(__file__).parent / "recorded" / "demo.json.gz"
ROUNDING = Decimal("0.00000001")  # of one fee: the venue rounds down, a fee that we estimate is rounded to the nearest


@dataclass(frozen=True)
class Recorded:
    """A run as it was recorded; `expected` are the sums of our own trades and positions."""

    records: Records
    fills: tuple[BookFill, ...]
    people: tuple[Person, ...]
    strategies: tuple[PlannedStrategy, ...]
    count: int
    expected: dict[str, Any]

    def compare(self, **changes: Any) -> dict[str, Any]:
        changed = replace(self, **changes)
        return compare(changed.records, changed.fills, changed.people, changed.count)


@cache
def recorded() -> Recorded:
    document = json.loads(gzip.decompress(RECORDED.read_bytes()))
    strategies = plan_strategies(read_files(Options()))
    users = plan_users(strategies, document["users"])
    told = zip(users, document["people"], strict=True)
    versions = {user.strategy.strategy_id: Again.of(user.strategy, 1).terms(user).strategy_version for user in users}
    signals = list_from_json(SignalRecord, json.dumps(document["signals"]))
    return Recorded(
        records=Records(
            executions=(),
            signals=tuple(  # of the strategies' present texts: another text of the same decisions is another version
                replace(it, signal=replace(it.signal, strategy_version=versions[it.signal.strategy_id])) for it in signals
            ),
            orders=list_from_json(Intent, json.dumps(document["orders"])),
            positions=(),
            trades=(),
        ),
        fills=tuple(_fill(row) for row in document["fills"]),
        people=tuple(
            Person(
                plan=plan,
                user=User(email=f"{plan.name}@example.com", sub=plan.name, token="-"),
                account_id=None,
                subscription_id=person["subscription_id"],
                keys=None if person["paper_account_id"] is None else PaperKeys(person["paper_account_id"], "", "", ""),
            )
            for plan, person in told
        ),
        strategies=strategies,
        count=document["candle_count"],
        expected=document["expected"],
    )


def _fill(row: dict[str, Any]) -> BookFill:
    money = {name: Decimal(row[name]) for name in ("quantity", "price", "fee")}
    return BookFill(**{**row, **money, "side": Side(row["side"])})


def test_the_page_has_the_sums_of_our_records(tmp_path: Path) -> None:
    run, path = recorded(), tmp_path / "demo" / "report.html"
    traded = [traded_by(run.fills, run.people, strategy, run.count) for strategy in run.strategies]
    comparison = run.compare()
    write_demo_page(traded, len(run.people), comparison, path)
    page = path.read_text(encoding="utf-8")
    sums = sums_of(page, "All in USDT")
    assert Decimal(sums["Profit before fees"]) == Decimal(run.expected["pnl"])
    assert abs(Decimal(sums["Fees"]) - Decimal(run.expected["fees"])) <= len(run.fills) * ROUNDING
    assert (int(sums["Closed trades"]), int(sums["Open"])) == (run.expected["trades"], run.expected["open_positions"])
    assert list(rows_of(page)) == [*(strategy.strategy_id for strategy in run.strategies), "All in USDT"]
    assert page.count("<section>") == len(run.strategies)
    assert compared(comparison) in page
    assert "http:" not in page
    assert "https:" not in page


def test_the_equity_of_a_strategy_ends_with_its_profit_and_its_open_positions() -> None:
    run = recorded()
    for strategy in run.strategies:
        traded = traded_by(run.fills, run.people, strategy, run.count)
        report = report_of(traded)
        last = Decimal(repr(float(traded.candles.close[-1])))
        open_profit = sum(trip.unrealised(last) + trip.pnl for trip in traded.open)
        assert report.equity[-1] == pytest.approx(float(traded.cash + traded.pnl + open_profit - traded.fees), abs=1e-6)
        assert report.metrics.trades == len(traded.closed) > 0
        assert float(np.sum(report.trades.pnl)) == pytest.approx(float(report.equity[-1] - report.cash), abs=1e-6)


def test_live_equals_its_backtest() -> None:
    run = recorded()
    comparison = run.compare()
    assert (comparison["signals"], comparison["signals_different"]) == (len(run.records.signals), 0)
    assert (comparison["fills_different"], comparison["users"]) == ([], 9)
    assert comparison["fills"] > 30
    assert 0 < comparison["worst_slippage_bps"] <= comparison["bound_bps"]
    assert compared(comparison).startswith("live equals its backtest: 19 signals to the byte")


def test_a_signal_with_another_byte_is_found() -> None:
    run, (first, *others) = recorded(), recorded().records.signals
    assert first.signal.price is not None
    moved = replace(first, signal=replace(first.signal, price=first.signal.price + Decimal("0.1")))
    comparison = run.compare(records=replace(run.records, signals=(moved, *others)))
    assert comparison["signals_different"] == 1
    assert run.compare(records=replace(run.records, signals=tuple(others)))["signals_different"] == 1
    assert not is_followed(comparison)
    assert compared(comparison).startswith("LIVE DIFFERS FROM ITS BACKTEST: 1 of 19 signals")


def test_a_fill_in_another_candle_size_or_price_is_found() -> None:
    run = recorded()
    ordinary = {it.client_order_id for it in run.records.orders if it.subscription_id == run.people[-1].subscription_id}
    place = next(index for index, fill in enumerate(run.fills) if fill.client_order_id in ordinary)
    fill, minute = run.fills[place], 60_000

    def with_fill(*changed: BookFill) -> dict[str, Any]:
        return run.compare(fills=(*run.fills[:place], *changed, *run.fills[place + 1 :]))

    assert "filled in the backtest alone" in with_fill()["fills_different"][0]
    assert len(with_fill(replace(fill, market_ms=fill.market_ms + minute))["fills_different"]) == 1
    assert len(with_fill(replace(fill, quantity=fill.quantity / 2))["fills_different"]) == 1
    dearer = with_fill(replace(fill, price=fill.price * Decimal("1.0001")))
    assert dearer["fills_different"] == []
    assert dearer["worst_slippage_bps"] == pytest.approx(1, abs=0.1)
    assert not is_followed(dearer)


def test_a_fill_is_held_to_the_tick_of_its_own_market() -> None:
    """A tick of ether is twice that of bitcoin, in basis points: a fill of bitcoin that is too dear by a half is found."""
    run = recorded()
    bounds = {it.strategy_id: Again.of(it, run.count).tick_bps for it in run.strategies}
    narrow, wide = min(bounds, key=bounds.__getitem__), max(bounds.values())
    excess = bounds[narrow] * Decimal("1.5")
    assert bounds[narrow] < excess < wide
    follower = next(it for it in run.people if it.plan.case is Case.ORDINARY and it.plan.strategy.strategy_id == narrow)
    backtest = Again.of(follower.plan.strategy, run.count).fills(follower.plan)
    key, filled = next(iter(backtest.items()))
    (order,) = (
        it for it in run.records.orders if it.subscription_id == follower.subscription_id and (it.signal_id, it.leg) == key
    )
    price = filled.price * (1 + excess / 10_000)
    fills = tuple(replace(it, price=price) if it.client_order_id == order.client_order_id else it for it in run.fills)
    comparison = run.compare(fills=fills)
    assert comparison["fills_different"] == []
    assert comparison["worst_slippage_bps"] == pytest.approx(float(excess), abs=1e-6)
    assert not is_followed(comparison)


def test_a_fill_beyond_flat_is_refused() -> None:
    fill = recorded().fills[0]
    opposite = replace(fill, side=Side.SELL if fill.side is Side.BUY else Side.BUY, quantity=2 * fill.quantity)
    with pytest.raises(ValueError, match="closes more than account"):
        round_trips((fill, opposite))
