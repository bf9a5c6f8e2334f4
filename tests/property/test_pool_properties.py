"""Pools under any order of events: use never exceeds its bound, nothing leaks, and free room can be used.

And why it is done so: who reads a sum, compares and writes overshoots under the very interleaving in which a pool does not.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from candlecast.domain.limits.pool_bounds import Amounts, PoolLimits
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.pools.pool import ABANDONED_AFTER, LOOK_AGAIN_AFTER, SLOTS, Pool, Slot
from candlecast.domain.values.reasons import Denial
from tests.support.builders import NOW, a_position, an_account
from tests.support.pooled import ORGANISATION, Pools, an_entry, pool_limits

pytestmark = pytest.mark.slow

DAY = 24 * 3600
ACCOUNTS = 6
BOUNDS = st.tuples(st.integers(0, 9_000), st.integers(0, 2 * SLOTS), st.integers(0, 3 * SLOTS))
NUMBERS = st.integers(1, 3_000)


@given(BOUNDS, BOUNDS, st.lists(st.tuples(NUMBERS, st.integers(0, SLOTS - 1)), max_size=8))
def test_dividing_anew_gives_away_neither_more_nor_less_than_the_bounds(
    old: tuple[int, int, int], new: tuple[int, int, int], uses: list[tuple[int, int]]
) -> None:
    pool = Pool().shared_out(limits_of(old, 1), NOW.date())
    slots = list(pool.slots)
    for notional, number in uses:
        taken = Amounts(Decimal(notional), Decimal(1), Decimal(1))
        slots[number] = replace(slots[number], used=slots[number].used + taken)
    divided = Pool(tuple(slots)).shared_out(limits_of(new, 2), NOW.date())
    assert divided.used == Pool(tuple(slots)).used
    for free, used, bound in zip(sum_of_free(divided).values(), divided.used.values(), map(Decimal, new), strict=True):
        assert free == (bound - used if used <= bound else -used)
    assert all(free >= 0 or used > 0 for slot in divided.slots for free, used in pairs(slot))


class PoolMachine(RuleBasedStateMachine):
    """Accounts of one organisation, whose workers die at any point; the real services on the fake store."""

    entries: Bundle[Intent] = Bundle("entries")
    held: Bundle[Intent] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0
        self.highest = Amounts()

    @initialize(bounds=BOUNDS)
    def begin(self, bounds: tuple[int, int, int]) -> None:
        self.pools = Pools()
        self.pools.limits = limits_of(bounds, 1)
        for number in range(ACCOUNTS):
            self.pools.accounts.create(an_account(f"account-{number}"))

    @rule(target=entries, notional=NUMBERS, account=st.integers(0, ACCOUNTS - 1), dies=st.booleans())
    def reserve(self, notional: int, account: int, dies: bool) -> Intent:
        """An entry is taken up to the bounds and no further; a worker may die before its account knows of it."""
        self.numbers += 1
        entry = an_entry(self.numbers, notional, f"account-{account}")
        before = self.pools.used
        denial = self.pools.enter(entry)
        after = self.pools.used
        bounds = self.pools.pool.slots[0].limits.bounds.bounds
        wanted = before + Amounts(entry.notional, Decimal(1), Decimal(1))
        assert (denial is None) == bounds.covers(wanted), "denied although there is room, or taken although there is none"
        assert after == (wanted if denial is None else before)
        if denial is None and not dies:
            self.write(entry)
        return entry

    @rule(entry=entries)
    def repeat(self, entry: Intent) -> None:
        """SQS redelivers the message before its account knows the entry."""
        if self.pools.reservation(entry) is not None:
            before = self.pools.used
            assert self.pools.enter(entry) is None
            assert self.pools.used == before

    @rule(target=held, entry=consumes(entries), part=st.integers(0, 10), state=st.sampled_from(IntentState))
    def end(self, entry: Intent, part: int, state: IntentState) -> Intent:
        """The entry ends, with some of it filled."""
        account = self.pools.accounts.load(entry.tenant_id, entry.account_id)
        if entry.intent_id not in account.intents or not state.is_terminal:
            return entry
        filled = entry.quantity * part / 10 if state in (IntentState.FILLED, IntentState.CANCELLED) else Decimal(0)
        intents = {key: intent for key, intent in account.intents.items() if key != entry.intent_id}
        positions = dict(account.positions)
        if filled:
            positions[entry.intent_id] = a_position(entry_intent_id=entry.intent_id)
        self.pools.accounts.save(replace(account, intents=intents, positions=positions))
        for _ in range(2):
            self.pools.end(entry, state, str(filled))
        return entry

    @rule(entry=consumes(held), pnl=st.integers(-100, 100), told=st.booleans())
    def close(self, entry: Intent, pnl: int, told: bool) -> None:
        """The position is closed; the event may be lost for long."""
        account = self.pools.accounts.load(entry.tenant_id, entry.account_id)
        positions = {key: held for key, held in account.positions.items() if key != entry.intent_id}
        if len(positions) == len(account.positions):
            return
        self.pools.accounts.save(replace(account, positions=positions))
        for _ in range(2 if told else 0):
            self.pools.close(entry, str(pnl))

    @rule(bounds=BOUNDS)
    def change_bounds(self, bounds: tuple[int, int, int]) -> None:
        """From the next order on."""
        self.pools.limits = limits_of(bounds, self.pools.limits.version + 1)

    @rule()
    @precondition(lambda self: self.numbers)
    def sweep(self) -> None:
        self.pools.clock.advance(600)
        self.pools.sweep()

    @invariant()
    def the_slots_explain_what_is_reserved(self) -> None:
        """Neither more nor less is used than the reservations say."""
        reservations = self.pools.store.reservations.values()
        used = self.pools.used
        assert used.notional == sum(each.amounts.notional for each in reservations)
        assert used.positions == sum(each.amounts.positions for each in reservations)

    @invariant()
    def nothing_is_free_beyond_the_bounds(self) -> None:
        pool = self.pools.pool
        if pool.slots:
            bounds = pool.slots[0].limits.bounds.bounds
            usable = (pool.used + sum((slot.free.above_zero() for slot in pool.slots), Amounts())).values()
            for bound, used, most in zip(bounds.values(), pool.used.values(), usable, strict=True):
                assert most <= max(bound, used)

    def teardown(self) -> None:
        """After any events: once all positions are closed, and the sweep has looked, nothing is used any more."""
        for number in range(ACCOUNTS):
            account = self.pools.accounts.load("tenant-1", f"account-{number}")
            self.pools.accounts.save(replace(account, intents={}, positions={}))
        self.pools.clock.advance((ABANDONED_AFTER + LOOK_AGAIN_AFTER).total_seconds())
        while self.pools.sweep():
            pass
        assert self.pools.store.reservations == {}
        assert self.pools.used == Amounts(orders=self.pools.used.orders)

    def write(self, entry: Intent) -> None:
        account = self.pools.accounts.load(entry.tenant_id, entry.account_id)
        self.pools.accounts.save(replace(account, intents={**account.intents, entry.intent_id: entry}))


PoolMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestPoolMachine = PoolMachine.TestCase


# -- why not simply read, compare and write --------------------------------------------------------------------------------


@dataclass
class Naive:
    """A counter, as one would write it at first."""

    bound: Decimal
    used: Decimal = Decimal(0)

    def reserve(self, amount: Decimal) -> Generator[None, None, bool]:
        """One worker, which another worker may overtake between its read and its write."""
        read = self.used
        yield
        if read + amount > self.bound:
            return False
        self.used = self.used + amount  # even an addition that is atomic does not help: the check is old
        return True


@dataclass
class Overtaking:
    """Lets a second worker reserve between any two requests of the first."""

    pools: Pools
    at: int
    second: Intent
    denials: list[Denial | None] = field(default_factory=list)

    def run(self, first: Intent) -> None:
        asked, store = self.pools.store._asked, self.pools.store
        count = iter(range(1_000))

        def interrupted(request: str) -> None:
            asked(request)
            if next(count) == self.at:
                store._asked = asked  # type: ignore[method-assign]
                self.denials.append(self.pools.enter(self.second))

        store._asked = interrupted  # type: ignore[method-assign]
        self.denials.append(self.pools.enter(first))
        store._asked = asked  # type: ignore[method-assign]


def test_reading_comparing_and_writing_overshoots_when_another_worker_comes_between() -> None:
    naive = Naive(Decimal(1_000))
    first, second = naive.reserve(Decimal(1_000)), naive.reserve(Decimal(1_000))
    next(first)
    next(second)
    for worker in (first, second):
        with pytest.raises(StopIteration) as done:
            next(worker)
        assert done.value.value is True
    assert naive.used == 2 * naive.bound


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("is_shared_out", [False, True])
def test_a_pool_does_not_overshoot_wherever_another_worker_comes_between(at: int, is_shared_out: bool) -> None:
    pools = Pools(max_gross_notional=1_000)
    if is_shared_out:
        pools.store.share_out(ORGANISATION, Pool().shared_out(pools.limits, NOW.date()))
    pools.store.requests.clear()
    overtaking = Overtaking(pools, at, an_entry(2, account_id="account-2"))
    overtaking.run(an_entry(1))
    if len(overtaking.denials) == 2:
        assert sorted(each is None for each in overtaking.denials) == [False, True], "one of them, and only one"
    assert pools.used.notional == 1_000


def limits_of(bounds: tuple[int, int, int], version: int) -> PoolLimits:
    notional, positions, orders = bounds
    return pool_limits(version, max_gross_notional=notional, max_open_positions=positions, max_orders_per_day=orders)


def sum_of_free(pool: Pool) -> Amounts:
    return sum((slot.free for slot in pool.slots), Amounts())


def pairs(slot: Slot) -> list[tuple[Decimal, Decimal]]:
    return list(zip(slot.free.values(), slot.used.values(), strict=True))
