"""Count what the signals of a source have filled; the next signal of the source is compared with the sum."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.errors import NotFound
from candlecast.ports.sources import SourceUse
from candlecast.ports.store import StrategyStore

MAX_KNOWN_STRATEGIES = 2_000  # two short texts each; the source of a strategy never changes


@dataclass(frozen=True, slots=True)
class CountNotional:
    """Adds each entry of a source once, when the entry has ended. Entries of built-in strategies cost one lookup a strategy."""

    strategies: StrategyStore
    use: SourceUse
    not_before: datetime | None = None
    """Entries that ended earlier count no more, since nobody knows whether they have been counted; None: all count."""
    _known: dict[str, str | None] = field(default_factory=dict, repr=False)

    def __call__(self, order: Intent) -> None:
        """Count the order if it is an entry that has ended with fills; raises `RetryLater`."""
        if order.kind is not LegKind.ENTRY or not order.state.is_terminal or order.average_price is None:
            return
        at = order.settled_at or order.created_at
        if self.not_before is not None and at < self.not_before:
            return
        source_id = self._source_of(order.strategy_id)
        if source_id is not None and order.filled_quantity > 0:
            filled = order.filled_quantity * order.average_price
            self.use.add_notional(source_id, order.intent_id, order.account_id, filled, at)

    def _source_of(self, strategy_id: str) -> str | None:
        if strategy_id not in self._known:
            try:
                source_id = self.strategies.get_strategy(strategy_id).source_id
            except NotFound:
                source_id = None
            if len(self._known) >= MAX_KNOWN_STRATEGIES:
                self._known.clear()
            self._known[strategy_id] = source_id
        return self._known[strategy_id]
