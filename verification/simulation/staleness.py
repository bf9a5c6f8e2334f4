"""Thousands of accounts grow stale at once: looks and minutes until all are fresh, and the wait of orders meanwhile.

Nothing goes wrong in this scenario, and no call takes time. So the venue's weight budget alone sets the pace, and everything is
counted: looks, requests, weight, minutes.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from random import Random

from candlecast.domain.decide.plan import LOOK_WAIT_SECONDS
from candlecast.domain.limits.limits import Limits, Scope, tighten
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, WHOLE_LOOK_INTERVAL, slot_after
from candlecast.domain.reconcile.look_window import FIRST_WINDOW
from candlecast.domain.signals.verdict import judge
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.domain.venue.weight_budget import RequestClass, ceiling
from tests.support.builders import BTC, NOW, a_quote, a_signal, a_trade_order, an_account, an_external_strategy, settings
from verification.simulation.people import People
from verification.simulation.profile import Profile
from verification.simulation.world import VENUE, World, credentials

STRATEGY = "outside-btc"
STALE = timedelta(minutes=11)  # since the last look: longer than an entry allows
MOST_AGE_SECONDS = 600  # of the state that an entry is decided on: the platform's own limit
CALM = timedelta(minutes=40)  # no account of the scenario has its hourly look at all markets, which weighs eight times as much
SIGNAL_SECONDS = 45.0  # after the clock's firing: by then the looks of the clock have used their share of the minute
OVERHEAD = 1.1  # accounts whose next turn comes while the last ones wait for their first look
MOST_RECEIVES = 2  # of an order: it finds a stale state, and a fresh one
MOST_BEHIND = 5  # minutes of looks that wait: the window doubles a few times before it learns the pace
MOST_MINUTES = 60  # ends a run that does not clear


@dataclass(frozen=True, slots=True)
class Cleared:
    """The counts of one run, up to the minute in which the last account was looked at."""

    accounts: int
    minutes: int
    weight: int
    """The weight that was used."""
    needed_minutes: int
    """The minutes in which the clock's looks may use that weight."""
    looks: int
    """Looks that compared an account with its venue, until each account was compared."""
    looks_too_many: int
    """Looks at an account whose turn had not come since its last look; accounts with an order apart.

    In each minute the weight may end in the middle of one look, which is then made again.
    """
    requests: int
    """Requests of the clock."""
    put_off: int
    """Times that a look found no weight."""
    most_waiting: int
    """Routine requests that waited at once."""
    orders_waited_seconds: float
    """From the signal to the last of its orders."""
    receives_of_orders: int
    dead_orders: int
    orders: int
    broken: tuple[str, ...]

    @property
    def overruns(self) -> list[str]:
        """The promises that the run did not keep."""
        promises = {
            "an invariant is broken": bool(self.broken),
            "a minute's weight stays unused while an account waits": self.minutes > self.needed_minutes + 1,
            "an account is looked at before its turn": self.looks_too_many > self.minutes,
            "accounts are looked at again while others wait": self.looks > OVERHEAD * self.accounts,
            "a look is asked for that is asked for already": self.requests > OVERHEAD * self.accounts + self.most_waiting,
            "more waits than a few minutes do": self.most_waiting
            > max(2 * FIRST_WINDOW, MOST_BEHIND * self.looks / self.minutes),
            "looks are put off again and again": self.put_off > 2 * self.accounts,
            "an order asks more than once": self.receives_of_orders > MOST_RECEIVES * self.orders,
            "an order is dead-lettered": self.dead_orders > 0,
            "an order stands behind looks that nobody waits for": self.orders_waited_seconds > 2 * LOOK_WAIT_SECONDS,
        }
        return [promise for promise, is_broken in promises.items() if is_broken]


