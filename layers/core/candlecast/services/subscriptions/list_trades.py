"""List a tenant's trades, each with the run of the strategy that opened it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.orders.position import Trade
from candlecast.ports.filters import TradeFilter
from candlecast.ports.store import History, Page, SignalStore


@dataclass(frozen=True, slots=True)
class OpenedTrade:
    """A trade with the candle that its opening signal was decided on.

    `candle_close` is None for a signal from outside, and for a trade from before its signal was kept.
    """

    trade: Trade
    candle_close: datetime | None


@dataclass(frozen=True, slots=True)
class ListTrades:
    """One query, and one read of the signals of a page."""

    history: History
    signals: SignalStore

    def __call__(self, tenant_id: str, where: TradeFilter, cursor: str | None, limit: int) -> Page[OpenedTrade]:
        """One page. Raises `InvalidValue` (CURSOR_INVALID)."""
        page = self.history.list_trades(tenant_id, where, cursor, limit)
        wanted = {trade.signal_id for trade in page.items if trade.signal_id is not None}
        closes = {name: it.signal.candle_close for name, it in self.signals.find_signals(wanted).items()} if wanted else {}
        opened = [OpenedTrade(trade, None if trade.signal_id is None else closes.get(trade.signal_id)) for trade in page.items]
        return Page(opened, page.cursor)
