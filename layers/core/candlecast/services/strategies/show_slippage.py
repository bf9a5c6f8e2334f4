"""Show the slippage of followers by their turn, so that everybody sees the price of a late turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.orders.ranks import RECENT_SIGNALS, SignalRanks, SlippageSums, by_tenth
from candlecast.domain.strategies.record import public_until
from candlecast.ports.clock import Clock
from candlecast.ports.store import History
from candlecast.services.strategies.admit_reader import Admission


@dataclass(frozen=True, slots=True)
class SlippageByRank:
    """The newest signals with a filled order, newest first, and their sums by tenth of the turns."""

    signals: Sequence[SignalRanks]
    tenths: Sequence[SlippageSums]


@dataclass(frozen=True, slots=True)
class ShowSlippage:
    """Reads the sums of the newest signals; one query."""

    history: History
    clock: Clock

    def __call__(self, admitted: Admission) -> SlippageByRank:
        """The newest signals; others than followers see a signal once it is as old as a public trade."""
        until = None if admitted.sees_decisions else public_until(admitted.strategy, self.clock.now())
        signals = self.history.signal_ranks(admitted.strategy.strategy_id, until, RECENT_SIGNALS)
        return SlippageByRank(signals, by_tenth(signals))
