"""Pools are told what became of reservations, by events and by the sweep: each gives back once, and never too early."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.events import EventType, order_event
from candlecast.domain.account.kill_switch import Grade, SwitchPlace, SwitchScope
from candlecast.domain.limits.pool_bounds import Amounts
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.pools.pool import ABANDONED_AFTER, LOOK_AGAIN_AFTER, ReservationState
from candlecast.services.pools.release_pools import POOL_DAILY_LOSS
from tests.support.builders import a_position, after, an_account
from tests.support.fakes.gate import a_switch
from tests.support.pooled import ORGANISATION, Pools, an_entry

DAY = 24 * 3600
HELD = Amounts(Decimal(1_000), Decimal(1), Decimal(1))
ORDER_ONLY = Amounts(orders=Decimal(1))
SWITCH = SwitchPlace(SwitchScope.ORGANISATION, ORGANISATION)


def reserved(*entries: Intent, **bounds: int) -> Pools:
    """A pool in which entries have been reserved."""
    pools = Pools(**(bounds or {"max_gross_notional": 10_000, "max_open_positions": 10, "max_orders_per_day": 10}))
    for entry in entries:
        assert pools.enter(entry) is None
    return pools


def free(pools: Pools) -> Amounts:
    return sum((slot.free for slot in pools.pool.slots), Amounts())


# -- what events do --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "filled", "kept"),
    [
        (IntentState.FILLED, "10", HELD),
        (IntentState.CANCELLED, "4", Amounts(Decimal(400), Decimal(1), Decimal(1))),
        (IntentState.CANCELLED, "0", ORDER_ONLY),
        (IntentState.REJECTED, "0", ORDER_ONLY),
        (IntentState.DENIED, "0", Amounts()),
        (IntentState.EXPIRED, "0", Amounts()),
    ],
)
def test_an_ended_entry_counts_what_it_has_filled_and_an_order_if_it_was_sent(
    state: IntentState, filled: str, kept: Amounts
) -> None:
    pools = reserved(entry := an_entry())
    whole = free(pools) + HELD
    for _ in range(2):  # events come at least once
        pools.end(entry, state, filled)
        assert (pools.used, free(pools)) == (kept, whole - kept)
    held = pools.reservation(entry)
    assert (held.state if held else None) == (ReservationState.CONFIRMED if kept.positions else None)


def test_what_is_filled_at_a_worse_price_never_counts_more_than_was_reserved() -> None:
    pools = reserved(entry := an_entry())
    pools.end(replace(entry, average_price=Decimal(150)))
    assert pools.used == HELD


@pytest.mark.parametrize("state", [IntentState.PENDING, IntentState.SUBMITTING, IntentState.UNKNOWN, IntentState.OPEN])
def test_an_entry_that_has_not_ended_counts_in_full(state: IntentState) -> None:
    pools = reserved(entry := an_entry())
    pools.end(entry, state, "4")
    assert pools.used == HELD


def test_a_closed_position_is_released_once_and_its_order_stays_for_the_day() -> None:
    pools = reserved(entry := an_entry(), an_entry(2))
    pools.end(entry)
    for _ in range(2):
        pools.close(entry, "-5")
        assert pools.used == HELD + ORDER_ONLY
    assert (pools.pool.pnl, pools.reservation(entry)) == (Decimal(-5), None)


def test_a_late_repeat_of_an_entrys_end_changes_nothing() -> None:
    pools = reserved(entry := an_entry())
    pools.end(entry)
    pools.close(entry)
    pools.end(entry)
    assert pools.used == ORDER_ONLY


def test_a_position_that_closes_while_its_entry_may_still_fill_counts_until_both_have_ended() -> None:
    pools = reserved(entry := an_entry())
    for _ in range(2):
        pools.close(entry, "-5")
        assert (pools.used, pools.pool.pnl) == (HELD, Decimal(-5))
    pools.end(entry)
    assert pools.used == HELD
    pools.accounts.create(an_account())
    assert (pools.sweep(), pools.used) == (1, ORDER_ONLY)


def test_each_trade_of_an_entry_that_fills_on_counts_once() -> None:
    pools = reserved(entry := an_entry())
    for _ in range(2):
        pools.close(entry, "-5")
        pools.close(entry, "-7", again="second")
        assert (pools.used, pools.pool.pnl) == (HELD, Decimal(-12))
    pools.end(entry)
    for _ in range(2):
        pools.close(entry, "-7", again="second")
        pools.close(entry, "-9", again="third")
        assert (pools.used, pools.pool.pnl, pools.reservation(entry)) == (ORDER_ONLY, Decimal(-21), None)


def test_a_reservation_from_before_trades_were_named_has_counted_its_trade() -> None:
    pools = reserved(entry := an_entry())
    pools.close(entry, "-5")
    pools.store.reservations[entry.intent_id] = replace(pools.store.reservations[entry.intent_id], trades=())
    pools.close(entry, "-5")
    assert pools.pool.pnl == -5


def test_what_no_pool_has_reserved_is_none_of_its_business() -> None:
    pools = reserved(an_entry())
    pools.end(an_entry(7), IntentState.EXPIRED)
    pools.close(an_entry(7))
    assert pools.used == HELD
    pools.store.requests.clear()
    pools.tell(order_event(replace(an_entry(8), state=IntentState.FILLED), after(1)))
    assert pools.store.requests == []


def test_an_order_of_yesterday_gives_back_no_order_of_today() -> None:
    pools = reserved(entry := an_entry(), max_orders_per_day=1)
    pools.clock.advance(DAY)
    assert pools.enter(an_entry(2)) is None
    pools.end(entry, IntentState.EXPIRED)
    assert pools.used.orders == 1
    assert pools.enter(an_entry(3)) is not None


# -- adds ------------------------------------------------------------------------------------------------------------------


def test_an_add_takes_no_position_and_ends_with_the_one_that_it_was_added_to() -> None:
    first = an_entry(1)
    add = an_entry(2, bracket_of=first.intent_id)
    pools = reserved(first, add, max_gross_notional=2_000, max_open_positions=1)
    assert pools.used == HELD + replace(HELD, positions=Decimal(0))
    for _ in range(2):
        pools.end(first)
        pools.end(add)
    assert pools.used.notional == 2_000
    for _ in range(2):
        pools.close(first)
        assert pools.used == ORDER_ONLY + ORDER_ONLY
    assert pools.store.reservations == {}


def test_an_add_to_what_the_pool_does_not_know_is_kept_while_that_is_held() -> None:
    opener = an_entry(1)
    add = an_entry(2, bracket_of=opener.intent_id)
    pools = reserved(add)
    pools.end(add)
    account = pools.accounts.create(an_account(positions={"key": a_position(entry_intent_id=opener.intent_id)}))
    pools.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
    assert pools.sweep() == 0
    pools.accounts.save(replace(account, positions={}))
    pools.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
    assert (pools.sweep(), pools.used.notional) == (1, Decimal(0))


# -- the day's loss --------------------------------------------------------------------------------------------------------


def test_a_days_loss_pauses_the_organisations_entries_and_is_told() -> None:
    first, second = an_entry(1), an_entry(2)
    pools = reserved(first, second, max_daily_loss=100)
    pools.end(first)
    pools.end(second)
    pools.close(first, "-99.99")
    assert pools.gate.find_switch(SWITCH) is None
    pools.close(second, "-0.01")
    switch = pools.gate.find_switch(SWITCH)
    assert switch is not None
    assert (switch.grade, switch.by_operations) == (Grade.PAUSE_ENTRIES, True)
    assert "100.00 of 100" in switch.reason
    (told,) = pools.bus.published
    assert (told.event.type, told.event.code) == (EventType.ALERT_CRITICAL, POOL_DAILY_LOSS)


def test_profits_of_the_day_offset_its_losses() -> None:
    first, second = an_entry(1), an_entry(2)
    pools = reserved(first, second, max_daily_loss=100)
    for entry, pnl in ((first, "50"), (second, "-120")):
        pools.end(entry)
        pools.close(entry, pnl)
    assert pools.pool.pnl == -70
    assert pools.gate.find_switch(SWITCH) is None


def test_a_relay_that_died_before_it_paused_does_so_at_the_repeat() -> None:
    pools = reserved(entry := an_entry(), max_daily_loss=100)
    pools.end(entry)
    pools.close(entry, "-100")
    pools.gate.switches.clear()
    pools.close(entry, "-100")
    assert pools.gate.find_switch(SWITCH) is not None
    assert pools.pool.pnl == -100
    assert len({told.event_id for told in pools.bus.published}) == 1


def test_a_stricter_switch_stays_as_somebody_has_set_it() -> None:
    pools = reserved(entry := an_entry(), max_daily_loss=100)
    halted = pools.gate.save_switch(a_switch(Grade.HALT_ALL, SWITCH))
    pools.end(entry)
    pools.close(entry, "-100")
    assert pools.gate.find_switch(SWITCH) == halted


def test_a_trade_counts_on_the_day_on_which_it_was_closed() -> None:
    early, late, next_day = an_entry(1), an_entry(2), an_entry(3)
    pools = reserved(early, late, next_day, max_daily_loss=100)
    for entry in (early, late, next_day):
        pools.end(entry)
    pools.close(early, "-60", at=after(60))
    pools.close(next_day, "-70", at=after(DAY))  # nobody has ordered anything yet on that day
    assert pools.pool.pnl == -70
    pools.close(late, "-60", at=after(120))  # a relay that is behind
    assert (pools.pool.pnl, pools.gate.find_switch(SWITCH)) == (Decimal(-70), None)


# -- the sweep -------------------------------------------------------------------------------------------------------------


def test_a_reservation_that_its_account_does_not_know_is_released_once_its_message_cannot_come_again() -> None:
    pools = reserved(an_entry())
    pools.accounts.create(an_account())
    pools.clock.advance(ABANDONED_AFTER.total_seconds() - 1)
    assert (pools.sweep(), pools.used) == (0, HELD)
    pools.clock.advance(1)
    assert (pools.sweep(), pools.used) == (1, Amounts())
    assert pools.sweep() == 0


def test_a_reservation_of_an_account_that_is_gone_is_released() -> None:
    pools = reserved(an_entry())
    pools.clock.advance(ABANDONED_AFTER.total_seconds())
    assert (pools.sweep(), pools.used) == (1, Amounts())


def test_what_may_still_execute_is_never_released() -> None:
    pools = reserved(entry := an_entry())
    pools.accounts.create(an_account(intents={entry.intent_id: replace(entry, state=IntentState.UNKNOWN)}))
    for _ in range(5):
        pools.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
        assert (pools.sweep(), pools.used) == (0, HELD)


def test_what_is_held_is_confirmed_and_released_when_it_is_gone_though_no_event_came() -> None:
    pools = reserved(entry := an_entry())
    account = pools.accounts.create(an_account(positions={"key": a_position(entry_intent_id=entry.intent_id)}))
    pools.clock.advance(ABANDONED_AFTER.total_seconds())
    assert pools.sweep() == 0
    held = pools.reservation(entry)
    assert held is not None
    assert (held.state, pools.used) == (ReservationState.CONFIRMED, HELD)
    pools.accounts.save(replace(account, positions={}))
    assert pools.sweep() == 0, "not before its next look"
    pools.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
    assert (pools.sweep(), pools.used) == (1, ORDER_ONLY)


def test_one_reservation_that_changes_meanwhile_does_not_keep_the_others_from_being_swept() -> None:
    pools = reserved(an_entry(1), an_entry(2))
    pools.clock.advance(ABANDONED_AFTER.total_seconds())
    due = pools.store.due_reservations
    stale = [replace(each, version=9 if index == 0 else each.version) for index, each in enumerate(due(pools.clock.now(), 9))]
    pools.store.due_reservations = lambda before, limit: stale  # type: ignore[method-assign]
    assert pools.sweep() == 1
