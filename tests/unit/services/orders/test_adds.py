"""A further entry grows a position: one average, one stop for all of it, targets for each part, and no moment without a stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.reports import VenueOrderStatus
from tests.support.builders import BTC, a_quote, settings
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
SECOND = D("9.090")  # a thousand at 110, in steps


def add(
    path: MoneyPath, *, adds: int | None = 2, stop: str | None = "95", price: str = "110", mark: str | None = None, **changes: Any
) -> Account:
    """Another entry of 1,000 in the same direction, a minute later."""
    path.clock.advance(60)
    path.exchange.prices[BTC] = D(price)
    signal = bracket(stop=stop, issued_at=path.clock.now(), price=D(price), **{"targets": (), **changes})
    chosen = settings(max_positions=1, limits=Limits(max_adds=adds), **changes.pop("settings", {}))
    return path.execute(signal, settings=chosen, quote=a_quote(D(mark or price)))


def entered(**changes: Any) -> MoneyPath:
    path = MoneyPath()
    path.execute(bracket(**{"targets": (), **changes}))
    return path


def newest_entry(path: MoneyPath) -> Intent:
    return path.told(LegKind.ENTRY)[-1]


def test_an_add_grows_the_position_and_its_stop_covers_all_of_it_within_the_same_visit() -> None:
    path = entered()
    add(path)
    position = path.position
    assert position is not None

    assert (position.quantity, position.adds, path.net) == (10 + SECOND, 1, 10 + SECOND)
    assert position.entry_price == (10 * 100 + SECOND * 110) / (10 + SECOND)
    assert path.live_stops() == [(D(10), D(90)), (10 + SECOND, D(95))]
    path.reconcile(60)
    assert path.live_stops() == [(10 + SECOND, D(95))]
    assert [(i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)] == [
        (IntentState.CANCELLED, Reason.REPLACED),
        (IntentState.OPEN, None),
    ]


def test_a_looser_stop_of_an_add_is_not_taken() -> None:
    path = entered()
    add(path, stop="80", price="110")
    path.reconcile(60)
    assert [trigger for _, trigger in path.live_stops()] == [D(90)]


def test_an_add_without_a_stop_is_covered_by_the_one_there_is() -> None:
    path = entered()
    add(path, stop=None)
    path.reconcile(60)
    assert path.live_stops() == [(path.net, D(90))]


def test_its_targets_are_its_own_and_together_never_more_than_is_held() -> None:
    path = entered(targets=(TakeProfit(D(120), D(1)),))
    add(path, targets=(TakeProfit(D(130), D(1)),))
    targets = {i.trigger_price: i.quantity for i in path.account.intents.values() if i.kind is LegKind.TAKE_PROFIT}
    assert targets == {D(120): D(10), D(130): path.net - 10}
    path.exchange.trade(BTC, D(120))
    path.reconcile(60)
    path.reconcile(60)
    assert (path.net, path.live_stops()) == (SECOND, [(SECOND, D(95))])
    path.exchange.trade(BTC, D(130))
    path.reconcile(60)
    assert path.is_flat


def test_the_whole_is_one_trade_to_the_cent() -> None:
    path = entered()
    add(path)
    path.exchange.prices[BTC] = D(120)
    path.clock.advance(5)
    path.leave()
    path.settle(looks=3)
    assert path.is_flat
    (trade,) = [e.event.trade for e in path.database.stream if e.event.trade]
    paid, got = 10 * 100 + SECOND * 110, (10 + SECOND) * 120
    assert abs(trade.pnl - (got - paid)) < D("1e-20")
    assert abs(trade.fees - (paid + got) * D("0.0004")) < D("1e-20")


@pytest.mark.parametrize(("adds", "reason"), [(None, Reason.POSITION_ALREADY_OPEN), (0, Reason.MAX_ADDS), (1, Reason.MAX_ADDS)])
def test_there_are_as_many_adds_as_a_limit_allows_and_none_without_one(adds: int | None, reason: Reason) -> None:
    path = entered()
    add(path, adds=adds)
    add(path, adds=adds)
    assert path.position is not None
    assert (path.position.adds, newest_entry(path).reason) == (adds or 0, reason)


def test_the_other_direction_is_a_reversal_and_no_add() -> None:
    path = entered()
    path.clock.advance(60)
    reversal = bracket(Action.SHORT, stop="110", targets=(), issued_at=path.clock.now())
    path.execute(reversal, settings=settings(limits=Limits(max_adds=2)))
    path.reconcile(60)
    assert path.net == -10


def test_an_add_that_the_venue_refuses_leaves_everything_as_it_was() -> None:
    path = entered()
    path.exchange.script(Fault.REJECT)
    add(path, targets=(TakeProfit(D(130), D(1)),))
    assert (path.net, path.live_stops(), path.exchange.count("create_order")) == (D(10), [(D(10), D(90))], 3)
    path.reconcile(60)
    assert (path.live_stops(), path.position and path.position.adds) == ([(D(10), D(90))], 0)


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED, Fault.AMBIGUOUS_EXECUTED_LATE])
def test_an_add_whose_answer_was_lost_is_under_the_old_stop_until_it_is_known(fault: Fault) -> None:
    path = entered()
    path.exchange.script(fault)
    add(path)
    assert path.live_stops() == [(D(10), D(90))]
    path.exchange.arrive_late()
    path.settle(looks=6)
    # a lost add is sent again while it is fresh
    assert (path.net, path.live_stops()) == (10 + SECOND, [(10 + SECOND, D(95))])


def test_an_add_that_rests_grows_the_position_part_by_part() -> None:
    path = entered()
    order = EntryOrder(type=EntryType.LIMIT, price=D(98), rests_seconds=600)
    add(path, stop="91", entry=order, price="100")
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    assert (entry.order_type, path.live_stops()) == (OrderType.LIMIT, [(D(10), D(90))])
    path.exchange.fill(KEY, entry.client_order_id, D(4), D(98))
    path.reconcile(60)
    path.exchange.fill(KEY, entry.client_order_id, D(2), D(98))
    path.reconcile(60)
    assert path.live_stops() == [(D(16), D(91))]
    assert path.position is not None
    assert (path.position.adds, path.position.quantity) == (1, D(16))
    path.settle(looks=11, seconds=60)
    assert newest_entry(path).reason is Reason.ENTRY_NOT_FILLED
    assert (path.position.quantity, path.live_stops()) == (D(16), [(D(16), D(91))])


@pytest.mark.parametrize("stop", ["101", "100", "104.9"])
def test_an_add_with_a_stop_beyond_the_mark_is_refused_and_the_live_stop_stays(stop: str) -> None:
    path = entered()
    before = (path.position, path.live_stops())
    path.clock.advance(60)
    signal = bracket(stop=stop, issued_at=path.clock.now(), price=D(105), targets=())
    path.execute(signal, settings=settings(max_positions=1, limits=Limits(max_adds=2)), quote=a_quote(D(100)))
    assert newest_entry(path).denial == Denial(Reason.STOP_ON_WRONG_SIDE, D(stop), D(100))
    assert (path.position, path.live_stops()) == before
    path.settle(looks=2)
    assert (path.position, path.live_stops()) == before


def test_an_add_that_rests_is_taken_back_when_its_position_is_closed() -> None:
    path = entered()
    add(path, entry=EntryOrder(type=EntryType.LIMIT, price=D(80), rests_seconds=600), stop="70", mark="88")
    path.exchange.trade(BTC, D(90))
    path.settle(looks=3, seconds=60)
    assert path.is_flat
    assert newest_entry(path).reason is Reason.POSITION_CLOSED


def test_an_add_that_fills_after_its_position_was_closed_is_a_position_of_its_own_with_its_stop() -> None:
    path = entered()
    add(path, entry=EntryOrder(type=EntryType.LIMIT, price=D(91), rests_seconds=600), stop="70", price="100")
    path.exchange.trade(BTC, D(90))  # fills the add and triggers the stop, which covers the first part only
    path.settle(looks=3, seconds=60)
    assert path.position is not None
    assert path.live_stops() == [(path.net, path.position.stop_price)]
    assert path.position.quantity == path.net


def test_an_add_outgrows_the_venues_own_trailing_stop_and_ours_takes_its_place() -> None:
    path = MoneyPath()
    path.execute(bracket(targets=()), settings=settings(trailing_stop_percent=D(5)))
    add(path)
    path.exchange.trade(BTC, D(120))
    path.settle(looks=3, seconds=60)
    assert [(i.state, i.reason) for i in path.told(LegKind.TRAILING_STOP)] == [(IntentState.CANCELLED, Reason.REPLACED)]
    assert path.live_stops() == [(path.net, D(114))]
    assert len(path.venue_orders(VenueOrderStatus.OPEN)) == 1
