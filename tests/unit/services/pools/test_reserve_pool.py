"""Reserving in a pool: the taken amounts, their slots, and a pool without room."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.limits.limits import Authority, EffectiveLimits
from candlecast.domain.limits.pool_bounds import Amounts, PoolBounds
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.pools.pool import SLOTS
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from tests.support.builders import after, an_account, an_intent
from tests.support.pooled import ORGANISATION, Pools, an_entry, pool_limits


def test_an_order_without_a_pool_asks_nothing() -> None:
    pools = Pools()
    plan = pools.plan(an_entry(), pool=None)
    assert (pools.store.requests, plan.legs[0].pool_id) == ([], None)


def test_an_exit_never_asks_a_pool() -> None:
    pools = Pools(max_open_positions=0)
    exits = pools.plan(an_intent(LegKind.EXIT))
    assert ([leg.kind for leg in exits.legs], pools.store.requests) == ([LegKind.EXIT], [])


def test_an_order_costs_one_request_while_its_slot_has_room() -> None:
    pools = Pools(max_gross_notional=160_000, max_open_positions=160)
    pools.enter(an_entry(1))
    pools.store.requests.clear()
    assert pools.enter(an_entry(2)) is None
    assert pools.store.requests == ["change"]
    assert pools.used == Amounts(Decimal(2_000), Decimal(2), Decimal(2))


def test_the_entry_is_marked_with_its_pool_and_nothing_else_is() -> None:
    plan = Pools(max_open_positions=5).plan(an_entry(), an_intent(LegKind.EXIT))
    assert {leg.kind: leg.pool_id for leg in plan.legs} == {LegKind.EXIT: None, LegKind.ENTRY: ORGANISATION}


def test_a_pool_is_used_to_its_last_unit_by_a_single_account() -> None:
    pools = Pools(max_gross_notional=10_000, max_open_positions=100)
    for number in range(10):
        assert pools.enter(an_entry(number)) is None
    assert pools.enter(an_entry(10)) == Denial(Reason.POOL_EXHAUSTED, Decimal(11_000), Decimal(10_000))
    assert pools.used.notional == 10_000
    assert sum(slot.free.notional for slot in pools.pool.slots) == 0


def test_one_order_may_be_as_large_as_the_whole_pool() -> None:
    pools = Pools(max_gross_notional=10_000)
    assert pools.enter(an_entry(notional=10_000)) is None
    assert pools.enter(an_entry(2, notional=1)) == Denial(Reason.POOL_EXHAUSTED, Decimal(10_001), Decimal(10_000))


@pytest.mark.parametrize("bound", [1, SLOTS - 1, SLOTS + 1, 3 * SLOTS])
@pytest.mark.parametrize("name", ["max_open_positions", "max_orders_per_day"])
def test_counts_are_used_to_the_last_one(bound: int, name: str) -> None:
    pools = Pools(**{name: bound})
    denials = [pools.enter(an_entry(number, account_id=f"account-{number % 5}")) for number in range(bound + 1)]
    assert denials == [*[None] * bound, Denial(Reason.POOL_EXHAUSTED, Decimal(bound + 1), Decimal(bound))]


def test_a_repeat_of_a_message_reserves_once() -> None:
    pools = Pools(max_gross_notional=1_000)
    assert [pools.enter(an_entry()) for _ in range(3)] == [None] * 3
    assert pools.used == Amounts(Decimal(1_000), Decimal(1), Decimal(1))


def test_a_repeat_that_comes_to_less_keeps_what_it_has() -> None:
    pools = Pools(max_gross_notional=2_000)
    pools.enter(an_entry(notional=1_000))
    assert pools.enter(an_entry(notional=900)) is None
    assert pools.used.notional == 1_000


def test_a_repeat_that_comes_to_more_reserves_anew() -> None:
    pools = Pools(max_gross_notional=2_000)
    pools.enter(an_entry(notional=1_000))
    assert pools.enter(an_entry(notional=1_500)) is None
    assert pools.used == Amounts(Decimal(1_500), Decimal(1), Decimal(1))
    assert pools.enter(an_entry(notional=2_500)) == Denial(Reason.POOL_EXHAUSTED, Decimal(2_500), Decimal(2_000))


def test_a_denied_entry_takes_its_stop_and_targets_with_it_and_leaves_the_exit() -> None:
    pools = Pools(max_open_positions=0)
    stop = an_intent(LegKind.STOP_LOSS)
    plan = pools.plan(an_entry(), an_intent(LegKind.EXIT), stop)
    assert [leg.kind for leg in plan.legs] == [LegKind.EXIT]
    (denied,) = plan.decided
    assert (denied.state, denied.reason, denied.pool_id) == (IntentState.DENIED, Reason.POOL_EXHAUSTED, ORGANISATION)
    assert (denied.submitted_at, denied.expires_at, plan.comes_again) == (None, None, False)


def test_while_the_pool_cannot_be_asked_a_fresh_entry_comes_again() -> None:
    pools = Pools(max_open_positions=5)
    pools.store.unavailable = True
    with pytest.raises(RetryLater):
        pools.plan(an_entry())
    pools.store.unavailable = False
    assert pools.enter(an_entry()) is None


def test_while_the_pool_cannot_be_asked_the_exit_of_a_reversal_goes_at_once() -> None:
    pools = Pools(max_open_positions=5)
    pools.store.unavailable = True
    plan = pools.plan(an_entry(), an_intent(LegKind.EXIT))
    assert ([leg.kind for leg in plan.legs], plan.decided, plan.comes_again) == ([LegKind.EXIT], (), True)


def test_if_the_pool_cannot_be_asked_until_the_entry_is_stale_it_is_denied() -> None:
    pools = Pools(max_open_positions=5)
    pools.store.unavailable = True
    pools.clock.set(after(119.5))
    plan = pools.plan(an_entry())
    assert [each.denial for each in plan.decided] == [Denial(Reason.LIMITS_UNAVAILABLE)]


def test_in_an_emergency_the_pool_counts_with_the_limits_that_it_knows() -> None:
    pools = Pools(max_open_positions=1)
    assert pools.enter(an_entry(1)) is None
    emergency = EffectiveLimits(authority=Authority.EMERGENCY)
    member = an_account(organisation_id=ORGANISATION)
    plan = pools.plan(an_entry(2), account=member, pool=None, limits=emergency)
    assert [each.denial for each in plan.decided] == [Denial(Reason.POOL_EXHAUSTED, Decimal(2), Decimal(1))]


def test_in_an_emergency_an_organisation_without_a_pool_has_none() -> None:
    pools = Pools()
    emergency = EffectiveLimits(authority=Authority.EMERGENCY)
    member = an_account(organisation_id=ORGANISATION)
    assert pools.plan(an_entry(), account=member, pool=None, limits=emergency).legs
    assert pools.store.slots == {}


def test_a_new_day_begins_with_no_orders_and_what_is_held() -> None:
    pools = Pools(max_orders_per_day=2, max_open_positions=3)
    assert [pools.enter(an_entry(number)) for number in (1, 2)] == [None, None]
    assert pools.enter(an_entry(3)) == Denial(Reason.POOL_EXHAUSTED, Decimal(3), Decimal(2))
    pools.clock.advance(24 * 3600)
    assert pools.enter(an_entry(4)) is None
    assert pools.used == Amounts(Decimal(3_000), Decimal(3), Decimal(1))
    assert pools.enter(an_entry(5)) == Denial(Reason.POOL_EXHAUSTED, Decimal(4), Decimal(3))


def test_a_clock_that_is_behind_at_midnight_counts_on_the_new_day() -> None:
    pools = Pools(max_orders_per_day=2)
    pools.clock.advance(24 * 3600)
    pools.enter(an_entry(1))
    pools.clock.advance(-24 * 3600)
    assert pools.enter(an_entry(2)) is None
    assert {slot.day for slot in pools.pool.slots} == {after(24 * 3600).date()}
    assert pools.enter(an_entry(3)) == Denial(Reason.POOL_EXHAUSTED, Decimal(3), Decimal(2))


# -- changed limits --------------------------------------------------------------------------------------------------------


def test_a_raised_bound_counts_at_once() -> None:
    pools = Pools(max_gross_notional=1_000)
    pools.enter(an_entry(1))
    assert pools.enter(an_entry(2)) is not None
    pools.limits = pool_limits(version=2, max_gross_notional=3_000)
    assert [pools.enter(an_entry(number)) is None for number in (2, 3, 4)] == [True, True, False]


def test_below_a_lowered_bound_nothing_is_reserved_until_enough_was_released() -> None:
    pools = Pools(max_gross_notional=10_000)
    entries = [an_entry(number, account_id=f"account-{number}") for number in range(10)]
    assert [pools.enter(entry) for entry in entries] == [None] * 10
    pools.limits = pool_limits(version=2, max_gross_notional=6_000)
    for used, entry in zip((9_000, 8_000, 7_000, 6_000), entries, strict=False):
        pools.end(entry, IntentState.EXPIRED)
        assert pools.used.notional == used
        for number in range(5):
            other = an_entry(50, account_id=f"account-{number}")
            assert pools.enter(other) == Denial(Reason.POOL_EXHAUSTED, Decimal(used + 1_000), Decimal(6_000))
    pools.end(entries[4], IntentState.EXPIRED)
    assert pools.enter(an_entry(50)) is None
    assert pools.enter(an_entry(51, notional=1)) is not None


def test_of_two_versions_the_newer_counts_whichever_message_comes_first() -> None:
    pools = Pools(max_open_positions=5)
    newer = pool_limits(version=2, max_open_positions=1)
    assert pools.plan(an_entry(1), pool=newer).legs
    assert [each.denial for each in pools.plan(an_entry(2)).decided] == [Denial(Reason.POOL_EXHAUSTED, Decimal(2), Decimal(1))]
    assert {slot.limits for slot in pools.pool.slots} == {newer}


def test_a_bound_that_is_taken_away_does_not_count() -> None:
    pools = Pools(max_open_positions=1)
    pools.enter(an_entry(1))
    pools.limits = replace(pool_limits(version=2), bounds=PoolBounds(max_daily_loss=Decimal(5)))
    assert [pools.enter(an_entry(number)) for number in range(2, 40)] == [None] * 38


def test_bounds_are_checked() -> None:
    for wrong in ({"max_gross_notional": Decimal(-1)}, {"max_open_positions": -1}, {"max_orders_per_day": 10**7}):
        with pytest.raises(ValueError, match=r"between|from 0"):
            PoolBounds(**wrong)
    assert PoolBounds().is_empty
    assert not PoolBounds(max_open_positions=0).is_empty
