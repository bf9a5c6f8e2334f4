"""The change that a version of an account has made, as listeners learn of it: names alone, for the client fetches the rest.

Changes of an account form a chain, as updates of an exchange's order book do: each names its version and the version before it.
A client that misses a link fetches anew. So every version is told, even one that changed nothing that is listened to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from candlecast.domain.live.connection import Connection, Topic
from candlecast.domain.values.copying import replace

MAX_NAMED = 10  # of a topic in one message: an order with its stop and targets names six. Beyond, a client fetches the list
TYPE = "account.changed"


@dataclass(frozen=True, kw_only=True)
class PositionName:
    """A subscription has one position in a market."""

    subscription_id: str
    market: str


@dataclass(frozen=True, kw_only=True)
class AccountChange:
    """From version `before` of an account to version `sequence`: ids of orders, of signals decided on, and positions."""

    tenant_id: str
    account_id: str
    before: int
    sequence: int
    orders: tuple[str, ...] = ()
    positions: tuple[PositionName, ...] = ()
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Push:
    """Changes of a tenant's accounts, and the connections of that tenant."""

    tenant_id: str
    connections: tuple[Connection, ...]
    changes: tuple[AccountChange, ...]


def joined(changes: Sequence[AccountChange]) -> tuple[AccountChange, ...]:
    """One change for each account, in the order of their first; the changes of an account come in the order of its versions."""
    accounts: dict[str, AccountChange] = {}
    for change in changes:
        first = accounts.get(change.account_id)
        accounts[change.account_id] = change if first is None else _join(first, change)
    return tuple(accounts.values())


def message(change: AccountChange, topics: Sequence[Topic]) -> dict[str, Any]:
    """The change as a client of these topics gets it. Names are null where there are more than `MAX_NAMED`."""
    positions = [{"subscription_id": each.subscription_id, "market": each.market} for each in change.positions]
    named: dict[Topic, tuple[str, Sequence[Any]]] = {
        Topic.ORDERS: ("order_ids", change.orders),
        Topic.POSITIONS: ("positions", positions),
        Topic.SIGNALS: ("signal_ids", change.signals),
    }
    return {
        "type": TYPE,
        "account_id": change.account_id,
        "from": change.before,
        "sequence": change.sequence,
        "changes": [
            {"topic": topic.value, field: list(names) if len(names) <= MAX_NAMED else None}
            for topic, (field, names) in named.items()
            if topic in topics and names
        ],
    }


def distinct[T](names: Iterable[T]) -> tuple[T, ...]:
    """Each name once, in their order; one more than a message has is enough to know that there are too many."""
    return tuple(dict.fromkeys(names))[: MAX_NAMED + 1]


def _join(first: AccountChange, then: AccountChange) -> AccountChange:
    return replace(
        first,
        sequence=max(first.sequence, then.sequence),
        orders=distinct(chain(first.orders, then.orders)),
        positions=distinct(chain(first.positions, then.positions)),
        signals=distinct(chain(first.signals, then.signals)),
    )
