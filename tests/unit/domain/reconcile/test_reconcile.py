"""Every row of the table that says what to do with an intent whose outcome is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.reconcile.reconcile import (
    LOOKUPS_NEEDED,
    Step,
    is_absent,
    may_look_up,
    may_send,
    next_step,
    settles_at,
    waits_for,
)
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.ids import digest
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import ETH, NOW, SUBSCRIPTION, a_position, an_account, an_intent

MOMENT = timedelta(microseconds=1)
UNSETTLED = (IntentState.PENDING, IntentState.SUBMITTING, IntentState.UNKNOWN)


def account_of(*intents: Intent, position: Position | None = None, **changes: Any) -> Account:
    held = {position.key: position} if position else {}
    return an_account(intents={i.intent_id: i for i in intents}, positions=held, **changes)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One intent in one situation. `held`: its position is there; `fresh`: not expired; `first`: the leg before it is open."""

    kind: LegKind
    state: IntentState
    settled: bool
    lookups: int
    fresh: bool
    held: bool
    first: bool
    account: AccountStatus
    subscription: SubscriptionStatus

    def expected(self) -> Step:
        """The rule, in other words than the code's."""
        proven = self.state is IntentState.PENDING or (self.settled and self.lookups >= 2)
        if not proven:
            return Step.WAIT
        if self.account is not AccountStatus.ACTIVE:
            return Step.EXPIRE
        if self.first:
            return Step.WAIT
        if self.kind is LegKind.ENTRY:
            return Step.SEND if self.fresh and self.subscription is SubscriptionStatus.ACTIVE else Step.EXPIRE
        return Step.SEND if self.held else Step.EXPIRE


ROWS = [
    Row(
        kind=kind,
        state=state,
        settled=settled,
        lookups=lookups,
        fresh=fresh,
        held=held,
        first=first,
        account=account,
        subscription=subscription,
    )
    for kind, state, settled, lookups, fresh, held, first, account, subscription in product(
        LegKind,
        UNSETTLED,
        (False, True),
        (0, 1, 2),
        (True, False),
        (True, False),
        (True, False),
        AccountStatus,
        SubscriptionStatus,
    )
]


def decide(row: Row) -> Step:
    """The product's step for a row."""
    submitted = NOW - BINANCE_USDM.settle_window - (timedelta() if row.settled else -MOMENT)
    expires = NOW if row.fresh else NOW - MOMENT
    intent = an_intent(
        row.kind,
        state=row.state,
        submitted_at=submitted,
        lookups=row.lookups,
        expires_at=expires if row.kind is LegKind.ENTRY else None,
    )
    first_kind = LegKind.EXIT if row.kind is LegKind.ENTRY else LegKind.ENTRY
    first = an_intent(first_kind, state=IntentState.UNKNOWN)
    account = account_of(
        *([first] if row.first else []),
        intent,
        position=a_position() if row.held else None,
        status=row.account,
        subscriptions={SUBSCRIPTION: row.subscription},
    )
    return next_step(account, intent, NOW)


@pytest.mark.parametrize("kind", LegKind)
@pytest.mark.parametrize("state", UNSETTLED)
def test_every_row_of_the_table(kind: LegKind, state: IntentState) -> None:
    rows = [row for row in ROWS if (row.kind, row.state) == (kind, state)]
    assert len(rows) == 2 * 3 * 2 * 2 * 2 * len(AccountStatus) * 3
    wrong = [(row, decide(row)) for row in rows if decide(row) is not row.expected()]
    assert wrong == []


def test_every_step_is_reached_for_every_kind_of_leg() -> None:
    assert {(row.kind, row.expected()) for row in ROWS} == set(product(LegKind, Step))


def test_an_order_is_not_sent_again_before_any_request_for_it_could_still_arrive() -> None:
    latest_arrival = BINANCE_USDM.send_window + BINANCE_USDM.receive_window + BINANCE_USDM.processing_timeout
    assert settles_at(an_intent(), BINANCE_USDM) - NOW > latest_arrival
    assert LOOKUPS_NEEDED >= 2


def test_a_look_up_before_the_settle_window_ends_proves_nothing() -> None:
    looked = an_intent(state=IntentState.UNKNOWN, lookups=5)
    assert not is_absent(looked, NOW + BINANCE_USDM.settle_window - MOMENT, BINANCE_USDM)
    assert is_absent(looked, NOW + BINANCE_USDM.settle_window, BINANCE_USDM)


def test_two_look_ups_are_apart() -> None:
    looked = an_intent(last_lookup_at=NOW)
    assert not may_look_up(looked, NOW + BINANCE_USDM.lookup_spacing - MOMENT, BINANCE_USDM)
    assert may_look_up(looked, NOW + BINANCE_USDM.lookup_spacing, BINANCE_USDM)
    assert may_look_up(an_intent(), NOW, BINANCE_USDM)


def test_a_leg_is_sent_only_shortly_after_its_mark_and_only_while_it_is_fresh() -> None:
    assert may_send(an_intent(), NOW + BINANCE_USDM.send_window, BINANCE_USDM)
    assert not may_send(an_intent(), NOW + BINANCE_USDM.send_window + MOMENT, BINANCE_USDM)
    assert not may_send(an_intent(expires_at=NOW), NOW + MOMENT, BINANCE_USDM)
    assert not may_send(an_intent(submitted_at=None), NOW, BINANCE_USDM)


def test_a_leg_that_was_refused_for_now_is_not_tried_again_at_once_however_many_ask() -> None:
    pending = an_intent(LegKind.EXIT, state=IntentState.PENDING)
    account = account_of(pending, position=a_position())
    assert next_step(account, pending, NOW + BINANCE_USDM.lookup_spacing - MOMENT) is Step.WAIT
    assert next_step(account, pending, NOW + BINANCE_USDM.lookup_spacing) is Step.SEND


def test_a_pending_entry_goes_with_its_pending_exit_which_goes_first() -> None:
    entry = an_intent(state=IntentState.PENDING)
    pending_exit = an_intent(LegKind.EXIT, state=IntentState.PENDING)
    account = account_of(pending_exit, entry, position=a_position())
    later = NOW + BINANCE_USDM.lookup_spacing
    assert [next_step(account, i, later) for i in account.unresolved()] == [Step.SEND, Step.SEND]
    assert waits_for(account, entry) == pending_exit


def test_a_stop_of_an_earlier_entry_is_not_placed_for_a_later_position() -> None:
    stop = an_intent(LegKind.STOP_LOSS, state=IntentState.PENDING, bracket_of=digest("an earlier entry"))
    assert next_step(account_of(stop, position=a_position()), stop, NOW + BINANCE_USDM.lookup_spacing) is Step.EXPIRE


def test_an_exit_of_another_market_is_not_waited_for() -> None:
    entry, elsewhere = an_intent(state=IntentState.PENDING), an_intent(LegKind.EXIT, market=ETH)
    assert waits_for(account_of(entry, elsewhere), entry) is None


def test_every_venue_has_its_own_window_and_nothing_is_called_absent_before_it() -> None:
    looked = an_intent(state=IntentState.UNKNOWN, lookups=LOOKUPS_NEEDED)
    for venue, absent in (("paper", True), ("a venue that nobody knows", False)):
        account = account_of(looked, venue=venue)
        step = next_step(account, looked, NOW + BINANCE_USDM.settle_window)
        assert (step is Step.SEND) is absent
