"""The story of one account: its signals, each sent once everything has come to rest, and the order of events."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import ceil
from typing import Any

from candlecast.adapters.codec import to_json
from candlecast.adapters.dynamodb.account_text import stored_texts
from candlecast.domain.account.account import Balance
from candlecast.domain.limits.pool_bounds import PoolBounds, PoolLimits
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.values.ids import intent_id
from candlecast.domain.venue.reports import MarketSettings
from candlecast.services.orders.close_position import REDUCTION_SCHEMA
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, TENANT, a_signal, a_trade_order, an_account, settings
from verification.crash_points.boundary import Operation
from verification.crash_points.functions import KEY_VERSION, MOVES_STOP, VENUE, Functions, Worker
from verification.crash_points.venue_book import arrive, fill_resting
from verification.crash_points.world import PHASE, START, Item, Message, World

ACCOUNT_KEY = (f"TENANT#{TENANT}#ACCOUNT#{ACCOUNT}", "STATE")
FIRING_SECONDS = 60.0
OWNERS_TURN = 4  # among those who come next
IN_FORCE = MarketSettings(settings().leverage, settings().margin_mode)
QUANTITY = Decimal(10)  # what an entry buys: 1,000 of notional at 100
PART = Decimal("0.4")  # the share that a reduction closes
AT_A_HUNDRED = EntryOrder(type=EntryType.LIMIT, price=Decimal(100), rests_seconds=90)
FOR_A_DAY = EntryOrder(type=EntryType.LIMIT, price=Decimal(100), rests_seconds=86_400)  # longer than any schedule may take
ROOM_FOR_ONE = PoolLimits(
    organisation_id="organisation-1", bounds=PoolBounds(max_gross_notional=Decimal(1_000), max_open_positions=1), version=1
)


class Act(StrEnum):
    """An act of the account's owner, at a stage where a strategy might have sent a signal."""

    CANCEL = "CANCEL"  # the entry before it
    REDUCE = "REDUCE"  # close `PART` of the position
    MOVE_STOP = "MOVE_STOP"  # to `MOVED_STOP`


@dataclass(frozen=True, slots=True)
class Scenario:
    """`actions` are its signals, each issued once the one before has come to rest, or (`at_once`) all within seconds.

    An entry may be executed for `max_age_seconds`; a `first_entry` has leverage and margin mode to set. `pool` is the account's.
    Entries are ordered at a `limit`, to which the market comes at `reached_at`; a stop follows them, and a target. The venue
    refuses the first `refused_exits`.
    """

    name: str
    actions: tuple[Action | Act, ...]
    max_age_seconds: int = 300
    at_once: bool = False
    first_entry: bool = False
    notional: Decimal = Decimal(1_000)
    pool: PoolLimits | None = None
    limit: EntryOrder | None = None
    reached_at: float = 0.0
    with_target: bool = True
    refused_exits: int = 0

    @property
    def kept_share(self) -> Decimal | None:
        """The share of all that was bought that is held at the end; None: any, because no exit comes last."""
        last = self.actions[-1]
        if last is Act.REDUCE:
            return 1 - PART
        held = last in (Act.CANCEL, Act.MOVE_STOP) or (isinstance(last, Action) and last.is_entry)
        return None if held else Decimal(0)

    def message(self, stage: int, issued_at: float) -> Message:
        """The order message of a stage, as the fan-out sends it; of an act of the owner, the order that it is about."""
        action = self.actions[stage]
        if action is Act.CANCEL:
            return Message(intent_id(f"signal{stage - 1}", SUBSCRIPTION, LegKind.ENTRY.value), issued_at)
        if action is Act.MOVE_STOP:
            return Message(MOVES_STOP, issued_at)
        reduces = action is Act.REDUCE
        wanted = action if isinstance(action, Action) else Action.EXIT
        signal = _signal(wanted, stage, issued_at, self.limit, with_target=self.with_target)
        if reduces:
            signal = replace(signal, reduction=Reduction(share=PART))
        limits = settings(max_positions=1, max_signal_age_seconds=self.max_age_seconds, max_order_notional=self.notional)
        version = REDUCTION_SCHEMA if reduces else 1
        return Message(to_json(a_trade_order(signal, settings=limits, pool=self.pool, schema_version=version)), issued_at)

    def begin(self, functions: Functions) -> World:
        """An account without a position, and the first signal in the queue."""
        world = World(reached_at=self.reached_at, refuses_exits=self.refused_exits)
        functions.boundaries.crosser = _Plain(world)
        balance = Balance(equity=Decimal(10_000), available=Decimal(10_000), as_of=START)
        account = an_account(
            venue=VENUE,
            credential_version=KEY_VERSION,
            created_at=START,
            balance=balance,
            reconciled_at=START,
            market_settings={} if self.first_entry else {BTC: IN_FORCE},
        )
        functions.accounts.create(account)
        self.issue(world)
        while self.at_once and world.stage < len(self.actions):
            self.issue(world)
        return world

    def issue(self, world: World) -> None:
        """The next signal reaches the order queue; each is issued a second after the one before, at the earliest."""
        message = self.message(world.stage, world.now + world.stage if self.at_once else world.now)
        if self.actions[world.stage] in (Act.CANCEL, Act.MOVE_STOP):
            world.acts = (*world.acts, message)
        else:
            world.trade = (*world.trade, message)
        world.stage, world.looked_at = world.stage + 1, False


