"""Subjects that can be watched: where each is fetched, and the columns of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SHOWN = 20  # newest entries: they fit on a screen; positions are all there are

type Item = Mapping[str, Any]


class Subject(StrEnum):
    """A topic of live connections."""

    ORDERS = "orders"
    POSITIONS = "positions"
    SIGNALS = "signals"


@dataclass(frozen=True)
class View:
    """A page of the API, and the cells of an item by their column."""

    path: str
    query: Mapping[str, str | int]
    columns: Mapping[str, Callable[[Item], object]]

    def rows(self, items: Sequence[Item]) -> list[list[object]]:
        return [[cell(item) for cell in self.columns.values()] for item in items]


def _field(name: str) -> Callable[[Item], object]:
    return lambda item: item.get(name)


def _reason(item: Item) -> object:
    reason = item.get("reason")
    return reason.get("code") if isinstance(reason, Mapping) else None


def _filled(item: Item) -> str:
    return f"{item.get('filled_quantity')} of {item.get('quantity')}"


VIEWS: Mapping[Subject, View] = {
    Subject.ORDERS: View(
        "/v1/orders",
        {"limit": SHOWN},
        {
            "recorded": _field("created_at"),
            "market": _field("market"),
            "leg": _field("leg"),
            "side": _field("side"),
            "state": _field("state"),
            "filled": _filled,
            "price": _field("average_price"),
            "reason": _reason,
            "order": _field("order_id"),
        },
    ),
    Subject.POSITIONS: View(
        "/v1/positions",
        {},
        {
            "opened": _field("opened_at"),
            "market": _field("market"),
            "side": _field("side"),
            "quantity": _field("quantity"),
            "entry": _field("entry_price"),
            "stop": _field("stop_price"),
            "last": _field("last_price"),
            "PnL": _field("unrealised_pnl"),
            "subscription": _field("subscription_id"),
        },
    ),
    Subject.SIGNALS: View(
        "/v1/receipts",
        {"limit": SHOWN},
        {
            "decided": _field("decided_at"),
            "market": _field("market"),
            "kind": _field("kind"),
            "state": _field("state"),
            "reason": _reason,
            "strategy": _field("strategy_id"),
            "signal": _field("signal_id"),
        },
    ),
}
