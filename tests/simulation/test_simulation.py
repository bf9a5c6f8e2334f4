"""A few seeds of the simulation at every run of the tests; `make sim SEEDS=n` runs more."""

from __future__ import annotations

import pytest

from tests.simulation.profile import Profile
from tests.simulation.run import Result, run

SEEDS = 60


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run(seed) for seed in range(SEEDS)]


def test_no_invariant_breaks_under_any_seed(results: list[Result]) -> None:
    broken = {result.seed: result.broken for result in results if result.broken}
    assert not broken, f"replay with: make sim SEEDS=1 FIRST_SEED={min(broken)}"


def test_the_seeds_reach_what_they_are_meant_to_shake(results: list[Result]) -> None:
    states = {state for result in results for state in result.states}
    reasons = {reason for result in results for reason in result.reasons}
    assert states >= {"FILLED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED", "SKIPPED", "OPEN"}
    assert reasons >= {"NEVER_PLACED", "SUBSCRIPTION_PAUSED", "ACCOUNT_DISABLED", "SIGNAL_SUPERSEDED", "POSITION_CLOSED"}
    assert sum(result.faults["crash"] for result in results) > 10 * SEEDS
    assert sum(result.trades for result in results) > SEEDS
    assert sum(result.orders_sent - result.venue_orders for result in results) > SEEDS


def test_the_same_seed_gives_the_same_run() -> None:
    assert run(7) == run(7)


def test_a_run_without_trouble_sends_every_order_once() -> None:
    result = run(3, Profile.calm(accounts=2, subscriptions_per_account=2, minutes=5))
    assert (result.broken, result.faults) == ([], {})
    assert result.orders_sent > 0
