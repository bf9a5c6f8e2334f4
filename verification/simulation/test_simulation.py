"""Some seeds before every commit, more in `make test`, a thousand in `make prove`; `make sim SEEDS=n` runs any."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from candlecast.domain.values.terms import OrderType, Side
from candlecast.domain.venue.reports import OrderRequest, VenueOrderStatus
from tests.support.builders import BTC
from verification.simulation.profile import Profile
from verification.simulation.run import Result, run
from verification.simulation.world import World

CHECKED = range(8)
TESTED = range(60)
FAULTS = {
    "answer_lost",
    "answer_to_change_unusable",
    "answer_to_question_unusable",
    "blank_open_orders",
    "blank_positions",
    "blank_trades_since",
    "crash",
    "delisted",
    "delisting_unheard",
    "exit_refused",
    "fifo_message_repeated",
    "market_failed",
    "message_repeated",
    "order_late",
    "order_lost",
    "order_rate_limited",
    "order_refused",
    "overtaken",
    "partial_fill",
    "queue_refused",
    "read_lags",
    "resting_part",
    "rights_changed",
    "schedule_repeated",
    "settled_by_venue",
    "sender_lied",
    "slow_fill",
    "store_answer_lost",
    "store_throttled",
    "stop_refused",
    "stream_repeated",
    "deployment_paused",
    "pause_cut_off",
    "switch_cut_off",
    "switch_flatten",
    "switch_halt_all",
    "switch_pause_entries",
    "switch_reduce_only",
    "traded_by_hand",
    "venue_429",
    "venue_ban",
    "venue_overloaded",
    "venue_silence",
    "venue_silent",
    "venue_unreachable",
}


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run(seed) for seed in TESTED]


def assert_nothing_broke(results: list[Result]) -> None:
    broken = {result.seed: result.broken for result in results if result.broken}
    assert not broken, f"replay with: make sim SEEDS=1 FIRST_SEED={min(broken)}"


def test_no_invariant_breaks_under_a_few_seeds() -> None:
    assert_nothing_broke([run(seed) for seed in CHECKED])


@pytest.mark.slow
def test_no_invariant_breaks_under_any_seed(results: list[Result]) -> None:
    assert_nothing_broke(results)


@pytest.mark.slow
def test_the_seeds_reach_what_they_are_meant_to_shake(results: list[Result]) -> None:
    states = {state for result in results for state in result.states}
    reasons = {reason for result in results for reason in result.reasons}
    assert states >= {"FILLED", "CANCELLED", "REJECTED", "DENIED", "EXPIRED", "SKIPPED", "OPEN"}
    assert reasons >= {
        "NEVER_PLACED",
        "SUBSCRIPTION_PAUSED",
        "ACCOUNT_DISABLED",
        "SIGNAL_SUPERSEDED",
        "POSITION_CLOSED",
        "KILL_SWITCH",
        "ENTRY_RESTS",
        "ENTRY_NOT_FILLED",
        "OUTCOME_UNKNOWN",
    }
    faults = sum((result.faults for result in results), Counter[str]())
    assert set(faults) >= FAULTS
    assert faults["crash"] > 10 * len(TESTED)
    assert sum(result.quarantined for result in results) > len(TESTED)
    assert sum(result.exits_under_switches for result in results) > 0
    assert sum(result.trades for result in results) > len(TESTED)
    assert sum(result.orders_sent - result.venue_orders for result in results) > len(TESTED)


def test_the_same_seed_gives_the_same_run() -> None:
    assert run(7) == run(7)


def test_a_run_without_trouble_sends_every_order_once() -> None:
    result = run(3, Profile.calm(accounts=2, subscriptions_per_account=2, minutes=5))
    assert (result.broken, result.faults) == ([], {})
    assert result.orders_sent > 0


def test_the_venue_takes_a_client_id_again_once_its_order_is_filled() -> None:
    world = World(Random(0), Profile.calm())
    order = OrderRequest(
        client_order_id="same", market=BTC, side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(1), reduce_only=False
    )
    assert [world.exchange.place("key", order).status for _ in range(2)] == [VenueOrderStatus.FILLED] * 2
