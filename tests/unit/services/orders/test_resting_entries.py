"""An entry that waits at the venue for its price: each part is protected, the entry ends in time, and exits are never blocked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import next_answer
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import TimeInForce
from candlecast.domain.venue.reports import VenueOrderStatus
from tests.support.builders import BTC, NOW, after
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
LADDER = (TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5")))


def limit(price: str = "99", **changes: Any) -> EntryOrder:
    return EntryOrder(type=EntryType.LIMIT, price=D(price), **{"rests_seconds": 600, **changes})


def enter(path: MoneyPath, order: EntryOrder, **changes: Any) -> Account:
    return path.execute(bracket(entry=order, **{"targets": LADDER, **changes}))


def entry_of(path: MoneyPath) -> Intent:
    return next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)


def fill(path: MoneyPath, quantity: str) -> None:
    path.exchange.fill(KEY, entry_of(path).client_order_id, D(quantity), D(99))


def test_a_limit_entry_rests_and_nothing_is_sent_behind_it() -> None:
    path = MoneyPath()
    enter(path, limit())
    entry = entry_of(path)
    assert (entry.state, path.exchange.count("create_order"), path.position) == (IntentState.OPEN, 1, None)
    assert {i.state for i in path.account.intents.values() if i.kind.is_protective} == {IntentState.PENDING}
    assert path.account.naked_positions() == ()


def test_when_its_price_comes_it_is_filled_and_protected() -> None:
    path = MoneyPath()
    enter(path, limit())
    path.exchange.trade(BTC, D(98))
    path.reconcile(60)
    assert path.position is not None
    held = path.position.quantity
    assert (path.position.entry_price, path.live_stops()) == (D(99), [(held, D(90))])
    assert sorted(t for t in path.live_triggers() if t) == [D(90), D(110), D(120)]
    assert held == D(10)  # worth its 1,000 at the mark of 100


def test_what_is_filled_of_it_has_its_stop_while_the_rest_still_rests() -> None:
    path = MoneyPath()
    enter(path, limit())
    fill(path, "4")
    path.reconcile(60)
    assert (path.net, path.live_stops()) == (D(4), [(D(4), D(90))])
    assert entry_of(path).state is IntentState.OPEN
    fill(path, "3")
    path.reconcile(60)
    assert path.live_stops() == [(D(7), D(90))]  # the new one first, then the old one is cancelled
    assert [t for t in path.live_triggers() if t not in (None, D(90))] == []  # targets wait for the final quantity


def test_it_ends_at_its_time_and_what_was_filled_is_kept_with_a_ladder_of_its_size() -> None:
    path = MoneyPath()
    enter(path, limit())
    fill(path, "4")
    path.settle(looks=11, seconds=60)
    assert (path.net, path.live_stops()) == (D(4), [(D(4), D(90))])
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.filled_quantity, entry.reason) == (IntentState.CANCELLED, D(4), Reason.ENTRY_NOT_FILLED)
    targets = [(i.trigger_price, i.quantity) for i in path.told(LegKind.TAKE_PROFIT)]
    assert targets == [(D(110), D(2)), (D(120), D(2))]


def test_nothing_filled_is_an_end_with_its_reason_and_nothing_is_left_behind() -> None:
    path = MoneyPath()
    enter(path, limit())
    path.reconcile(599)
    assert entry_of(path).state is IntentState.OPEN
    path.reconcile(2)
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason) == (IntentState.CANCELLED, Reason.ENTRY_NOT_FILLED)
    assert path.is_flat


def test_a_part_that_is_filled_while_it_is_cancelled_is_protected() -> None:
    path = MoneyPath()
    enter(path, limit())
    path.clock.advance(601)
    fill(path, "4")
    path.reconcile()
    assert (path.net, path.live_stops(), path.position and path.position.quantity) == (D(4), [(D(4), D(90))], D(4))


@pytest.mark.parametrize(
    ("liquidity", "state", "reason"), [("4", IntentState.CANCELLED, None), ("0", IntentState.CANCELLED, None)]
)
def test_what_is_not_filled_at_once_of_an_immediate_order_is_gone(liquidity: str, state: IntentState, reason: None) -> None:
    path = MoneyPath()
    path.exchange.liquidity = D(liquidity)
    price = "101" if liquidity != "0" else "99"
    enter(path, limit(price, time_in_force=TimeInForce.IOC))
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason) == (state, Reason.ENTRY_NOT_FILLED)
    assert path.live_stops() == ([(D(4), D(90))] if liquidity == "4" else [])
    assert (path.position is not None) == (liquidity == "4")
    if liquidity == "0":
        assert path.is_flat


def test_a_post_only_order_that_would_take_is_refused_with_its_reason() -> None:
    path = MoneyPath()
    enter(path, limit("101", post_only=True))
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason) == (IntentState.REJECTED, Reason.ENTRY_NOT_FILLED)
    assert path.is_flat


@pytest.mark.parametrize(
    ("order", "first", "filled_at"),
    [
        (EntryOrder(type=EntryType.STOP, trigger_price=D(105), rests_seconds=600), "105", D(105)),
        (EntryOrder(type=EntryType.STOP_LIMIT, trigger_price=D(105), price=D(104), rests_seconds=600), "106", None),
        (EntryOrder(type=EntryType.STOP_LIMIT, trigger_price=D(105), price=D(106), rests_seconds=600), "105", D(106)),
    ],
)
def test_a_stop_entry_waits_for_its_trigger_and_a_limit_behind_it_for_its_price(
    order: EntryOrder, first: str, filled_at: Decimal | None
) -> None:
    path = MoneyPath()
    enter(path, order)
    path.exchange.trade(BTC, D(104))
    path.reconcile(60)
    assert path.position is None
    path.exchange.trade(BTC, D(first))
    path.reconcile(60)
    assert (path.position.entry_price if path.position else None) == filled_at
    if filled_at is None:  # triggered, and the price has run away: it is filled when it comes back
        path.exchange.trade(BTC, D(104))
        path.reconcile(60)
        assert path.position is not None
        assert path.position.entry_price == 104
    assert path.live_stops() == [(path.net, D(90))]


def test_an_exit_cancels_an_entry_that_still_rests_and_closes_what_it_got() -> None:
    path = MoneyPath()
    enter(path, limit())
    fill(path, "4")
    path.reconcile(60)
    path.leave()
    path.settle(looks=3, seconds=30)
    assert path.is_flat
    assert [o.status for o in path.venue_orders(VenueOrderStatus.OPEN)] == []


def test_a_resting_entry_costs_no_look_every_few_seconds() -> None:
    path = MoneyPath()
    enter(path, limit())
    assert next_answer(path.account, after(10)) == after(600)


def test_an_entry_that_fills_in_part_long_before_it_expires_is_protected_at_the_next_minute() -> None:
    path = MoneyPath()
    enter(path, limit(rests_seconds=3_600))
    path.reconcile(5)
    fill(path, "4")
    (due,) = (due for due in path.accounts.due_for_reconcile(after(65)) if not due.in_turn)
    assert due.due_at <= after(65)
    path.reconcile(60)
    assert path.live_stops() == [(D(4), D(90))]


def test_a_look_shortly_before_an_entry_expires_comes_back_for_that() -> None:
    path = MoneyPath()
    enter(path, limit(rests_seconds=3_600))
    path.reconcile(3_530)
    path.queue.sent.clear()
    path.reconcile(20)
    assert [delay for _, delay in path.queue.sent] == [50]
    path.reconcile(51)
    assert (path.venue_orders()[0].status, path.account.intents) == (VenueOrderStatus.CANCELLED, {})


def test_an_unknown_limit_entry_is_found_where_it_rests_and_not_sent_again() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    enter(path, limit())
    assert entry_of(path).state is IntentState.UNKNOWN
    path.reconcile(3)
    assert (entry_of(path).state, path.exchange.count("create_order")) == (IntentState.OPEN, 1)


def test_a_lost_limit_entry_is_sent_again_while_it_may_still_rest() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    enter(path, limit(rests_seconds=3_600))
    path.settle(looks=4, seconds=26)
    assert (entry_of(path).state, path.exchange.count("create_order")) == (IntentState.OPEN, 2)
    assert path.clock.now() > NOW