def clear(accounts: int, orders: int) -> Cleared:
    """Let `accounts` turn stale at once while `orders` of them get an entry."""
    world = World(Random(1), Profile.calm(accounts=0))
    names = _settle_in(world, accounts)
    waiting = names[-orders:] if orders else []
    looks = _Looks(world, set(names))
    decided = _order(world, waiting)
    minutes = 0
    while looks.missing and minutes < MOST_MINUTES:
        world.agenda.later(world.clock.now(), world.request_reconciles)
        world.agenda.later(world.clock.now() + timedelta(seconds=59), looks.note_waiting)
        world.agenda.run_until(world.clock.now() + timedelta(minutes=1))
        minutes += 1
    counts = world.metrics.counts
    return Cleared(
        accounts=accounts,
        minutes=minutes,
        weight=world.exchange.front.used_in_all,
        needed_minutes=ceil(world.exchange.front.used_in_all / ceiling(BINANCE_USDM, RequestClass.RECONCILER)),
        looks=sum(len(at) for at in looks.seen.values()),
        looks_too_many=sum(too_many(name, at) for name, at in looks.seen.items() if name not in waiting),
        requests=int(counts["ReconcilesRequested"]),
        put_off=int(counts["LooksPutOff"]),
        most_waiting=looks.most_waiting,
        orders_waited_seconds=decided(),
        receives_of_orders=world.trade_queue.receives,
        dead_orders=len(world.trade_queue.dead),
        orders=orders,
        broken=tuple(world.chronicle.broken),
    )


class _Looks:
    """Counts the looks at each account by the balance that each of them asks for."""

    def __init__(self, world: World, missing: set[str]) -> None:
        self.seen: defaultdict[str, list[datetime]] = defaultdict(list)
        self.missing, self.most_waiting = missing, 0
        self._world = world
        receive = world.exchange.receive

        def counted(method: str, api_key: str, client_order_id: str | None = None) -> object:
            answer = receive(method, api_key, client_order_id)
            if method == "balance" and self.missing:
                self.seen[api_key].append(world.clock.now())
                self.missing.discard(api_key)
            return answer

        world.exchange.receive = counted  # type: ignore[method-assign,assignment]

    def note_waiting(self) -> None:
        self.most_waiting = max(self.most_waiting, self._world.reconcile_queue.under_way)


def too_many(name: str, looks: Sequence[datetime]) -> int:
    """How many of an account's looks came before its next turn."""
    return sum(after < slot_after(name, before, FULL_LOOK_INTERVAL) for before, after in itertools.pairwise(looks))


def _settle_in(world: World, count: int) -> list[str]:
    """Accounts with a subscription each, compared with their venue `STALE` ago."""
    people = People(world, NOW)
    world.strategies.create_strategy(an_external_strategy(STRATEGY, venue=VENUE, source_id=STRATEGY))
    found = (f"account{number}" for number in itertools.count())
    rested = (name for name in found if slot_after(name, NOW - STALE, WHOLE_LOOK_INTERVAL) > NOW + CALM)
    names = list(itertools.islice(rested, count))
    for name in names:
        tenant_id = f"tenant-of-{name}"
        version = world.vault.write(tenant_id, name, credentials(name), people.identifiers.new())
        account = an_account(name, tenant_id=tenant_id, venue=VENUE, subscriptions={}, reconciled_at=NOW - STALE)
        people.let_in(account, version, {STRATEGY: _settings()})
    return names


def _settings() -> Settings:
    return settings(max_positions=2, stop_atr_multiplier=None)


def _order(world: World, names: list[str]) -> Callable[[], float]:
    """Send each of these accounts an entry, and tell how long the last of them waited for its decision."""
    signal_at = NOW + timedelta(seconds=SIGNAL_SECONDS)

    def send() -> None:
        price = world.exchange.prices[BTC]
        signal = a_signal(strategy_id=STRATEGY, market=BTC, issued_at=signal_at, price=price, stop_loss=price * Decimal("0.95"))
        quote = a_quote(price, as_of=signal_at)
        world.database.verdicts[signal.signal_id] = judge(signal, VENUE, quote, signal_at)
        for name in names:
            world.trade_queue.put(
                a_trade_order(
                    signal,
                    tenant_id=f"tenant-of-{name}",
                    account_id=name,
                    subscription_id=f"{name}-subscription0",
                    settings=_settings(),
                    quote=quote,
                    limits=tighten(((Scope.PLATFORM, Limits(max_state_age_seconds=MOST_AGE_SECONDS)),)),
                )
            )

    if names:
        world.agenda.later(signal_at, send)

    def waited() -> float:
        told = [e.event for e in world.database.stream if e.event.order is not None and e.event.order.kind == "ENTRY"]
        last = {e.order.account_id: e.occurred_at for e in told if e.order and e.order.state is IntentState.FILLED}
        if set(last) != set(names):
            return float("inf")
        return max(((at - signal_at).total_seconds() for at in last.values()), default=0.0)

    return waited
