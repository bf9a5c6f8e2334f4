"""Entries of an account are suspended for causes: each begins and ends by itself, and stops and exits go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import EventType
from candlecast.domain.account.suspension import (
    MAX_SUSPENSIONS,
    Suspension,
    resume,
    resume_ended,
    suspend,
    suspended_by,
)
from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from tests.support.builders import NOW, a_market, a_position, a_signal, a_trade_order, after, an_account

D = Decimal
CAUSES = (Reason.VENUE_REDUCE_ONLY, Reason.VENUE_FORBIDS_ORDERS, Reason.VENUE_RESTRICTS_PERSON)


def plan(account: Account, signal: Signal, seconds: float = 1) -> Plan:
    return plan_orders(account, a_trade_order(signal), a_market(), after(seconds))


def told(account: Account) -> list[tuple[str | None, Reason | None]]:
    return [(e.code, e.cause) for e in account.outbox if e.type is EventType.ACCOUNT_CHANGED]


@pytest.mark.parametrize("cause", CAUSES)
def test_an_entry_of_a_suspended_account_is_denied_with_the_cause(cause: Reason) -> None:
    result = plan(suspend(an_account(), cause, NOW), a_signal(stop_loss=D(90)))
    assert (result.legs, [(i.kind, i.state, i.reason) for i in result.decided]) == (
        (),
        [(LegKind.ENTRY, IntentState.DENIED, cause)],
    )


def test_a_suspended_account_still_closes_and_does_not_turn_round() -> None:
    position = a_position(signal_id=digest("earlier"), signal_issued_at=after(-60))
    held = suspend(an_account(positions={position.key: position}), Reason.VENUE_REDUCE_ONLY, NOW)
    assert [leg.kind for leg in plan(held, a_signal(Action.EXIT)).legs] == [LegKind.EXIT]
    turned = plan(held, a_signal(Action.SHORT))
    assert [leg.kind for leg in turned.legs] == [LegKind.EXIT]
    assert [(i.kind, i.reason) for i in turned.decided] == [(LegKind.ENTRY, Reason.VENUE_REDUCE_ONLY)]


def test_a_suspension_ends_at_its_time_by_itself() -> None:
    account = suspend(an_account(), Reason.VENUE_REDUCE_ONLY, NOW, after(60))
    assert suspended_by(account, after(59.9)) is Reason.VENUE_REDUCE_ONLY
    assert suspended_by(account, after(60)) is None
    assert [leg.kind for leg in plan(account, a_signal(issued_at=after(60)), 61).legs] == [LegKind.ENTRY]
    assert resume_ended(account, after(59)) is account
    ended = resume_ended(account, after(60))
    assert (ended.suspensions, told(ended)[-1]) == ((), ("ENTRIES_RESUMED", Reason.VENUE_REDUCE_ONLY))


def test_a_suspension_without_an_end_is_ended_by_hand_and_alone() -> None:
    account = suspend(suspend(an_account(), CAUSES[0], NOW), CAUSES[1], after(1))
    assert suspended_by(account, after(10**6)) is CAUSES[0]
    left = resume(account, CAUSES[0], after(2))
    assert (suspended_by(left, after(3)), [each.cause for each in left.suspensions]) == (CAUSES[1], [CAUSES[1]])
    assert resume(left, CAUSES[0], after(3)) is left


def test_a_cause_is_told_once_and_its_end_only_moves_away() -> None:
    account = suspend(an_account(), CAUSES[0], NOW, after(60))
    again = suspend(account, CAUSES[0], after(30), after(90))
    assert again.suspensions == (Suspension(cause=CAUSES[0], since=NOW, until=after(90)),)
    assert suspend(again, CAUSES[0], after(31), after(60)) is again
    for_good = suspend(again, CAUSES[0], after(32))
    assert for_good.suspensions[0].until is None
    assert suspend(for_good, CAUSES[0], after(33), after(99)) is for_good
    assert told(for_good) == [("ENTRIES_SUSPENDED", CAUSES[0])]


def test_a_cause_that_comes_back_after_its_end_is_told_again() -> None:
    account = suspend(suspend(an_account(), CAUSES[0], NOW, after(60)), CAUSES[0], after(61), after(121))
    assert account.suspensions == (Suspension(cause=CAUSES[0], since=after(61), until=after(121)),)
    assert told(account) == [("ENTRIES_SUSPENDED", CAUSES[0])] * 2


def test_an_account_remembers_a_bounded_number_of_causes() -> None:
    account = an_account()
    for cause in list(Reason)[:MAX_SUSPENSIONS]:
        account = suspend(account, cause, NOW)
    with pytest.raises(InvalidValue) as refused:
        suspend(account, list(Reason)[MAX_SUSPENSIONS], NOW)
    assert refused.value.code == "TOO_MANY_SUSPENSIONS"


def test_a_suspension_refuses_times_that_are_none() -> None:
    good = Suspension(cause=CAUSES[0], since=NOW)
    with pytest.raises(InvalidValue):
        replace(good, since=NOW.replace(tzinfo=None))
    with pytest.raises(InvalidValue):
        replace(good, until=NOW - timedelta(seconds=1))
