"""A look that fails in one market looks at the account's other markets, protects them and closes them all the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import DomainError, InvalidValue, Reject, RetryLater
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.services.orders.failures import MAX_SILENCES, NOT_LOOKED_AT
from tests.support.builders import BTC, ETH, a_market, a_signal, settings
from tests.support.fakes.venue import Fault
from tests.support.money_path import IN_FORCE, KEY, MoneyPath, bracket

D = Decimal
APART = BINANCE_USDM.lookup_spacing.total_seconds()
SETTLED = BINANCE_USDM.settle_window.total_seconds()
UNKNOWN = Reject("UNKNOWN_MARKET", "-1121")
ODD = RetryLater("ANSWER_UNUSABLE", "GET order: side", after_seconds=5)
NO_ROOM = RetryLater("WEIGHT_SPENT", "no weight left", after_seconds=5)


def holding_both() -> MoneyPath:
    """A long position with its stop in either market."""
    path = MoneyPath()
    for market in (BTC, ETH):
        path.execute(bracket(targets=(), market=market, signal_id=f"signal-{market[:3]}"))
        path.clock.advance(1)
    full_look(path)
    return path


def full_look(path: MoneyPath) -> None:
    path.reconcile(max((next_full_look(path.account) - path.clock.now()).total_seconds(), 0))


def looks(path: MoneyPath, minutes: int) -> None:
    for _ in range(minutes):
        path.reconcile(60)


def lose_stop(path: MoneyPath, market: str) -> None:
    """The stop of a position vanishes at the venue."""
    book = path.exchange.books[KEY]
    book.orders[:] = [
        (r, replace(o, status=VenueOrderStatus.CANCELLED) if r.market == market and r.order_type.is_conditional else o)
        for r, o in book.orders
    ]


def stops_in(path: MoneyPath, market: str) -> list[Decimal]:
    orders = path.exchange.books[KEY].orders
    return [
        r.quantity for r, o in orders if r.market == market and r.order_type.is_conditional and o.status is VenueOrderStatus.OPEN
    ]


@pytest.mark.parametrize("error", [UNKNOWN, ODD, InvalidValue("a price of nothing")], ids=lambda error: error.code)
@pytest.mark.parametrize(("failing", "other"), [(BTC, ETH), (ETH, BTC)])
def test_a_failing_market_leaves_the_other_its_stop(error: DomainError, failing: str, other: str) -> None:
    path = holding_both()
    path.exchange.failing[failing] = error
    lose_stop(path, other)
    looks(path, 3)
    assert (stops_in(path, other), stops_in(path, failing)) == ([D(10)], [D(10)])
    assert len(path.account.positions) == 2


@pytest.mark.parametrize("error", [UNKNOWN, ODD], ids=lambda error: error.code)
def test_the_alert_names_the_market_and_the_code_of_its_failure(error: DomainError) -> None:
    path = holding_both()
    path.exchange.failing[BTC] = error
    looks(path, 10)
    (told,) = [e.event for e in path.database.stream if e.event.code == NOT_LOOKED_AT]
    assert (told.market, told.failure) == (BTC, error.code)


@pytest.mark.parametrize("error", [UNKNOWN, ODD], ids=lambda error: error.code)
def test_a_failing_market_leaves_the_other_its_closing(error: DomainError) -> None:
    path = holding_both()
    path.exchange.failing[BTC] = error
    path.exchange.trade(ETH, D(89))
    full_look(path)
    assert [position.market for position in path.account.positions.values()] == [BTC]


def test_a_failing_market_leaves_the_other_its_forced_exit() -> None:
    path = holding_both()
    path.exchange.failing[BTC] = UNKNOWN
    path.gate.flip(Grade.FLATTEN, at=path.clock.now())
    looks(path, 2)
    assert (path.exchange.net_position(KEY, ETH), path.exchange.net_position(KEY, BTC)) == (D(0), D(10))


def test_a_position_whose_comparison_fails_leaves_the_others_theirs() -> None:
    path = holding_both()
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.exchange.trade_outside(KEY, ETH, D(-10))
    path.exchange.failing[BTC] = UNKNOWN
    full_look(path)
    path.reconcile(APART)
    assert [position.market for position in path.account.positions.values()] == [BTC]
    del path.exchange.failing[BTC]
    full_look(path)
    path.reconcile(APART)
    assert not path.account.positions


def test_a_person_is_told_once_of_a_market_that_goes_on_failing() -> None:
    path = holding_both()
    path.exchange.failing[BTC] = UNKNOWN
    looks(path, 2)
    assert path.alerts() == []
    looks(path, 20)
    assert path.alerts() == [NOT_LOOKED_AT]
    assert next(e.event.market for e in path.database.stream if e.event.code == NOT_LOOKED_AT) == BTC
    del path.exchange.failing[BTC]
    looks(path, 1)
    assert not path.account.mends
    path.exchange.failing[BTC] = UNKNOWN
    looks(path, 4)
    assert path.alerts() == [NOT_LOOKED_AT, NOT_LOOKED_AT]


def test_a_market_that_fails_now_and_then_is_told_to_nobody() -> None:
    path = holding_both()
    for _ in range(5):
        path.exchange.failing[BTC] = ODD
        looks(path, 2)
        del path.exchange.failing[BTC]
        looks(path, 1)
    assert path.alerts() == []


def test_a_venue_that_answers_nothing_fails_the_look_and_is_no_finding_of_its_markets() -> None:
    path = holding_both()
    path.exchange.failing = {BTC: ODD, ETH: ODD}
    for _ in range(4):
        with pytest.raises(RetryLater):
            path.reconcile(5)
    assert (path.alerts(), dict(path.account.mends)) == ([], {})


def test_spent_weight_puts_the_whole_look_off() -> None:
    path = holding_both()
    path.exchange.failing[BTC] = NO_ROOM
    asked = path.exchange.count("open_orders")
    version = path.account.version
    path.reconcile(60)
    assert path.exchange.count("open_orders") == asked + 1, "the other market was not asked for"
    assert (path.account.version, path.metrics.counts["LooksPutOff"]) == (version, 1)


def test_an_order_whose_trades_cannot_be_read_is_not_sent_again() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter(targets=(), stop=None)
    path.reconcile(SETTLED)
    path.exchange.fail("trades_since", ODD, times=3)
    for _ in range(3):
        path.reconcile(APART)
    assert path.states(LegKind.ENTRY) == [IntentState.UNKNOWN]
    path.reconcile(APART)
    assert path.states(LegKind.ENTRY) == [IntentState.FILLED]
    assert path.exchange.count("create_order") == 2


def test_a_list_of_all_markets_that_cannot_be_read_is_asked_for_market_by_market() -> None:
    path = holding_both()
    path.clock.advance(3_600)
    lose_stop(path, ETH)
    path.exchange.fail("open_orders", ODD)
    path.reconcile()
    path.reconcile(APART)
    path.reconcile(APART)
    assert stops_in(path, ETH) == [D(10)]


def test_silent_markets_cost_a_look_a_bounded_time() -> None:
    markets = [f"M{number}/USDT:USDT" for number in range(MAX_SILENCES + 3)]
    path = MoneyPath()
    path.markets.put(*map(a_market, markets))
    path.change(market_settings=dict.fromkeys(markets, IN_FORCE))
    for number, market in enumerate(markets):
        path.exchange.prices[market] = D(100)
        signal = a_signal(Action.LONG, market=market, signal_id=f"signal-{number}", stop_loss=D(90))
        path.execute(signal, settings=settings(max_positions=10))
    full_look(path)
    path.exchange.failing = dict.fromkeys(markets, ODD)
    asked = len(path.exchange.requests)
    with pytest.raises(RetryLater):
        path.reconcile(60)
    assert len(path.exchange.requests) - asked <= MAX_SILENCES + 1
