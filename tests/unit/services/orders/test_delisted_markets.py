"""A market that its venue ends: nothing is entered, exits and stops go, and settled positions end here as well."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import Reject
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.services.orders.failures import NOT_LOOKED_AT
from tests.support.builders import BTC, a_market, a_signal
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
APART = BINANCE_USDM.lookup_spacing.total_seconds()
SETTLED = BINANCE_USDM.settle_window.total_seconds()
GONE = Reject("UNKNOWN_MARKET", "-1121")


def announce(path: MoneyPath) -> None:
    path.markets.put(a_market(delists_at=path.clock.now() + timedelta(days=3)))


def delist(path: MoneyPath, *, settled: bool = True) -> None:
    """The venue ends the market and knows it no more; the catalogue says so."""
    path.markets.put(a_market(delists_at=path.clock.now()))
    path.exchange.failing[BTC] = GONE
    if settled:
        path.exchange.books[KEY].net[BTC] = D(0)


def full_look(path: MoneyPath) -> None:
    path.reconcile(max((next_full_look(path.account) - path.clock.now()).total_seconds(), 0))


def reasons(path: MoneyPath, kind: LegKind) -> list[Reason | None]:
    return [order.denial.reason if order.denial else None for order in path.told(kind)]


def test_nothing_is_entered_once_the_end_is_announced() -> None:
    path = MoneyPath()
    announce(path)
    path.enter()
    assert (reasons(path, LegKind.ENTRY), path.exchange.count("create_order")) == ([Reason.MARKET_DELISTED], 0)


def test_an_exit_goes_after_the_announcement_and_a_reversal_only_exits() -> None:
    path = MoneyPath()
    path.enter(targets=())
    announce(path)
    path.clock.advance(5)
    path.execute(a_signal(Action.SHORT, issued_at=path.clock.now(), signal_id="reversal", stop_loss=D(110)))
    assert (path.net, path.states(LegKind.EXIT)) == (D(0), [IntentState.FILLED])
    assert reasons(path, LegKind.ENTRY)[-1] is Reason.MARKET_DELISTED


def test_a_stop_that_vanished_is_placed_anew_after_the_announcement() -> None:
    path = MoneyPath()
    path.enter(targets=())
    announce(path)
    path.exchange.books[KEY].orders.pop()
    path.settle(4)
    assert path.live_stops() == [(D(10), D(90))]


def test_an_entry_that_rests_is_cancelled_at_the_announcement() -> None:
    path = MoneyPath()
    resting = EntryOrder(type=EntryType.LIMIT, price=D(95), rests_seconds=3_600)
    path.execute(bracket(entry=resting, targets=()))
    assert path.states(LegKind.ENTRY) == [IntentState.OPEN]
    announce(path)
    path.reconcile(30)
    assert (path.states(LegKind.ENTRY), reasons(path, LegKind.ENTRY)) == ([IntentState.CANCELLED], [Reason.MARKET_DELISTED])


def test_an_entry_that_was_never_sent_is_not_sent_after_the_announcement() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.RETRY_LATER)
    path.enter(targets=())
    announce(path)
    path.settle(3)
    assert (reasons(path, LegKind.ENTRY), path.exchange.count("create_order")) == ([Reason.MARKET_DELISTED], 1)


def test_a_position_in_a_market_that_the_venue_knows_no_more_is_settled_and_its_stop_ends() -> None:
    path = MoneyPath()
    path.enter()
    full_look(path)
    delist(path)
    path.reconcile(60)
    (trade,) = [told.event.trade for told in path.database.stream if told.event.trade]
    assert (trade.closed_by, trade.exit_price, path.account.intents) == ("SETTLED", D(100), {})
    assert path.alerts() == ["POSITION_SETTLED"]
    assert reasons(path, LegKind.STOP_LOSS) == [Reason.MARKET_DELISTED]
    assert not path.account.mends


def test_a_position_that_the_venue_still_lists_is_not_settled_by_a_refusal() -> None:
    path = MoneyPath()
    path.enter()
    full_look(path)
    delist(path, settled=False)
    for _ in range(4):
        path.reconcile(60)
    assert (path.position is not None, path.alerts()) == (True, [NOT_LOOKED_AT])


def test_a_refusal_alone_settles_nothing_while_the_catalogue_lists_the_market() -> None:
    path = MoneyPath()
    path.enter()
    full_look(path)
    delist(path)
    path.markets.put(a_market())
    path.reconcile(60)
    assert path.position is not None
    announce(path)
    path.reconcile(60)
    assert path.position is not None


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED])
def test_an_order_without_an_outcome_ends_with_its_market_once_it_can_no_longer_arrive(fault: Fault) -> None:
    path = MoneyPath()
    path.exchange.script(fault)
    path.enter(targets=())
    delist(path)
    path.reconcile(SETTLED - 1)
    assert path.states(LegKind.ENTRY) == [IntentState.UNKNOWN]
    path.reconcile(APART)
    assert (path.states(LegKind.ENTRY), reasons(path, LegKind.ENTRY)) == ([IntentState.CANCELLED], [Reason.MARKET_DELISTED])
    assert (path.account.intents, path.exchange.count("create_order")) == ({}, 1)
