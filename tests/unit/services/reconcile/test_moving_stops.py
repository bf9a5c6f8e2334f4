"""Stops that follow the market, at the venue: always one that lives, always tighter, and few orders for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.reports import OrderRequest, VenueOrder, VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import BTC, settings
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
LADDER = (TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5")))


def enter(path: MoneyPath, targets: tuple[TakeProfit, ...] = (), atr: str | None = None, **rules: Any) -> None:
    signal = bracket(targets=targets, atr=D(atr) if atr else None)
    path.execute(signal, settings=settings(max_positions=2, **rules))


def at(path: MoneyPath, *prices: str, seconds: float = 60) -> list[tuple[Decimal, Decimal | None]]:
    """The stops that live after the market has traded at these prices, with a look a minute after each."""
    for price in prices:
        path.exchange.trade(BTC, D(price))
        path.reconcile(seconds)
    return path.live_stops()


def test_a_stop_that_trails_by_ranges_is_moved_by_us_and_closes_where_it_stood_last() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    assert path.live_stops() == [(D(10), D(90))]
    assert at(path, "110") == [(D(10), D(104))]
    assert at(path, "108", "106") == [(D(10), D(104))]
    assert at(path, "112") == [(D(10), D(106))]
    assert at(path, "105") == []
    assert path.is_flat
    ended = [(i.trigger_price, i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)]
    assert ended == [
        (D(90), IntentState.CANCELLED, Reason.REPLACED),
        (D(104), IntentState.CANCELLED, Reason.REPLACED),
        (D(106), IntentState.FILLED, None),
    ]


def test_moving_a_stop_leaves_no_moment_without_one_and_never_frees_two_positions_worth() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    seen: list[int] = []

    class Watching(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            order = super().create_order(request)
            seen.append(len(path.live_stops()))
            return order

        def cancel_order(self, intent: Any) -> None:
            super().cancel_order(intent)
            seen.append(len(path.live_stops()))

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return Watching(path.exchange, KEY)

    path.reconciler = replace(path.reconciler, venues=Venues())
    at(path, "110", "120", "130")
    assert seen == [2, 1] * 3


def test_a_stop_that_is_moved_a_hundred_times_is_no_trouble_and_costs_two_requests_each() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    before = path.exchange.count("create_order")
    prices = [str(101 + number) for number in range(100)]
    assert at(path, *prices) == [(D(10), D(200 - 6))]
    assert path.alerts() == []
    assert (
        path.exchange.count("create_order") - before == path.exchange.count("cancel_order") == path.metrics.counts["StopsMoved"]
    )
    assert len(path.account.mends) <= 20


def test_between_two_looks_a_quick_market_costs_one_move() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    before = path.exchange.count("create_order")
    at(path, *[str(110 + number) for number in range(10)], seconds=3)
    assert path.exchange.count("create_order") - before == 1


def test_break_even_after_the_first_target_and_the_rest_loses_nothing() -> None:
    path = MoneyPath()
    enter(path, LADDER, break_even_after_target=True)
    assert at(path, "110") == [(D(5), D("100.1"))]
    assert at(path, "100") == []
    assert path.is_flat
    (trade,) = [e.event.trade for e in path.database.stream if e.event.trade]
    assert trade.exit_price == (5 * 110 + 5 * D("100.1")) / 10
    assert trade.net_pnl > 5 * 10 - 1


def test_break_even_after_one_r() -> None:
    path = MoneyPath()
    enter(path, break_even_after_r=D(1))
    assert at(path, "109.9") == [(D(10), D(90))]
    assert at(path, "110") == [(D(10), D("100.1"))]


def test_the_venues_own_trailing_stop_follows_every_tick_and_its_end_takes_the_stop_with_it() -> None:
    path = MoneyPath()
    enter(path, trailing_stop_percent=D(5))
    assert [i.state for i in path.told(LegKind.TRAILING_STOP)] == [IntentState.OPEN]
    for tick in ("105", "110", "104.6"):
        path.exchange.trade(BTC, D(tick))  # between two looks
    assert path.net == 10
    path.exchange.trade(BTC, D("104.5"))
    path.reconcile(60)
    assert path.is_flat
    assert [(i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)] == [(IntentState.CANCELLED, Reason.POSITION_CLOSED)]


@pytest.mark.parametrize("fault", [Fault.REJECT, Fault.AMBIGUOUS_NOT_EXECUTED])
def test_where_the_venue_refuses_its_own_trailing_stop_ours_takes_its_place(fault: Fault) -> None:
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.NONE, fault)
    enter(path, trailing_stop_percent=D(5))
    assert at(path, "110") == [(D(10), D("104.5"))]


def test_a_target_that_fills_in_parts_leaves_a_stop_of_what_is_left() -> None:
    path = MoneyPath()
    enter(path, LADDER, limit_targets=True)
    target = next(i for i in path.account.intents.values() if i.trigger_price == 110)
    assert (target.order_type, target.price) == (OrderType.TAKE_PROFIT_LIMIT, D(110))
    path.exchange.fill(KEY, target.client_order_id, D(2), D(110))
    path.reconcile(60)
    assert (path.net, path.live_stops()) == (D(8), [(D(8), D(90))])
    path.exchange.fill(KEY, target.client_order_id, D(3), D(110))
    path.reconcile(60)
    assert (path.net, path.live_stops(), path.alerts()) == (D(5), [(D(5), D(90))], [])


def test_when_the_stop_fills_every_target_is_cancelled() -> None:
    path = MoneyPath()
    enter(path, LADDER)
    assert at(path, "89") == []
    assert path.is_flat
    assert {(i.state, i.reason) for i in path.told(LegKind.TAKE_PROFIT)} == {(IntentState.CANCELLED, Reason.POSITION_CLOSED)}


@pytest.fixture
def one_stop_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = replace(BINANCE_USDM, takes_two_stops=False)
    monkeypatch.setattr("candlecast.services.reconcile.protect_positions.rules_of", lambda _: rules)


@pytest.mark.usefixtures("one_stop_only")
def test_a_venue_that_takes_one_stop_only_is_without_it_for_a_moment_within_the_same_look() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    most = 0
    for price in ("110", "120"):
        path.exchange.trade(BTC, D(price))
        path.reconcile(60)
        stops = [r for r, o in path.exchange.books[KEY].orders if o.status is VenueOrderStatus.OPEN]
        most = max(most, len([r for r in stops if r.order_type is OrderType.STOP_MARKET]))
    assert (path.live_stops(), most) == ([(D(10), D(114))], 1)
    order = [r.method for r in path.exchange.requests if r.method in ("create_order", "cancel_order")]
    assert order[2:] == ["cancel_order", "create_order"] * 2
    assert path.alerts() == []


@pytest.mark.usefixtures("one_stop_only")
def test_a_stop_that_was_lost_between_is_placed_at_the_next_look_and_the_time_without_is_measured() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    path.exchange.trade(BTC, D(110))
    path.exchange.script(Fault.RETRY_LATER)
    path.reconcile(60)
    assert path.live_stops() == []
    path.reconcile(60)
    assert path.live_stops() == [(D(10), D(104))]


def test_a_position_is_naked_for_as_long_as_its_stop_is_missing_and_no_longer() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.RETRY_LATER)
    enter(path)
    assert len(path.account.naked_since) == 1
    path.reconcile(30)
    assert (path.live_stops(), dict(path.account.naked_since)) == ([(D(10), D(90))], {})
    assert max(path.metrics.durations_s["NakedPositionSeconds"]) == 30


def test_a_stop_that_the_venue_refuses_to_move_stays_where_it_was_and_a_person_is_told_once() -> None:
    path = MoneyPath()
    enter(path, atr="2", trailing_stop_atr_multiplier=D(3))
    path.exchange.script(*[Fault.REJECT] * 100)
    assert at(path, *[str(110 + number) for number in range(8)]) == [(D(10), D(90))]
    assert path.alerts() == ["POSITION_NOT_PROTECTED"]
    assert path.exchange.count("create_order") == 2 + 4  # three attempts, then at the slow pace
    path.exchange.faults.clear()
    assert at(path, *["120"] * 7) == [(D(10), D(114))]
    assert "move|" not in "".join(path.account.mends)
