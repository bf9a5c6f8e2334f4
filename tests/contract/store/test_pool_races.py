"""Sixty-four workers against one organisation's limits, on the real store; some of them die between any two steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from threading import Barrier, Event, Thread
from time import sleep
from typing import Any

import pytest

from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.decide.plan import Plan
from candlecast.domain.decide.pooled_plan import entry_of
from candlecast.domain.limits.pool_bounds import NOTHING, Amounts
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.pools.pool import ABANDONED_AFTER, LOOK_AGAIN_AFTER, SLOTS
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.pools.reserve_pool import ReservePool
from candlecast.services.pools.sweep_pools import SweepPools
from tests.support.builders import a_position, a_signal, a_trade_order, an_account
from tests.support.pooled import ORGANISATION, Pools, an_entry, pool_limits

pytestmark = pytest.mark.e2e

WORKERS = 64
POSITIONS = 40
NOTIONAL = Decimal(40_000)
ORDERS = 4  # of each worker, one after another
TRIES = 10_000  # against everybody else; so many only if nobody is let through any more


class Died(Exception):
    """A worker is gone."""


class PooledOnDynamo(Pools):
    """The services on the real store; accounts, events and time are ours."""

    def __init__(self, table: Table, **bounds: Any) -> None:
        super().__init__(**bounds)
        self.pools = DynamoPoolStore(table, self.clock)
        self.reserve = ReservePool(self.pools, self.clock, self.metrics)
        self.release = ReleasePools(self.pools, self.gate, self.bus, self.clock, self.metrics)
        self.sweep = SweepPools(self.pools, self.accounts, self.clock, self.metrics)

    def decide(self, entry: Intent) -> Plan:
        """The plan, as its message finds it when it comes for the last time."""
        order = a_trade_order(a_signal(), pool=self.limits, account_id=entry.account_id)
        return until_taken(lambda: self.reserve(Plan(legs=(entry,)), order, an_account(entry.account_id)))


@dataclass
class Watcher:
    """Reads all slots in one snapshot, again and again, while others work."""

    table: Table
    seen: Counter[str] = field(default_factory=Counter)
    highest: Amounts = NOTHING
    over: list[Amounts] = field(default_factory=list)
    _done: Event = field(default_factory=Event)

    def __enter__(self) -> Watcher:
        self._thread = Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def look(self) -> Amounts:
        keys = [{"PK": {"S": f"POOL#{ORGANISATION}#{number:02d}"}, "SK": {"S": "STATE"}} for number in range(SLOTS)]
        asked = [{"Get": {"TableName": self.table.name, "Key": key}} for key in keys]
        answers = self.table.client.transact_get_items(TransactItems=asked)["Responses"]
        items = [answer["Item"] for answer in answers if "Item" in answer]
        names = ("used_notional", "used_positions", "used_orders")
        return Amounts(*(sum((Decimal(item[name]["N"]) for item in items), Decimal(0)) for name in names))

    def _watch(self) -> None:
        while not self._done.is_set():
            used = self.look()
            self.seen["reads"] += 1
            self.highest = self.highest if self.highest.notional > used.notional else used
            if used.notional > NOTIONAL or used.positions > POSITIONS:
                self.over.append(used)


def until_taken[T](attempt: Callable[[], T]) -> T:
    """As a queue or the stream brings it again and again."""
    for tried in range(TRIES):
        try:
            return attempt()
        except RetryLater:
            sleep(0.002 * (1 + tried % 10))
    raise AssertionError("nobody lets it through")


def all_at_once[T](task: Callable[[int], T]) -> list[T]:
    start = Barrier(WORKERS)

    def begin(number: int) -> T:
        start.wait()
        return task(number)

    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(begin, range(WORKERS)))


def test_workers_that_order_at_once_reach_the_limit_and_never_exceed_it(dynamodb_table: Table) -> None:
    pools = PooledOnDynamo(dynamodb_table, max_gross_notional=NOTIONAL, max_open_positions=POSITIONS)
    with Watcher(dynamodb_table) as watcher:
        plans = all_at_once(lambda number: pools.decide(an_entry(number, account_id=f"account-{number}")))
    taken = [plan for plan in plans if entry_of(plan) is not None]
    assert len(taken) == POSITIONS, "to the last one, and nobody was denied while there was room"
    assert {plan.decided[0].reason for plan in plans if plan not in taken} == {Reason.POOL_EXHAUSTED}
    assert (watcher.over, watcher.seen["reads"] > 0) == ([], True)
    assert watcher.look() == Amounts(NOTIONAL, Decimal(POSITIONS), Decimal(POSITIONS))


def test_workers_that_die_leave_nothing_behind(dynamodb_table: Table) -> None:
    pools = PooledOnDynamo(dynamodb_table, max_gross_notional=NOTIONAL, max_open_positions=POSITIONS)
    for number in range(WORKERS):
        pools.accounts.create(an_account(f"account-{number}"))
    lost: list[Callable[[], None]] = []  # events that were on their way when their worker died
    counted: Counter[str] = Counter()

    def work(number: int) -> None:
        random = Random(number)
        for order in range(ORDERS):
            entry = an_entry(number * ORDERS + order, random.randint(1, 30) * 100, f"account-{number}")
            with suppress(Died):
                live(pools, entry, random, lost, counted)

    with Watcher(dynamodb_table) as watcher:
        all_at_once(work)
    assert watcher.over == []
    assert min(counted[step] for step in ("died", "denied", "closed")) > 0
    assert watcher.highest.covers(Amounts(NOTIONAL * 3 / 4)), "the limit was what stopped them"
    for event in lost:
        for _ in range(2):
            until_taken(event)
    held = sum(len(account.positions) for account in pools.accounts.database.accounts.values())
    pools.clock.advance(ABANDONED_AFTER.total_seconds())
    while pools.sweep():
        pass
    assert watcher.look().positions == held, "what is held is all that is left"
    for account in list(pools.accounts.database.accounts.values()):
        pools.accounts.save(replace(account, positions={}))
    pools.clock.advance(LOOK_AGAIN_AFTER.total_seconds())
    while pools.sweep():
        pass
    assert replace(watcher.look(), orders=Decimal(0)) == Amounts()
    assert pools.decide(an_entry(9_999, int(NOTIONAL))).legs, "all of it can be used again"


def live(pools: PooledOnDynamo, entry: Intent, random: Random, lost: list[Callable[[], None]], counted: Counter[str]) -> None:
    """One order's life, which may end at each step."""

    def step(name: str) -> None:
        counted[name] += 1
        if random.random() < 0.1:
            counted["died"] += 1
            raise Died

    if entry_of(pools.decide(entry)) is None:
        counted["denied"] += 1
        return
    step("reserved")
    account = pools.accounts.load(entry.tenant_id, entry.account_id)
    filled = random.choice([entry.quantity, entry.quantity / 2, Decimal(0)])
    state = IntentState.FILLED if filled == entry.quantity else IntentState.CANCELLED
    positions = {entry.intent_id: a_position(entry_intent_id=entry.intent_id)} if filled else {}
    account = pools.accounts.save(replace(account, positions={**account.positions, **positions}))
    ended = lambda: pools.end(entry, state, str(filled))  # noqa: E731
    lost.append(ended)
    step("written")
    until_taken(ended)
    if filled and random.random() < 0.7:
        kept = {key: held for key, held in account.positions.items() if key != entry.intent_id}
        pools.accounts.save(replace(account, positions=kept))
        closed = lambda: pools.close(entry, "-1")  # noqa: E731
        lost.append(closed)
        step("closed")
        until_taken(closed)


def test_bounds_that_change_while_everybody_orders_are_never_exceeded_by_new_reservations(dynamodb_table: Table) -> None:
    pools = PooledOnDynamo(dynamodb_table, max_gross_notional=NOTIONAL, max_open_positions=POSITIONS)

    def work(number: int) -> None:
        if number == 0:
            pools.limits = pool_limits(2, max_gross_notional=NOTIONAL / 2, max_open_positions=POSITIONS)
        pools.decide(an_entry(number, account_id=f"account-{number}"))

    with Watcher(dynamodb_table) as watcher:
        all_at_once(work)
    used = watcher.look()
    assert watcher.over == []
    assert used.notional >= NOTIONAL / 2
    assert not pools.decide(an_entry(9_999, account_id="another")).legs
