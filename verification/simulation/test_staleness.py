"""Stale accounts clear in the minutes that their weight needs, and waiting orders come first."""

from __future__ import annotations

import pytest

from candlecast.domain.decide.plan import LOOK_WAIT_SECONDS
from candlecast.domain.reconcile.look_window import FIRST_WINDOW
from verification.simulation.staleness import Cleared, clear

OVERHEAD = 1.1  # accounts whose next turn comes while the last ones wait for their first look
MOST_RECEIVES = 2  # of an order: it finds a stale state, and a fresh one


def assert_cleared(cleared: Cleared, orders: int) -> None:
    assert not cleared.broken
    assert cleared.minutes <= cleared.needed_minutes + 1, "no minute's weight stays unused while an account waits"
    assert cleared.looks_too_many == 0
    assert cleared.accounts <= cleared.looks <= OVERHEAD * cleared.accounts
    assert cleared.requests <= OVERHEAD * cleared.accounts + cleared.most_waiting, "a request is a lease"
    assert cleared.most_waiting <= 2 * FIRST_WINDOW, "what waits is bounded by what is done"
    assert cleared.put_off <= 2 * cleared.accounts
    assert cleared.receives_of_orders <= MOST_RECEIVES * orders
    assert cleared.dead_orders == 0
    assert cleared.orders_waited_seconds <= 2 * LOOK_WAIT_SECONDS, "their looks came first"


def test_stale_accounts_clear_in_the_time_that_their_weight_needs() -> None:
    assert_cleared(clear(accounts=1_000, orders=30), orders=30)


@pytest.mark.prove
def test_five_thousand_accounts_that_grow_stale_at_once_clear_in_the_time_that_their_weight_needs() -> None:
    assert_cleared(clear(accounts=5_000, orders=100), orders=100)
