"""Everything outside of a process: the table, the queues, the venue's book, and the time. Small, and cheap to copy and compare."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PRICE = Decimal(100)
LONG_AGO = 60.0  # ages beyond this are one: more than twice the settle window, and every entry that waits is told by its expiry
FAR_AHEAD = 600.0
PHASE = 300  # looks at an account follow the clock in turns of so many seconds
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_NAME = re.compile(r"\b[0-9a-f]{32,64}\b|\bcc[0-9a-f]{20,40}\b")
_UNREAD = frozenset({"outbox", "version", "GSI3PK", "GSI3SK", "PK", "SK", "tenant_id", "account_id", "kind", "schema_version"})

Key = tuple[str, str]
Item = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the venue has accepted; readers see it from `seen_from` on."""

    order_id: int
    client_id: str
    symbol: str
    side: str
    kind: str
    quantity: Decimal
    reduce_only: bool
    trigger: str | None
    status: str
    placed_at: float
    seen_from: float

    @property
    def is_conditional(self) -> bool:
        return self.trigger is not None

    @property
    def executed(self) -> Decimal:
        return self.quantity if self.status == "FILLED" else Decimal(0)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request on its way to the venue that nobody waits for any more."""

    at: float
    path: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a queue, with how often it was received."""

    body: str
    visible_at: float
    receives: int = 0


@dataclass(slots=True)
class World:
    """`now` is in seconds since `START`. Items, orders and messages are never changed in place, so a copy shares them."""

    now: float = 0.0
    items: dict[Key, Item] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    trade: tuple[Message, ...] = ()
    reconcile: tuple[Message, ...] = ()
    dead: tuple[Message, ...] = ()
    next_firing: float = 60.0
    stage: int = 0  # how many of the scenario's signals have been issued
    looks: int = 0  # firings of the clock since everything came to rest
    faults: int = 0  # how many there were: what is late by its schedule is not late by a fault

    def copy(self) -> World:
        return replace(self, items=dict(self.items))

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.now)

    @property
    def net(self) -> Decimal:
        """What the venue says is held: positive is long."""
        filled = (order for order in self.orders if order.status == "FILLED")
        return sum((o.quantity if o.side == "BUY" else -o.quantity for o in filled), Decimal(0))

    def exact(self) -> tuple[object, ...]:
        """Equal only for worlds that not even a running process could tell apart."""
        items = tuple(sorted((key, id(item)) for key, item in self.items.items()))
        return self.now, items, self.orders, self.arrivals, self.trade, self.reconcile, self.dead, self.next_firing

    def key(self) -> bytes:
        """Equal for worlds from which everything goes on alike: times are relative, names by first appearance."""
        told = [
            f"{self.now % PHASE} {self.next_firing - self.now} {self.stage} {self.looks} {len(self.dead)}",
            *(f"{self._age(m.visible_at)} {m.receives} {_without_trace(m.body)}" for m in (*self.trade, *sorted_messages(self))),
            *(f"{o.client_id} {o.side} {o.kind} {o.quantity} {o.status} {self._age(o.seen_from)}" for o in self.orders),
            *(f"{self._age(arrival.at)} {arrival.path} {dict(arrival.parameters).get(_id_of(arrival))}" for arrival in self.arrivals),
            *(text for key in sorted(self.items) if not key[0].startswith("WEIGHTS") for text in _texts(key, self.items[key])),
        ]
        text = _INSTANT.sub(self._relative, "\n".join(told))
        names: dict[str, str] = {}
        text = _NAME.sub(lambda found: names.setdefault(found.group(), f"name{len(names)}"), text)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _age(self, at: float) -> float:
        return max(at - self.now, 0.0)

    def _relative(self, found: re.Match[str]) -> str:
        seconds = (datetime.fromisoformat(found.group()) - START).total_seconds() - self.now
        return f"{min(max(seconds, -LONG_AGO), FAR_AHEAD):g}"


def sorted_messages(world: World) -> list[Message]:
    """The reconcile queue keeps no order."""
    return sorted(world.reconcile, key=lambda message: (message.visible_at, message.body))


def opened(attribute: Mapping[str, Any]) -> str:
    """An attribute's text, compressed or not."""
    kind, value = next(iter(attribute.items()))
    return zlib.decompress(value).decode() if kind == "B" else str(value)


def _texts(key: Key, item: Item) -> list[str]:
    texts = ["/".join(key)]
    for name in sorted(item):
        if name not in _UNREAD:
            texts.append(f"{name}={_essence(opened(item[name]))}")
    return texts


def _essence(text: str) -> str:
    """A body without what names its writes only, and without how long what has ended is remembered."""
    if not text.startswith("{"):
        return text
    body = json.loads(text)
    for name in ("version", "outbox"):
        body.pop(name, None)
    if "settled" in body:
        body["settled"] = list(body["settled"])
    return json.dumps(body)


def _without_trace(body: str) -> str:
    return re.sub(r'"correlation_id":"[^"]*"', "", body)


def _id_of(arrival: Arrival) -> str:
    return "clientAlgoId" if "algo" in arrival.path else "newClientOrderId"
