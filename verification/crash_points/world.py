"""Everything outside of a process: table, queues, the venue's book, and the time. Small, cheap to copy and to compare."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from candlecast.adapters.dynamodb.account_text import stored_texts
from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND, names_of
from candlecast.adapters.dynamodb.single_table.compression import decompressed
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, slot_after

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PRICE = Decimal(100)
LONG_AGO = 31.0  # older ages count as equal: nothing asks whether an order is older than the settle window and two lookups
LONG_DUE = 60.0  # how long an account has been due is asked up to a minute
FAR_AHEAD = 600.0
PHASE = 300  # looks at an account follow the clock, in turns of so many seconds
BUDGET, BREAKER = "WEIGHTS", "BREAKER"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_VENUE_ID = re.compile(r'"venue_order_id": "\d+", ')
_NOT_COMPARED = ("version", "outbox", "usage", "limits", "daily_results", "balance")
_NAME = re.compile(r"\b[0-9a-f]{32,64}\b|\bcc[0-9a-f]{20,40}\b")
_UNREAD = frozenset({"outbox", "version", "GSI3PK", "GSI4PK", "PK", "SK", "tenant_id", "account_id", "kind", "schema_version"})

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
    sent_at: float
    placed_at: float
    seen_from: float
    ended_at: float = 0.0
    price: str = "0.0"

    @property
    def rests_at_its_price(self) -> bool:
        return self.kind == "LIMIT" and self.status == "NEW"

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

    @property
    def client_id(self) -> str:
        named = dict(self.parameters)
        return named.get("clientAlgoId") or named["newClientOrderId"]


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
    last_order: str = ""  # the order message that was delivered last
    stage: int = 0  # how many of the scenario's signals have been issued
    looked_at: bool = False  # whether a look at the venue has found everything at rest
    overwritten: int = 0  # writes of an account that lost what somebody else had written
    reached_at: float = 0.0  # when the market comes to the price of limit orders
    refuses_exits: int = 0  # so many orders at market that close are refused from now on
    acts: tuple[Message, ...] = ()  # what the account's owner is about to do, and repeats until it is answered
    passed: bool = False  # whether the market has been beyond a stop or target, which closes the position

    def copy(self) -> World:
        """By position, in the order of the fields: `dataclasses.replace` would be slow."""
        return World(
            self.now,
            dict(self.items),
            self.orders,
            self.arrivals,
            self.trade,
            self.reconcile,
            self.dead,
            self.next_firing,
            self.last_order,
            self.stage,
            self.looked_at,
            self.overwritten,
            self.reached_at,
            self.refuses_exits,
            self.acts,
            self.passed,
        )

    def instant(self) -> datetime:
        return START + timedelta(seconds=self.now)

    @property
    def net(self) -> Decimal:
        """The venue's position: positive is long."""
        filled = (order for order in self.orders if order.status == "FILLED")
        return sum((o.quantity if o.side == "BUY" else -o.quantity for o in filled), Decimal(0))

    def exact(self) -> tuple[object, ...]:
        """Equal only for worlds that nothing and nobody could tell apart."""
        items = tuple((key, tuple(_plain(name, item[name]) for name in sorted(item))) for key, item in sorted(self.items.items()))
        queues = self.trade, self.reconcile, self.dead, self.arrivals, self.acts
        counts = self.next_firing, self.stage, self.looked_at, self.overwritten, self.reached_at, self.refuses_exits, self.passed
        return self.now, items, self.orders, queues, counts

    def key(self) -> bytes:
        """Equal for worlds from which everything goes on alike."""
        return hashlib.blake2b(self.essence().encode(), digest_size=16).digest()

    def essence(self) -> str:
        """Everything that matters from here on: times are relative, names by first appearance."""
        told = [
            f"{self.now % PHASE} {self.next_firing - self.now} {self.stage} {self.looked_at} {len(self.dead)} {self.passed}",
            f"{self.refuses_exits} {self.overwritten} {self._blocked_for()} {self._age(self.reached_at)}",
            *(f"{self._age(m.visible_at)} {m.receives} {_INSTANT.sub(self._exactly, m.body)}" for m in self.trade),
            *(f"{self._age(m.visible_at)} {m.receives} {_without_trace(m.body)}" for m in _in_order(self.reconcile)),
            *(f"{self._age(act.visible_at)} {act.body}" for act in self.acts),
            f"{self.net}",
            *(f"{o.client_id} {o.side} {o.kind} {o.quantity} {o.status} {self._age(o.seen_from)}" for o in self._remembered()),
            *(f"{self._age(arrival.at)} {arrival.path} {arrival.client_id}" for arrival in self.arrivals),
            *(text for key in sorted(self.items) if not key[0].startswith(BUDGET) for text in self._texts(key, self.items[key])),
        ]
        text = _INSTANT.sub(self._relative, "\n".join(told))
        names: dict[str, str] = {}
        return _NAME.sub(lambda found: names.setdefault(found.group(), f"name{len(names)}"), text)

    def _remembered(self) -> list[Order]:
        """Orders that a function may still ask about. An order that ended long ago leaves only its position."""
        return [o for o in self.orders if o.status == "NEW" or self.now - max(o.placed_at, o.ended_at) <= LONG_AGO]

    def _blocked_for(self) -> float:
        """How long the venue wants to hear nothing; of the weights this is all that matters so far below the budget."""
        until = (item["blocked_until"]["S"] for key, item in self.items.items() if "blocked_until" in item)
        return max((self._age((datetime.fromisoformat(text) - START).total_seconds()) for text in until), default=0.0)

    def _age(self, at: float) -> float:
        return max(at - self.now, 0.0)

    def _texts(self, key: Key, item: Item) -> list[str]:
        texts = {name: opened(item[name]) for name in sorted(item) if name not in _UNREAD}
        if item.get("kind", {}).get("S") == ACCOUNT_KIND:
            texts["body"], _ = stored_texts(item, names_of(key[0]))
        if key[0].startswith(BREAKER) and not json.loads(texts["body"]).get("failures"):
            return []  # one that has heard of no failure is as good as none
        due = {index: texts.pop(index) for index in ("GSI3SK", "GSI4SK") if index in texts}
        told = [f"{index} {max(self._seconds_to(at), -LONG_DUE):g}" for index, at in due.items()]
        return ["/".join(key), *told, *(f"{name}={_essence(text)}" for name, text in texts.items())]

    def _relative(self, found: re.Match[str]) -> str:
        return f"{min(max(self._seconds_to(found.group()), -LONG_AGO), FAR_AHEAD):g}"

    def _exactly(self, found: re.Match[str]) -> str:
        return f"{self._seconds_to(found.group()):g}"

    def _seconds_to(self, instant: str) -> float:
        return (datetime.fromisoformat(instant) - START).total_seconds() - self.now


