"""Strategies and sources in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.record import RecordSums, TenantRecord, counted_return, window_of
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.store import Page
from tests.support.fakes.store import FakeDatabase, page_of


class FakeStrategyStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def create_strategy(self, definition: StrategyDefinition, source: SignalSource | None = None) -> None:
        if definition.strategy_id in self.database.strategies or (source and source.source_id in self.database.sources):
            raise Conflict("ALREADY_EXISTS", "the strategy or its source exists")
        self.database.strategies[definition.strategy_id] = definition
        if source is not None:
            self.database.sources[source.source_id] = source

    def get_strategy(self, strategy_id: str) -> StrategyDefinition:
        try:
            return self.database.strategies[strategy_id]
        except KeyError:
            raise NotFound("no such strategy") from None

    def list_strategies(self, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        listed = (definition for definition in self.database.strategies.values() if definition.reserved_for is None)
        ordered = sorted(listed, key=lambda definition: definition.strategy_id)
        return page_of("STRATEGIES", ordered, cursor, limit)

    def followed_markets(self, timeframe: Timeframe) -> Iterator[tuple[str, str]]:
        followed = self._followed(timeframe)
        return iter(sorted({(definition.venue, definition.market or "") for definition in followed}))

    def followed_strategies(self, timeframe: Timeframe, venue: str, market: str) -> Sequence[StrategyDefinition]:
        followed = self._followed(timeframe)
        return [definition for definition in followed if (definition.venue, definition.market) == (venue, market)]

    def get_source(self, source_id: str) -> SignalSource:
        try:
            return self.database.sources[source_id]
        except KeyError:
            raise NotFound("no such source") from None

    def save_source(self, source: SignalSource) -> None:
        held = self.database.sources.get(source.source_id)
        if held is not None and held.revision != source.revision:
            raise Conflict("VERSION_CONFLICT", "somebody else has changed the source")
        self.database.sources[source.source_id] = replace(source, revision=source.revision + 1)

    def strategy_statistics(self, strategy_id: str) -> Statistics:
        return self.database.strategy_statistics.get(strategy_id, Statistics())

    def strategy_record(self, strategy_id: str, venue: str, until: datetime | None = None) -> RecordSums:
        """From the trades themselves, in the order in which they came."""
        parts: dict[str, TenantRecord] = {}
        for trade in self.database.trades.values():
            trade_return = counted_return(trade.net_pnl, trade.capital)
            is_public = until is None or window_of(trade.closed_at) < until
            if trade_return is not None and (trade.strategy_id, trade.venue) == (strategy_id, venue) and is_public:
                parts[trade.tenant_id] = parts.get(trade.tenant_id, TenantRecord()).with_trade(trade_return)
        return sum((part.part for part in parts.values()), RecordSums())

    def _followed(self, timeframe: Timeframe) -> list[StrategyDefinition]:
        return sorted(
            (
                definition
                for definition in self.database.strategies.values()
                if definition.kind is StrategyKind.BUILT_IN
                and definition.timeframe is timeframe
                and definition.subscriber_count > 0
            ),
            key=lambda definition: definition.strategy_id,
        )
