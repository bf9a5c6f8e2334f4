"""Show the slippage of followers by their turn, and beside the fills of a backtest, so that everybody sees what live costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.ranks import RECENT_SIGNALS, SignalRanks, SlippageSums, by_tenth
from candlecast.domain.strategies.record import public_until
from candlecast.ports.clock import Clock
from candlecast.ports.filters import OrderFilter, Window
from candlecast.ports.store import History
from candlecast.services.strategies.admit_reader import Admission

PAGE_SIZE = 100  # the largest page that is served
PAGES = 2  # of the reader's orders: a request's reads stay bounded


@dataclass(frozen=True, slots=True)
class SlippageByRank:
    """The newest signals with a filled order, newest first, and their sums by tenth of the turns."""

    signals: Sequence[SignalRanks]
    tenths: Sequence[SlippageSums]
    own: Sequence[Intent]
    """The reader's own orders of these signals, among the newest two pages."""


@dataclass(frozen=True, slots=True)
class ShowSlippage:
    """Reads the sums of the newest signals, and the reader's newest orders; three queries at most."""

    history: History
    clock: Clock

    def __call__(self, admitted: Admission, tenant_id: str) -> SlippageByRank:
        """The newest signals; others than followers see a signal once it is as old as a public trade."""
        until = None if admitted.sees_decisions else public_until(admitted.strategy, self.clock.now())
        signals = self.history.signal_ranks(admitted.strategy.strategy_id, until, RECENT_SIGNALS)
        return SlippageByRank(signals, by_tenth(signals), self._own(tenant_id, admitted.strategy.strategy_id, signals))

    def _own(self, tenant_id: str, strategy_id: str, signals: Sequence[SignalRanks]) -> Sequence[Intent]:
        """The reader's orders of these signals, in the first `PAGES` pages since the oldest of them."""
        if not signals:
            return ()
        signal_ids = {signal.signal_id for signal in signals}
        where = OrderFilter(strategy_id=strategy_id, window=Window(since=signals[-1].issued_at))
        found, cursor = list[Intent](), None
        for _ in range(PAGES):
            page = self.history.list_orders(tenant_id, where, cursor, PAGE_SIZE)
            found += (order for order in page.items if order.signal_id in signal_ids)
            cursor = page.cursor
            if cursor is None:
                break
        return found
