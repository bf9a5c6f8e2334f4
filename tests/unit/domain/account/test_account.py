"""The account's changes: fills, ends, memory, and the events that report them; all money by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import (
    DISABLED_BY_OWNER,
    MAX_OPEN_INTENTS,
    MAX_REFUSED,
    MAX_SETTLED,
    MAX_SUBSCRIPTIONS_PER_ACCOUNT,
    SETTLED_MEMORY,
    Account,
    AccountStatus,
    forgotten_at,
    remembered,
)
from candlecast.domain.account.events import EventType
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import position_key
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from tests.support.builders import BTC, NOW, SUBSCRIPTION, a_position, after, an_account, an_intent

D = Decimal
RATE = D("0.0004")
ENTRY, EXIT = an_intent(), an_intent(LegKind.EXIT)
STOP = an_intent(LegKind.STOP_LOSS)


def account_of(*intents: Intent) -> Account:
    return an_account(intents={i.intent_id: i for i in intents})


def answer(
    status: VenueOrderStatus = VenueOrderStatus.FILLED, filled: str = "10", price: str | None = "100", fee: str | None = None
) -> VenueOrder:
    return VenueOrder(
        client_order_id="c",
        venue_order_id="v1",
        status=status,
        filled_quantity=D(filled),
        average_price=D(price) if price else None,
        fee=D(fee) if fee else None,
    )


def told(account: Account) -> list[EventType]:
    return [event.type for event in account.outbox]


def held(account: Account) -> Decimal:
    position = account.position(SUBSCRIPTION, BTC)
    return position.quantity if position else D(0)


# -- fills -----------------------------------------------------------------------------------------------------------------------


def test_a_filled_entry_opens_a_position_with_an_estimated_fee_and_settles() -> None:
    account = account_of(replace(ENTRY, stop_price=D(90))).apply(ENTRY.intent_id, answer(), RATE, after(2))
    position = account.position(SUBSCRIPTION, BTC)
    assert position is not None
    assert (position.quantity, position.entry_price, position.fees, position.stop_price) == (D(10), D(100), D("0.4"), D(90))
    assert (position.signal_issued_at, position.opened_at) == (NOW, after(2))
    assert account.intents == {}
    assert account.knows(ENTRY.intent_id)
    assert told(account) == [EventType.POSITION_CHANGED, EventType.TRADE_FILLED]


def test_the_fee_that_the_venue_tells_counts_not_the_estimate() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(fee="0.2"), RATE, after(2))
    assert [p.fees for p in account.positions.values()] == [D("0.2")]


def test_the_same_answer_twice_moves_the_position_once() -> None:
    half = answer(VenueOrderStatus.OPEN, "4")
    once = account_of(ENTRY).apply(ENTRY.intent_id, half, RATE, after(2))
    twice = once.apply(ENTRY.intent_id, half, RATE, after(3))
    assert (twice.positions, held(twice)) == (once.positions, D(4))
    assert told(replace(twice, outbox=twice.outbox[len(once.outbox) :])) == [EventType.TRADE_EXECUTED]


def test_partial_fills_average_the_entry_by_hand() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(VenueOrderStatus.OPEN, "4", "100", "0.16"), RATE, after(2))
    account = account.apply(ENTRY.intent_id, answer(VenueOrderStatus.FILLED, "10", "103", "0.412"), RATE, after(3))
    (position,) = account.positions.values()  # 4 at 100 and 6 at 105: 1030 for 10
    assert (position.quantity, position.entry_price, position.fees) == (D(10), D(103), D("0.412"))


def test_an_older_answer_after_a_newer_one_takes_nothing_back() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(VenueOrderStatus.OPEN, "6"), RATE, after(2))
    account = account.apply(ENTRY.intent_id, answer(VenueOrderStatus.OPEN, "4"), RATE, after(3))
    assert held(account) == D(6)


def test_an_entry_that_is_cut_short_keeps_what_it_got() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(VenueOrderStatus.CANCELLED, "4"), RATE, after(2))
    assert (held(account), account.intents, account.knows(ENTRY.intent_id)) == (D(4), {}, True)
    last = account.outbox[-1].order
    assert last is not None
    assert (last.state, last.reason, last.filled_quantity) == (IntentState.CANCELLED, Reason.CANCELLED_AT_VENUE, D(4))


def test_an_order_that_waits_stays_open() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(VenueOrderStatus.OPEN, "0", None), RATE, after(2))
    assert (account.intents[ENTRY.intent_id].state, account.positions) == (IntentState.OPEN, {})


def test_a_refused_order_ends_with_the_reason() -> None:
    account = account_of(ENTRY).apply(ENTRY.intent_id, answer(VenueOrderStatus.REJECTED, "0", None), RATE, after(2))
    order = account.outbox[-1].order
    assert order is not None
    assert (order.state, order.denial, order.settled_at) == (IntentState.REJECTED, Denial(Reason.VENUE_REJECTED), after(2))


def test_a_fill_without_a_price_is_refused() -> None:
    with pytest.raises(InvalidValue, match="FILL_WITHOUT_PRICE"):
        account_of(ENTRY).apply(ENTRY.intent_id, answer(price=None), RATE, after(2))


@pytest.mark.parametrize(("side", "pnl"), [(PositionSide.LONG, D(55)), (PositionSide.SHORT, D(-55))])
def test_a_round_trip_becomes_a_trade_with_the_profit_computed_by_hand(side: PositionSide, pnl: Decimal) -> None:
    position = a_position(side=side, fees=D("0.4"))
    target = an_intent(LegKind.TAKE_PROFIT, position_side=side)
    leave = replace(EXIT, position_side=side)
    account = replace(account_of(target, leave), positions={position.key: position})
    account = account.apply(target.intent_id, answer(filled="5", price="110", fee="0.22"), RATE, after(60))
    assert (held(account), told(account)) == (D(5), [EventType.POSITION_CHANGED, EventType.TRADE_FILLED])
    account = account.apply(leave.intent_id, answer(filled="5", price="101", fee="0.202"), RATE, after(90))
    trade = next(event.trade for event in account.outbox if event.trade)
    # 5 at 110 and 5 at 101 against 10 at 100: 1055 - 1000
    assert (trade.pnl, trade.fees, trade.net_pnl) == (pnl, D("0.822"), pnl - D("0.822"))
    assert (trade.quantity, trade.entry_price, trade.exit_price, trade.closed_by) == (D(10), D(100), D("105.5"), "EXIT")
    assert trade.trade_id == position.entry_intent_id
    assert (account.positions, account.realised_today(SUBSCRIPTION, after(100))) == ({}, trade.net_pnl)
    assert account.realised_today(SUBSCRIPTION, NOW + timedelta(days=1)) == 0


def test_an_entry_that_fills_on_after_its_position_was_closed_makes_a_second_trade() -> None:
    account = account_of(ENTRY, STOP, EXIT).apply(ENTRY.intent_id, answer(VenueOrderStatus.OPEN, "4"), RATE, after(2))
    account = account.apply(STOP.intent_id, replace(answer(filled="4", price="90"), venue_order_id="v2"), RATE, after(3))
    account = account.apply(ENTRY.intent_id, answer(filled="10"), RATE, after(4))
    again = account.position(SUBSCRIPTION, BTC)
    assert again is not None
    assert (again.quantity, again.opened_quantity, again.entry_intent_id) == (D(6), D(6), ENTRY.intent_id)
    account = account.apply(EXIT.intent_id, replace(answer(filled="6", price="99"), venue_order_id="v3"), RATE, after(5))
    first, second = (event.trade for event in account.outbox if event.trade)
    assert [(t.quantity, t.pnl, t.closed_by) for t in (first, second)] == [(D(4), D(-40), "STOP_LOSS"), (D(6), D(-6), "EXIT")]
    assert first.trade_id == ENTRY.intent_id != second.trade_id
    assert (first.entry, second.entry) == (ENTRY.intent_id, ENTRY.intent_id)
    assert {key: due.trade_id for key, due in account.due_fees.items()} == {
        "v1": second.trade_id,  # all fills of an order are read together
        "v2": first.trade_id,
        "v3": second.trade_id,
    }
    assert set(account.settling) == {first.trade_id, second.trade_id}


def test_each_part_of_an_entry_that_opens_a_position_makes_a_trade_of_its_own() -> None:
    part = replace(ENTRY, intent_id=digest("part 2"), part_of=ENTRY.intent_id)
    account = account_of(ENTRY, part, STOP, EXIT).apply(part.intent_id, answer(filled="4"), RATE, after(2))
    opened = [(p.trade_id, p.entry_intent_id) for p in account.positions.values()]
    assert [due.trade_id for due in account.due_fees.values()] == [opened[0][0]]
    account = account.apply(STOP.intent_id, replace(answer(filled="4", price="90"), venue_order_id="v2"), RATE, after(3))
    account = account.apply(ENTRY.intent_id, replace(answer(filled="6"), venue_order_id="v3"), RATE, after(4))
    opened += [(p.trade_id, p.entry_intent_id) for p in account.positions.values()]
    assert len({trade for trade, _ in opened}) == 2
    assert {entry for _, entry in opened} == {ENTRY.intent_id}


def test_the_results_of_a_day_add_up() -> None:
    account = an_account()
    for number in range(3):
        position = a_position(entry_intent_id=digest(str(number)))
        leave = an_intent(LegKind.EXIT, signal_id=digest(str(number)))
        account = replace(account, positions={position.key: position}, intents={leave.intent_id: leave})
        account = account.apply(leave.intent_id, answer(price="99", fee="0.5"), RATE, after(number))
    assert account.realised_today(SUBSCRIPTION, NOW) == D("-31.5")


def test_a_fill_beyond_what_is_held_is_told_and_takes_no_more_than_there_is() -> None:
    position = a_position(quantity=D(3))
    account = replace(account_of(EXIT), positions={position.key: position})
    assert account.apply(EXIT.intent_id, answer(), RATE, after(2)).positions == {}
    nothing_held = account_of(EXIT).apply(EXIT.intent_id, answer(), RATE, after(2))
    assert [(event.code, event.market) for event in nothing_held.outbox][:1] == [("FILL_WITHOUT_POSITION", BTC)]


def test_the_fill_of_one_entry_never_grows_the_position_of_another() -> None:
    position = a_position(entry_intent_id=digest("another entry"))
    account = replace(account_of(ENTRY), positions={position.key: position})
    with pytest.raises(InvalidValue, match="FILL_OF_ANOTHER_ENTRY"):
        account.apply(ENTRY.intent_id, answer(), RATE, after(2))


# -- the life of an intent -------------------------------------------------------------------------------------------------------


def test_a_mark_starts_the_look_ups_anew_and_a_lost_answer_starts_the_clock_anew() -> None:
    looked = replace(ENTRY, lookups=2, last_lookup_at=NOW)
    marked = account_of(looked).hold(ENTRY.intent_id, IntentState.SUBMITTING, after(30)).intents[ENTRY.intent_id]
    assert (marked.submitted_at, marked.lookups) == (after(30), 0)
    lost = account_of(ENTRY).hold(ENTRY.intent_id, IntentState.UNKNOWN, after(4)).intents[ENTRY.intent_id]
    assert lost.submitted_at == after(4)
    waiting = account_of(ENTRY).hold(ENTRY.intent_id, IntentState.PENDING, after(4)).intents[ENTRY.intent_id]
    assert waiting.submitted_at == NOW


def test_look_ups_in_vain_are_counted_untold_and_forgotten_when_the_order_shows() -> None:
    account = account_of(STOP).missed(STOP.intent_id, after(30)).missed(STOP.intent_id, after(33))
    assert (account.intents[STOP.intent_id].lookups, account.intents[STOP.intent_id].last_lookup_at) == (2, after(33))
    assert account.outbox == ()
    assert account.seen(STOP.intent_id).intents[STOP.intent_id].lookups == 0


def test_a_stop_is_told_of_once_it_exists_and_forgotten_untold_before() -> None:
    decided = an_account().decide([ENTRY, STOP], NOW)
    assert [event.order.leg for event in decided.outbox if event.order] == ["ENTRY"]
    released = decided.release(STOP.intent_id)
    assert (released.outbox, STOP.intent_id in released.intents) == (decided.outbox, False)
    opened = decided.apply(STOP.intent_id, answer(VenueOrderStatus.OPEN, "0", None), RATE, after(1))
    assert told(opened) == [EventType.TRADE_CREATED, EventType.TRADE_EXECUTED]


def test_ended_legs_are_remembered_until_a_repeat_would_be_too_old_anyway() -> None:
    account = account_of(ENTRY).fail(ENTRY.intent_id, IntentState.REJECTED, Reason.VENUE_REJECTED, after(5), "no")
    assert account.settled == {remembered(ENTRY.intent_id): forgotten_at(after(5))}
    assert forgotten_at(after(5)) >= after(5) + SETTLED_MEMORY
    assert timedelta(seconds=MAX_SIGNAL_AGE_SECONDS) < SETTLED_MEMORY
    assert account.decide((), forgotten_at(after(5))).settled == {}


def test_the_newest_signal_of_a_position_is_kept_whatever_came_last() -> None:
    newer, older = (an_intent(signal_id=digest(str(n)), issued_at=after(n), state=IntentState.SKIPPED) for n in (5, 1))
    account = an_account().decide([newer], after(6)).decide([older], after(7))
    assert account.newest_signals == {position_key(SUBSCRIPTION, BTC): after(5)}


def refusal(number: int) -> Intent:
    return an_intent(signal_id=digest(f"refusal {number}"), state=IntentState.DENIED, denial=Denial(Reason.MAX_POSITIONS))


def test_the_memory_is_bounded_and_always_has_a_place_for_an_order_that_was_sent() -> None:
    opened = [an_intent(signal_id=digest(f"open {n}"), market=f"M{n}/USDT:USDT") for n in range(MAX_OPEN_INTENTS)]
    account = account_of(*opened).decide([refusal(n) for n in range(MAX_SETTLED + 50)], NOW)
    assert len(account.settled) == MAX_REFUSED
    for intent in opened:
        account = account.apply(intent.intent_id, answer(), RATE, after(1))
    assert len(account.settled) == MAX_SETTLED
    assert all(account.knows(intent.intent_id) for intent in opened)


def test_an_account_refuses_more_than_it_can_hold() -> None:
    many = [an_intent(signal_id=digest(str(n))) for n in range(MAX_OPEN_INTENTS + 1)]
    with pytest.raises(InvalidValue, match="TOO_MANY_OPEN_ORDERS"):
        account_of(*many)
    with pytest.raises(InvalidValue, match="TOO_MANY_SUBSCRIPTIONS"):
        an_account(subscriptions={str(n): SubscriptionStatus.ACTIVE for n in range(MAX_SUBSCRIPTIONS_PER_ACCOUNT + 1)})


# -- protection ------------------------------------------------------------------------------------------------------------------


def test_a_stop_whose_position_is_closed_is_an_orphan_and_one_not_yet_placed_is_not() -> None:
    opened = replace(STOP, state=IntentState.OPEN)
    assert account_of(opened).orphans() == (opened,)
    assert account_of(STOP).orphans() == ()
    position = a_position()
    assert replace(account_of(opened), positions={position.key: position}).orphans() == ()
    later = a_position(entry_intent_id=digest("a later entry"))
    assert replace(account_of(opened), positions={later.key: later}).orphans() == (opened,)


def test_a_stop_is_no_orphan_while_nobody_knows_what_became_of_its_entry() -> None:
    opened = replace(STOP, state=IntentState.OPEN)
    for state in (IntentState.SUBMITTING, IntentState.UNKNOWN):
        assert account_of(opened, replace(ENTRY, state=state)).orphans() == ()
    assert account_of(opened, replace(ENTRY, state=IntentState.CANCELLED)).orphans() == (opened,)


def test_a_position_is_naked_without_a_stop_and_not_for_want_of_a_target() -> None:
    position, target = a_position(stop_price=D(90)), an_intent(LegKind.TAKE_PROFIT)
    exposed = replace(account_of(target), positions={position.key: position})
    assert exposed.naked_positions() == (position,)
    assert replace(account_of(STOP), positions={position.key: position}).naked_positions() == ()
    unstopped = a_position()
    assert replace(account_of(), positions={unstopped.key: unstopped}).naked_positions() == ()


# -- keys ------------------------------------------------------------------------------------------------------------------------


def test_a_refused_key_disables_the_account_and_tells_its_owner() -> None:
    disabled = an_account().disable("AUTHENTICATION_FAILED", NOW)
    assert (disabled.status, disabled.disabled_reason) == (AccountStatus.DISABLED, "AUTHENTICATION_FAILED")
    assert [(event.type, event.code) for event in disabled.outbox] == [(EventType.ALERT_CRITICAL, "AUTHENTICATION_FAILED")]


def test_what_its_owner_has_disabled_stays_so_whatever_the_venue_says_of_the_keys() -> None:
    stopped = an_account(status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    assert stopped.disable("AUTHENTICATION_FAILED", NOW).disabled_reason == DISABLED_BY_OWNER
