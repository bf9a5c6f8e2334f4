"""An account whose entries are suspended protects and closes its positions, and opens none."""

from __future__ import annotations

from datetime import timedelta

from candlecast.domain.account.suspension import suspend
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from tests.support.money_path import MoneyPath, bracket

CAUSE = Reason.VENUE_REDUCE_ONLY
HOUR = timedelta(hours=1)


def suspended(path: MoneyPath) -> None:
    account, now = path.account, path.clock.now()
    path.accounts.save(suspend(account, CAUSE, now, now + HOUR))


def test_what_is_held_keeps_its_stop_and_is_closed_by_its_exit() -> None:
    path = MoneyPath()
    path.enter()
    suspended(path)
    assert len(path.reconcile(61).intents) == 2
    path.leave()
    assert path.is_flat
    assert path.execute(bracket(issued_at=path.clock.now())).positions == {}
    assert [order.reason for order in path.told(LegKind.ENTRY)] == [None, CAUSE]


def test_an_entry_that_waits_for_the_venue_is_denied_once_entries_are_suspended() -> None:
    path = MoneyPath()
    path.exchange.fail("create_order", RetryLater("VENUE_OVERLOADED", after_seconds=5))
    path.enter()
    assert path.states(LegKind.ENTRY) == [IntentState.PENDING]
    suspended(path)
    path.reconcile(31)
    assert [(order.state, order.reason) for order in path.told(LegKind.ENTRY)] == [(IntentState.DENIED, CAUSE)]
    assert path.is_flat


def test_a_look_ends_a_suspension_whose_time_is_over() -> None:
    path = MoneyPath()
    suspended(path)
    assert path.reconcile(3_599).suspensions
    assert path.reconcile(301).suspensions == ()
    codes = [each.event.code for each in path.database.stream]
    assert codes == ["ENTRIES_SUSPENDED", "ENTRIES_RESUMED"]
