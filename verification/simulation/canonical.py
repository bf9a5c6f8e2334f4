"""One scenario, told exactly: an entry with stop and targets, its reversal, an exit; with a crash at any one boundary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.reports import VenueOrderStatus
from tests.support.builders import BTC, a_signal, an_account, an_external_strategy, settings
from tests.support.fakes.clock import SequentialIdentifiers
from verification.simulation.crossings import Crash
from verification.simulation.invariants import broken_invariants
from verification.simulation.people import People
from verification.simulation.profile import Profile
from verification.simulation.world import VENUE, World, credentials

ACCOUNT = "account0"
STAGE_MINUTES = 12  # outlasts the longest redelivery: a crashed runner's message is invisible for six minutes

# Of a fixed quantity: a crash delays the verdict, and other sizes follow the market.
PATIENT = settings(max_signal_age_seconds=900, max_positions=1, sizing=Sizing(SizingMode.FIXED_QUANTITY, Decimal(1)))


@dataclass(frozen=True, slots=True)
class EndState:
    """The state once everything has come to rest. Runs may reach the state in different ways, and the state must be equal."""

    net: Decimal
    positions: int
    trades: tuple[tuple[str, Decimal, Decimal], ...]
    venue_orders: Counter[tuple[str, str, Decimal]]
    open_orders: int
    dead_letters: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """The end, and the boundaries that were crossed on the way."""

    end: EndState
    labels: tuple[str, ...]
    crashes: int


def play(crash_at: int | None = None) -> Played:
    """Play the scenario with a crash at the boundary of that number."""
    world = World(Random(0), Profile.calm(), crash_at)
    people = People(world, world.clock.now())
    _open(world, people)
    entry = _signal(Action.LONG, "980", (TakeProfit(Decimal(1020), Decimal("0.5")), TakeProfit(Decimal(1040), Decimal("0.5"))))
    for signal in (entry, _signal(Action.SHORT, "1020", (TakeProfit(Decimal(960)),)), _signal(Action.EXIT, None, ())):
        _stage(world, signal)
    return Played(_end(world), tuple(world.crossings.labels), world.chronicle.faults["crash"])


def _open(world: World, people: People) -> None:
    world.strategies.create_strategy(an_external_strategy("outside", venue=VENUE, source_id="outside"))
    account = an_account(ACCOUNT, venue=VENUE, subscriptions={}, balance=None, credential_version=None)
    version = world.vault.write(account.tenant_id, ACCOUNT, credentials(ACCOUNT), SequentialIdentifiers().new())
    people.let_in(account, version, {"outside": PATIENT})


def _signal(action: Action, stop: str | None, targets: tuple[TakeProfit, ...]) -> Signal:
    return a_signal(
        action,
        signal_id=f"signal-{action.value}",
        strategy_id="outside",
        market=BTC,
        price=Decimal(1000),
        stop_loss=Decimal(stop) if stop else None,
        take_profits=targets,
    )


def _stage(world: World, signal: Signal) -> None:
    """Issue a signal now, move the price a little, and let everything come to rest."""
    _publish(world, replace(signal, issued_at=world.clock.now()))
    end = world.clock.now() + timedelta(minutes=STAGE_MINUTES)
    world.every(60, world.request_reconciles, end)
    world.every(1, world.relay, end)
    world.agenda.run_until(end)
    world.exchange.trade(BTC, world.exchange.prices[BTC] + 5)


def _publish(world: World, signal: Signal) -> None:
    try:
        with world.crossings.visit(10):
            world.publisher()(signal, VENUE, 1)
    except (Crash, RetryLater):
        world.agenda.later(world.clock.now() + timedelta(seconds=1), lambda: _publish(world, signal))


def _end(world: World) -> EndState:
    while world.relayed < len(world.database.stream):
        world.relay()
    (account,) = world.database.accounts.values()
    orders = world.exchange.books[ACCOUNT].orders
    trades = sorted(world.database.trades.values(), key=lambda trade: trade.closed_at)
    return EndState(
        net=world.exchange.net_position(ACCOUNT, BTC),
        positions=len(account.positions),
        trades=tuple((trade.side.value, trade.pnl, trade.fees) for trade in trades),
        venue_orders=Counter((request.order_type.value, order.status.value, request.quantity) for request, order in orders),
        open_orders=sum(1 for _, order in orders if order.status is VenueOrderStatus.OPEN),
        dead_letters=len(world.trade_queue.dead),
        broken=tuple(broken_invariants(world)),
    )
