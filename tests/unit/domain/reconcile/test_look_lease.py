"""A request for a look is a lease: requests that it holds back, and looks that have become pointless."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState
from candlecast.domain.reconcile.look_lease import OPEN_ORDER_LEASE, TURN_LEASE, is_covered, is_pointless, lease_of
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, a_position, a_reconcile_request, an_account, an_intent

HELD = a_position()


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_request(**changes: Any) -> ReconcileRequest:
    return a_reconcile_request(**{"asked_at": NOW, "turn": NOW, **changes})


def covered(
    wanted: ReconcileRequest,
    held: ReconcileRequest,
    after: float = 0,
    *,
    delay: int = 0,
    held_delay: int = 0,
    renews: bool = False,
) -> bool:
    now = NOW + seconds(after)
    return is_covered(lease_of(wanted, now, delay), lease_of(held, NOW, held_delay), now, renews=renews)


def test_a_request_that_waits_covers_the_same_until_its_lease_ends() -> None:
    ends = TURN_LEASE.total_seconds()
    assert [covered(a_request(), a_request(), after) for after in (0, ends - 1, ends)] == [True, True, False]


def test_another_turn_is_not_covered() -> None:
    assert not covered(a_request(turn=NOW + seconds(300)), a_request())


def test_nobody_has_asked_before_the_first() -> None:
    assert not is_covered(lease_of(a_request(), NOW, 0), None, NOW)


@pytest.mark.parametrize("turn", [NOW, None])
def test_a_look_that_an_order_awaits_is_not_held_back_by_a_routine_request(turn: datetime | None) -> None:
    routine = a_request(turn=turn)
    assert not covered(replace(routine, awaited=True), routine, 1)
    assert covered(routine, replace(routine, awaited=True), 1)


def test_a_look_is_not_held_back_by_one_that_comes_later() -> None:
    in_time = a_request(turn=None, awaited=True)
    assert not covered(in_time, in_time, held_delay=900)
    assert covered(in_time, in_time, delay=25, held_delay=26), "the same moment, rounded otherwise"


def test_the_next_look_at_open_orders_is_not_held_back_by_the_last() -> None:
    orders = a_request(turn=None)
    assert covered(orders, orders, 30)
    assert not covered(orders, orders, OPEN_ORDER_LEASE.total_seconds())


def test_the_reconciler_is_not_held_back_by_the_request_that_it_serves() -> None:
    look = a_request(awaited=True)
    assert covered(look, look, 1)
    assert not covered(look, look, 1, renews=True)
    assert covered(look, look, 1, delay=60, held_delay=30, renews=True), "another is to come"


# -- pointless looks -------------------------------------------------------------------------------------------------------------


def test_a_look_is_pointless_once_the_account_was_compared_after_it_was_asked_for() -> None:
    account = an_account(reconciled_at=NOW + seconds(5))
    assert is_pointless(account, a_request(full=True), NOW + seconds(6))
    assert not is_pointless(account, a_request(asked_at=NOW + seconds(5.5)), NOW + seconds(6)), "asked for later"
    assert not is_pointless(account, a_request(asked_at=None), NOW + seconds(6)), "a message of older code"
    assert not is_pointless(account, a_request(), next_full_look(account)), "its next turn has come"


def test_the_turn_that_was_asked_for_must_have_passed() -> None:
    account = an_account(reconciled_at=NOW + seconds(5))
    assert not is_pointless(account, a_request(turn=next_full_look(account)), NOW + seconds(6))


def test_a_held_position_is_looked_at_again_after_a_minute() -> None:
    account = an_account(reconciled_at=NOW + seconds(5), positions={HELD.key: replace(HELD, stop_price=None)})
    assert is_pointless(account, a_request(turn=None), NOW + seconds(64))
    assert not is_pointless(account, a_request(turn=None), NOW + seconds(65))


def test_a_look_at_an_unsettled_order_is_never_pointless() -> None:
    unknown = an_intent(state=IntentState.UNKNOWN)
    account = an_account(reconciled_at=NOW + seconds(5), intents={unknown.intent_id: unknown})
    assert not is_pointless(account, a_request(), NOW + seconds(6))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidValue):
        a_request(asked_at=NOW.replace(tzinfo=None))
