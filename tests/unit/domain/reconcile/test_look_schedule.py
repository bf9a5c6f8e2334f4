"""The time of an account's next look: urgent looks now, open orders every minute, the rest every five, spread over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.reconcile.look_schedule import (
    FULL_LOOK_INTERVAL,
    OPEN_ORDER_INTERVAL,
    due_in_turn,
    due_soon,
    expires_before_next_look,
    next_answer,
    next_due,
    next_full_look,
    next_look,
    next_vetting,
    slot_after,
)
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import NOW, SUBSCRIPTION, a_position, after, an_account, an_intent


def account_of(*intents: Intent, position: Position | None = None, **changes: Any) -> Account:
    held = {position.key: position} if position else {}
    return an_account(intents={i.intent_id: i for i in intents}, positions=held, **changes)


STOP = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
PROTECTED = a_position(stop_price=Decimal(90))
WAITING = an_intent(LegKind.STOP_LOSS, state=IntentState.PENDING)
RESTING = an_intent(state=IntentState.OPEN, order_type=OrderType.LIMIT, price=Decimal(99))


@pytest.mark.parametrize(
    ("account", "seconds"),
    [
        (account_of(), None),
        (account_of(an_intent(state=IntentState.UNKNOWN)), 25),
        (account_of(an_intent(state=IntentState.SUBMITTING, submitted_at=NOW - BINANCE_USDM.settle_window)), 3),
        (account_of(an_intent(state=IntentState.OPEN)), 3),
        (account_of(an_intent(LegKind.EXIT, state=IntentState.PENDING), position=a_position()), 3),
        (account_of(an_intent(LegKind.EXIT, state=IntentState.PENDING, submitted_at=NOW - BINANCE_USDM.settle_window)), 0),
        (account_of(WAITING, an_intent(state=IntentState.UNKNOWN)), 25),
        (account_of(STOP, position=PROTECTED), None),
        (account_of(RESTING), None),  # as often as every open order, which is once a minute
        (account_of(replace(RESTING, expires_at=after(600))), 600),
        (account_of(replace(RESTING, expires_at=after(-1))), 3),
        (account_of(an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, lookups=1), position=PROTECTED), 3),
    ],
)
def test_when_the_next_look_can_settle_an_order(account: Account, seconds: float | None) -> None:
    assert next_answer(account, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_an_orphan_and_a_naked_position_are_looked_at_now() -> None:
    assert next_look(account_of(STOP), NOW) == NOW
    assert next_look(account_of(position=PROTECTED), NOW) == NOW
    assert next_look(account_of(position=a_position()), NOW) is None


@pytest.mark.parametrize("reconciled_at", [None, NOW - timedelta(seconds=20)])
@pytest.mark.parametrize("now", [NOW, NOW + timedelta(seconds=59), NOW + timedelta(hours=1)])
def test_a_busy_account_is_due_as_early_as_a_quiet_one(reconciled_at: datetime | None, now: datetime) -> None:
    account = account_of(STOP, position=PROTECTED, reconciled_at=reconciled_at)
    assert next_due(account, now) == (reconciled_at or NOW) + OPEN_ORDER_INTERVAL


@pytest.mark.parametrize(("expires_in", "due_in"), [(3_600, 60), (60, 60), (20, 20), (-1, -1)])
def test_an_order_that_rests_is_looked_at_every_minute_for_it_may_fill_and_when_it_expires(expires_in: int, due_in: int) -> None:
    account = account_of(replace(RESTING, expires_at=after(expires_in)), reconciled_at=NOW)
    assert due_soon(account, NOW) == after(due_in)


@pytest.mark.parametrize(("expires_in", "expected"), [(61, None), (60, after(60)), (0, NOW), (-1, None)])
def test_what_expires_before_the_next_look_is_told(expires_in: int, expected: datetime | None) -> None:
    later = replace(RESTING, intent_id="later", expires_at=after(3_600))
    account = account_of(replace(RESTING, expires_at=after(expires_in)), STOP, later)
    assert expires_before_next_look(account, NOW) == expected


def test_an_order_does_not_move_the_turn_of_its_account() -> None:
    quiet = account_of(reconciled_at=NOW)
    sent = account_of(an_intent(state=IntentState.SUBMITTING, submitted_at=after(9)), reconciled_at=NOW)
    held = account_of(STOP, position=PROTECTED, reconciled_at=NOW)
    assert {due_in_turn(account) for account in (quiet, sent, held)} == {next_full_look(quiet)}
    assert [due_soon(account, after(9)) for account in (quiet, sent, held)] == [None, after(9 + 25), NOW + OPEN_ORDER_INTERVAL]


def test_an_account_that_nobody_trades_on_is_due_only_while_something_is_open() -> None:
    for subscriptions in ({SUBSCRIPTION: SubscriptionStatus.PAUSED}, {SUBSCRIPTION: SubscriptionStatus.CANCELLED}, {}):
        account = account_of(subscriptions=subscriptions)
        assert due_soon(account, NOW) is None
        assert due_in_turn(account) == next_vetting(account), "but for the day of its keys"


def test_an_account_that_was_never_looked_at_is_due_from_its_beginning() -> None:
    assert next_due(account_of(), after(100)) == NOW


def test_an_account_with_nothing_open_is_due_every_five_minutes_at_its_own_moment() -> None:
    looked_at, due = NOW, []
    for _ in range(4):
        at = next_due(account_of(reconciled_at=looked_at), looked_at)
        assert at is not None
        due.append(at)
        looked_at = at + timedelta(seconds=1.5)
    assert due[0] - NOW <= FULL_LOOK_INTERVAL
    assert {later - earlier for earlier, later in pairwise(due)} == {FULL_LOOK_INTERVAL}


def test_the_state_of_an_account_is_renewed_well_before_it_counts_as_stale() -> None:
    stale = timedelta(minutes=10)
    latest = max(next_full_look(an_account(f"account-{n}", reconciled_at=NOW)) for n in range(500)) - NOW
    assert latest + OPEN_ORDER_INTERVAL < stale


def test_thousands_of_accounts_looked_at_together_are_spread_over_time_at_the_next_look() -> None:
    due = Counter(next_full_look(an_account(f"account-{n}", reconciled_at=NOW)) for n in range(6_000))
    assert len(due) == FULL_LOOK_INTERVAL.total_seconds()
    assert max(due.values()) < 60  # 20 a second on average


@pytest.mark.parametrize("seconds", [0, 1, 59.5, 61, 1e6])
def test_a_turn_comes_within_one_interval_and_always_later(seconds: float) -> None:
    instant = after(seconds)
    turn = slot_after("account-1", instant, OPEN_ORDER_INTERVAL)
    assert timedelta() < turn - instant <= OPEN_ORDER_INTERVAL
    assert slot_after("account-1", turn, OPEN_ORDER_INTERVAL) == turn + OPEN_ORDER_INTERVAL


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"status": AccountStatus.DISABLED, "disabled_reason": DISABLED_BY_OWNER}, True),
        ({"status": AccountStatus.DISABLED, "disabled_reason": "AUTHENTICATION_FAILED"}, True),
        ({"status": AccountStatus.DISABLED, "disabled_reason": DISABLED_BY_OWNER, "credential_version": None}, False),
        ({"status": AccountStatus.NO_CREDENTIALS, "credential_version": None}, False),
    ],
)
def test_a_disabled_account_with_keys_is_followed_while_something_is_open(changes: dict[str, Any], due: bool) -> None:
    account = account_of(an_intent(state=IntentState.UNKNOWN), **changes)
    assert (next_due(account, NOW) is not None) is due
