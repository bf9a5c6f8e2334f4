"""The marketplace and the clock's work list in memory, from the definitions themselves."""

from __future__ import annotations

from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.strategies.listing import (
    Card,
    ListedBacktest,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    ListingWalk,
    is_listed,
)
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock_registry import ClockEntry
from candlecast.ports.store import Page
from tests.support.fakes.store import FakeDatabase, page_of


class FakeListingStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()
        self.walk: ListingWalk | None = None

    def browse(self, query: ListingQuery, cursor: str | None = None, limit: int = 50) -> Page[Card]:
        cards = [self._card(definition) for definition in self.database.strategies.values() if is_listed(definition)]
        fitting = [
            card for card in cards if rules_of(card.listing.venue).is_paper is query.is_paper and query.finds(card.listing)
        ]
        ordered = sorted(fitting, key=lambda card: _place(query.sort, card), reverse=True)
        return page_of(f"MARKETPLACE {query.is_paper} {query.sort}", ordered, cursor, limit)

    def add_missing(self, definition: StrategyDefinition) -> None:
        """Every definition has its card here."""

    def refresh(self, strategy_id: str, record: ListedRecord) -> None:
        self.database.listed_records[strategy_id] = record

    def put_backtest(self, strategy_id: str, backtest: ListedBacktest) -> None:
        if strategy_id in self.database.strategies:
            self.database.listed_backtests[strategy_id] = backtest

    def put_parity(self, strategy_id: str, parity: ParityShare) -> None:
        if strategy_id in self.database.strategies:
            self.database.listed_parities[strategy_id] = parity

    def load_walk(self) -> ListingWalk | None:
        return self.walk

    def save_walk(self, walk: ListingWalk) -> None:
        self.walk = walk

    def _card(self, definition: StrategyDefinition) -> Card:
        first = ListedRecord(followers=definition.subscriber_count)
        return Card(
            listing=Listing.of(definition),
            record=self.database.listed_records.get(definition.strategy_id, first),
            backtest=self.database.listed_backtests.get(definition.strategy_id),
            parity=self.database.listed_parities.get(definition.strategy_id),
        )


class FakeClockRegistry:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def entries(self, timeframe: Timeframe, kind: StrategyKind, cursor: str | None = None, limit: int = 50) -> Page[ClockEntry]:
        followed = sorted(
            (definition.venue, definition.market, definition.strategy_id)
            for definition in self.database.strategies.values()
            if definition.market is not None
            and (definition.kind, definition.timeframe) == (kind, timeframe)
            and definition.subscriber_count > 0
        )
        return page_of(f"CLOCK {timeframe} {kind}", [ClockEntry(*entry) for entry in followed], cursor, limit)


def _place(sort: ListingSort, card: Card) -> tuple[str | int, str]:
    if sort is ListingSort.NEWEST:
        return card.listing.created_at.isoformat(), card.listing.strategy_id
    score: str | int = card.record.score if sort is ListingSort.RECORD else card.record.followers
    return score, card.listing.strategy_id