@dataclass(frozen=True, slots=True)
class _Plain:
    world: World

    def cross(self, operation: Operation) -> Any:
        return operation.apply(self.world)


def _signal(action: Action, stage: int, issued_at: float, limit: EntryOrder | None, *, with_target: bool) -> Signal:
    sign = 1 if action is Action.LONG else -1
    levels = action.is_entry
    return a_signal(
        action,
        signal_id=f"signal{stage}",
        issued_at=START + timedelta(seconds=issued_at),
        stop_loss=Decimal(100 - sign * 10) if levels else None,
        entry=limit if levels else None,
        take_profits=(TakeProfit(Decimal(100 + sign * 20), Decimal(1)),) if levels and with_target else (),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """The next invocation: a worker is invoked with `body`; `message` is the queue's message, if a queue delivered one."""

    worker: Worker
    body: str
    message: Message | None = None


def next_event(world: World, scenario: Scenario) -> Event | None:
    """Move the world on to its next invocation; None once everything has come to rest for good.

    At the same instant a late request arrives first. Then come an order message, the reconciler's message, the clock, the owner.
    """
    while True:
        if (world.looked_at or is_left_alone(world)) and at_rest(world):
            if world.stage == len(scenario.actions):
                return None
            scenario.issue(world)
        if at_rest(world):  # a quiet while, after which the turns of the looks are the same again
            world.next_firing = ceil(world.next_firing / PHASE) * PHASE
        times = [
            min((arrival.at for arrival in world.arrivals), default=float("inf")),
            world.trade[0].visible_at if world.trade else float("inf"),
            min((message.visible_at for message in world.reconcile), default=float("inf")),
            world.next_firing,
            world.acts[0].visible_at if world.acts else float("inf"),
        ]
        first = times.index(min(times))
        if world.reached_at <= times[first] and any(order.rests_at_its_price for order in world.orders):
            world.now = max(world.now, world.reached_at)
            fill_resting(world)
            continue
        world.now = max(world.now, times[first])
        if first > 0:
            return _event(world, first)
        arrive(world, min(world.arrivals, key=lambda arrival: arrival.at))


def _event(world: World, which: int) -> Event:
    if which == 1:
        world.last_order = world.trade[0].body
        return Event(Worker.EXECUTOR, world.last_order, world.trade[0])
    if which == 2:
        message = min(world.reconcile, key=lambda message: (message.visible_at, message.body))
        alike = [o for o in world.reconcile if o.visible_at <= world.now and _wish(o) == _wish(message)]
        world.reconcile = tuple(o for o in world.reconcile if o is message or o not in alike)
        return Event(Worker.RECONCILER, message.body, message)
    if which == OWNERS_TURN:
        return Event(Worker.OWNER, world.acts[0].body, world.acts[0])
    fired = world.next_firing
    world.next_firing += FIRING_SECONDS
    return Event(Worker.CLOCK, str(fired))


def _wish(message: Message) -> tuple[bool, bool]:
    """The content of a request for a look: equal requests at the same moment are delivered as one."""
    body = json.loads(message.body)
    return body["full"], bool(message.receives)


def at_rest(world: World) -> bool:
    """Whether nothing is on its way and no order is unsettled; a stop or target of a held position is settled while it rests.

    A position is not at rest without a stop of its size at its price, and no other. The venue has refused a stop or a
    cancellation, or an exit has closed a part, and the clock's next look repairs that.
    """
    if world.trade or world.reconcile or world.arrivals or world.acts:
        return False
    body = account_body(world)
    positions = body.get("positions", {}).values()
    held = {position["entry_intent_id"] for position in positions}
    stopped: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for intent in body.get("intents", {}).values():
        if intent["kind"] == "STOP_LOSS":
            stopped[intent["bracket_of"], intent["trigger_price"]] += Decimal(intent["quantity"])
    wanted = {(p["entry_intent_id"], p["stop_price"]): Decimal(p["quantity"]) for p in positions if p.get("stop_price")}
    if any(stopped[key] != quantity for key, quantity in wanted.items()) or stopped.keys() - wanted.keys():
        return False
    return all(intent["state"] == "OPEN" and intent.get("bracket_of") in held for intent in body.get("intents", {}).values())


def is_left_alone(world: World) -> bool:
    """Whether the venue refuses the keys of an account that holds nothing: nobody looks at it again before new keys."""
    body = account_body(world)
    return body["status"] == "DISABLED" and not body.get("positions") and not body.get("intents")


def account_body(world: World) -> dict[str, Any]:
    """The account as it is stored; not to be changed."""
    return _parsed(account_item(world)["body"]["B"])


@lru_cache(maxsize=100)
def _parsed(body: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(stored_texts({"body": {"B": body}}, (TENANT, ACCOUNT))[0])
    return parsed


def account_item(world: World) -> Item:
    return world.items[ACCOUNT_KEY]


def disturbers(event: Event, world: World) -> list[tuple[Worker, str]]:
    """Who may be at work while an event is handled: an executor with the same order, or with the last one, or a reconciler.

    Or the owner, with the act that comes next.
    """
    if event.worker is Worker.CLOCK:
        return []
    request = ReconcileRequest(tenant_id=TENANT, account_id=ACCOUNT, correlation_id="meanwhile")
    order = event.body if event.worker is Worker.EXECUTOR else world.last_order
    acts = [(Worker.OWNER, act.body) for act in world.acts if event.worker is not Worker.OWNER]
    return [(Worker.EXECUTOR, order), (Worker.RECONCILER, to_json(request)), *acts]
