"""Measure how a subscription has done: its track record, and the figures that need its single trades and orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from candlecast.domain.orders.position import Trade
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.money import ZERO
from candlecast.ports.filters import OrderFilter, TradeFilter
from candlecast.ports.store import History, Page, SubscriptionStore

PAGE_SIZE = 100  # the largest page that is served
MAX_TRADES, MAX_ORDERS = 500, 200  # what a request reads stays bounded however long a subscription lives
MAX_PAGES = 15  # of each: pages are short where a tenant's other subscriptions trade more


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A subscription's results.

    `statistics` covers every closed trade. `max_drawdown` (quote units, after fees) is over the newest `drawdown_trades` trades;
    None without any. `slippage_bps` (mean, positive is worse) is over the newest `slippage_orders` filled market orders; None
    without any.
    """

    statistics: Statistics
    max_drawdown: Decimal | None
    drawdown_trades: int
    slippage_bps: Decimal | None
    slippage_orders: int


@dataclass(frozen=True, slots=True)
class MeasureSubscription:
    """Reads history within fixed bounds."""

    subscriptions: SubscriptionStore
    history: History

    def __call__(self, tenant_id: str, subscription_id: str) -> Performance:
        """Raises `NotFound`."""
        self.subscriptions.get_subscription(tenant_id, subscription_id)
        of_trades, of_orders = TradeFilter(subscription_id=subscription_id), OrderFilter(subscription_id=subscription_id)
        trades = _newest(lambda cursor: self.history.list_trades(tenant_id, of_trades, cursor, PAGE_SIZE), MAX_TRADES)
        orders = _newest(lambda cursor: self.history.list_orders(tenant_id, of_orders, cursor, PAGE_SIZE), MAX_ORDERS)
        slippages = [order.slippage_bps for order in orders if order.slippage_bps is not None]
        return Performance(
            statistics=self.subscriptions.subscription_statistics(tenant_id, subscription_id),
            max_drawdown=max_drawdown(trades),
            drawdown_trades=len(trades),
            slippage_bps=(sum(slippages, ZERO) / len(slippages)).quantize(Decimal("0.01")) if slippages else None,
            slippage_orders=len(slippages),
        )


def _newest[T](fetch: Callable[[str | None], Page[T]], most: int) -> tuple[T, ...]:
    """The first items of a listing, as many as `most`."""
    items: list[T] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = fetch(cursor)
        items.extend(page.items)
        cursor = page.cursor
        if cursor is None or len(items) >= most:
            break
    return tuple(items[:most])


def max_drawdown(newest_first: Sequence[Trade]) -> Decimal | None:
    """The deepest fall of the running result below its earlier peak, starting from nothing; None without trades."""
    if not newest_first:
        return None
    results = list(accumulate((trade.net_pnl for trade in reversed(newest_first)), initial=ZERO))
    peaks = accumulate(results, max)
    return max(peak - result for peak, result in zip(peaks, results, strict=True))
