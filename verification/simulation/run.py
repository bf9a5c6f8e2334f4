"""One seed, one run: trouble for some minutes, then quiet until nothing is due, then the invariants."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.reconcile.look_schedule import next_due
from candlecast.services.account.switch_account import SwitchAccount
from tests.support.builders import NOW
from verification.simulation.invariants import broken_invariants, held_up
from verification.simulation.people import OUTSIDE_SECONDS, People
from verification.simulation.profile import Profile
from verification.simulation.queues import FifoQueue, StandardQueue
from verification.simulation.world import RELAY_SECONDS, World

QUIET_ROUNDS = 60  # minutes in which everything must come to rest
LEAST_ROUNDS = 25  # outlasts every pause of a message that comes back
LOOK_SECONDS = 1.0
SWITCHED_MINUTES = 15  # outlasts the pause of a message that comes back, then two full looks at an account


@dataclass(frozen=True, slots=True)
class Result:
    """The results of one run."""

    seed: int
    profile: Profile
    broken: list[str]
    steps: int
    faults: Counter[str]
    orders_sent: int
    venue_orders: int
    trades: int
    executions: int
    exits_under_switches: int = 0  # that left while a grade was in force which lets exits pass
    quarantined: int = 0  # signals that reached nobody
    most_weight: int = 0  # that we have used in any one minute
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    longest_naked_seconds: float = 0
    trace: tuple[str, ...] = ()  # the events that led to the first broken invariant


def run(seed: int, profile: Profile | None = None, *, traced: bool = False) -> Result:
    """Run one seed; the same seed and profile always give the same result. Without a profile, the seed draws its own."""
    world = World(Random(seed), profile or Profile.drawn(Random(f"the profile of {seed}")))
    told = world.profile
    people = People(world, NOW + timedelta(minutes=world.profile.minutes))
    try:
        _live(world, people)
    except Exception as error:  # nothing that the product does may stop the world
        world.chronicle.fail(f"unforeseen: {type(error).__name__} {error}")
    return _result(seed, told, world, traced=traced)


def _live(world: World, people: People) -> None:
    people.settle_in()
    world.crossings.meanwhile = people.somebody_comes_between
    start_traffic(world, people)
    world.agenda.run_until(people.end)
    quiet_down(world, people)


def start_traffic(world: World, people: People) -> None:
    """Everything that happens by itself, until the people's end."""
    end = people.end
    for minute in range(world.profile.minutes):
        fires = NOW + timedelta(minutes=minute)
        world.agenda.later(fires, partial(world.announce_candles, fires))
        world.agenda.later(fires + timedelta(minutes=1), partial(people.candle_closes, fires + timedelta(minutes=1)))
    world.every(OUTSIDE_SECONDS, people.signal_from_outside, end)
    world.every(5, people.price_moves, end)
    world.every(20, people.owner_acts, end)
    world.every(30, people.trades_by_hand, end)
    world.every(30, world.exchange.front.break_down, end)
    world.every(30, world.exchange.go_blank, end)
    world.every(30, people.operations_act, end)
    world.every(10, people.author_acts, end)
    world.every(10, people.acts_by_hand, end)
    world.every(30, people.rights_change, end)
    world.every(30, world.delisting.something_happens, end)
    world.every(60, world.request_reconciles, end)
    world.every(RELAY_SECONDS, world.relay, end)
    world.every(LOOK_SECONDS, world.look_for_exposure, end)


def quiet_down(world: World, people: People) -> None:
    """No new signals and no new trouble: keys are restored, dead letters redriven, and the clocks go on until nothing is due."""
    world.calm(Profile.calm())
    for (tenant_id, account_id), account in list(world.database.accounts.items()):
        world.exchange.restore(account_id)  # a key that was revoked and not used since is still believed to be good
        if account.status is not AccountStatus.ACTIVE:
            people.new_keys(tenant_id, account_id)
            SwitchAccount(world.accounts, world.clock).enable(tenant_id, account_id)
        people.vet(tenant_id, account_id)
    _under_switches(world)
    for number in range(QUIET_ROUNDS):
        _quiet_minute(world)
        if number >= LEAST_ROUNDS and _is_quiet(world):
            return


def _under_switches(world: World) -> None:
    """Some minutes without trouble under the switches that are still on: they close what they should, and let exits pass."""
    for _ in range(SWITCHED_MINUTES):
        _quiet_minute(world)
    for account in world.database.accounts.values():
        for what in world.switches.still_open(account):
            world.chronicle.fail(what)
    world.switches.lift_all()


def _quiet_minute(world: World) -> None:
    for queue in _queues(world):
        queue.redrive()
    end = world.clock.now() + timedelta(minutes=1)
    world.agenda.later(world.clock.now(), world.request_reconciles)
    world.every(LOOK_SECONDS, world.look_for_exposure, end)
    world.agenda.run_until(end)
    while world.relayed < len(world.database.stream):
        world.relay()
    for account in world.database.accounts.values():
        for what in held_up(account, world.calm_since, end):
            world.chronicle.fail(what)


def _queues(world: World) -> tuple[StandardQueue[Any] | FifoQueue[Any], ...]:
    candles, looks = (world.candle_queue, world.uploaded_candle_queue), (world.reconcile_queue, world.awaited_look_queue)
    return *candles, world.signal_queue, world.trade_queue, world.vetting_queue, *looks


def _is_quiet(world: World) -> bool:
    now = world.clock.now()
    unresolved = any(account.unresolved() or account.orphans() for account in world.database.accounts.values())
    soon = any((due := next_due(account, now)) and due <= now for account in world.database.accounts.values())
    return not unresolved and not soon and not any(queue.under_way for queue in _queues(world))


def _result(seed: int, profile: Profile, world: World, *, traced: bool) -> Result:
    broken = broken_invariants(world)
    intents = [intent for intent, _ in world.database.orders.values()]
    return Result(
        seed=seed,
        profile=profile,
        broken=broken,
        steps=world.chronicle.steps,
        faults=world.chronicle.faults,
        orders_sent=sum(world.audit.sent.values()),
        venue_orders=sum(len(book.orders) for book in world.exchange.books.values()),
        trades=len(world.database.trades),
        executions=len(world.database.executions),
        exits_under_switches=world.switches.exits_passed,
        quarantined=sum(verdict.is_quarantined for verdict in world.database.verdicts.values()),
        most_weight=world.exchange.front.most_used,
        states=Counter(intent.state.value for intent in intents),
        reasons=Counter(intent.reason.value for intent in intents if intent.reason),
        longest_naked_seconds=world.exposure.longest_seconds,
        trace=world.chronicle.trace() if broken or traced else (),
    )