def _in_order(messages: tuple[Message, ...]) -> list[Message]:
    """The reconcile queue keeps no order."""
    return sorted(messages, key=lambda message: (message.visible_at, message.body))


def opened(attribute: Mapping[str, Any]) -> str:
    """An attribute's text, compressed or not."""
    kind, value = next(iter(attribute.items()))
    return decompressed(value) if kind == "B" else str(value)


def _plain(name: str, attribute: Mapping[str, Any]) -> tuple[str, str, Any]:
    return (name, *next(iter(attribute.items())))


def _without_trace(body: str) -> str:
    return re.sub(r'"correlation_id":"[^"]*"', "", body)


def _essence(text: str) -> str:
    """A body without what only names its writes, and without what only limits look at that no scenario sets."""
    if not text.startswith("{"):
        return text
    body = json.loads(text)
    for name in _NOT_COMPARED:
        body.pop(name, None)
    if "settled" in body:
        body["settled"] = list(body["settled"])
    if body.get("reconciled_at"):  # it says when the next look at positions is due, and nothing else
        last = datetime.fromisoformat(body["reconciled_at"])
        body["reconciled_at"] = slot_after(body["account_id"], last, FULL_LOOK_INTERVAL).isoformat()
    return _VENUE_ID.sub("", json.dumps(body))
