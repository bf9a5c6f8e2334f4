"""Strategies and sources in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from candlecast.domain.account.events import Event, EventType
from candlecast.domain.strategies.days import DaySums, TenantDay
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.listing import RecordStart
from candlecast.domain.strategies.record import RecordSums, TenantRecord, counted_return, window_of
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import (
    MAX_OWNED_STRATEGIES,
    MAX_UPLOADS_A_DAY,
    UPLOAD_LEASE,
    StrategyChange,
    StrategyVersion,
)
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.ids import event_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import VersionFilter
from candlecast.ports.store import Page
from tests.support.fakes.store import FakeDatabase, listed, page_of


class FakeStrategyStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def create_strategy(
        self, definition: StrategyDefinition, source: SignalSource | None = None, version: StrategyVersion | None = None
    ) -> None:
        if definition.strategy_id in self.database.strategies or (source and source.source_id in self.database.sources):
            raise Conflict("ALREADY_EXISTS", "the strategy or its source exists")
        if definition.owner is not None and len(self._owned(definition.owner)) >= MAX_OWNED_STRATEGIES:
            raise Conflict("TOO_MANY_STRATEGIES", "the tenant owns enough")
        self.database.strategies[definition.strategy_id] = definition
        if version is not None:
            self.database.versions[version.strategy_id, version.number] = version
        if source is not None:
            self.database.sources[source.source_id] = source

    def change_strategy(
        self, definition: StrategyDefinition, change: StrategyChange, version: StrategyVersion | None = None
    ) -> StrategyDefinition:
        stored, held = replace(definition, revision=definition.revision + 1), self.get_strategy(definition.strategy_id)
        if (change.strategy_id, change.revision) != (stored.strategy_id, stored.revision):
            raise InvalidValue("the change belongs to another revision")
        is_taken = version is not None and (version.strategy_id, version.number) in self.database.versions
        if held.revision != definition.revision or is_taken:
            raise Conflict("VERSION_CONFLICT", "somebody else has changed the strategy")
        self.database.strategies[stored.strategy_id] = replace(
            stored, subscriber_count=held.subscriber_count, pinned_count=held.pinned_count
        )
        if version is not None:
            self.database.versions[version.strategy_id, version.number] = version
        self.database.changes.setdefault(stored.strategy_id, []).append(change)
        identity = f"STRATEGY-{stored.strategy_id}"
        self.database.stream.append(
            PublishedEvent(
                event_id=event_id(identity, change.revision, 0),
                tenant_id=definition.owner or "PLATFORM",
                account_id=identity,
                version=change.revision,
                event=Event(type=EventType(change.type), occurred_at=change.changed_at, strategy_change=change),
            )
        )
        return stored

    def get_version(self, strategy_id: str, number: int) -> StrategyVersion:
        try:
            return self.database.versions[strategy_id, number]
        except KeyError:
            raise NotFound("no such version") from None

    def list_versions(
        self, strategy_id: str, where: VersionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[StrategyVersion]:
        found = [version for (of, _), version in self.database.versions.items() if of == strategy_id]
        placed = (((version.created_at, version.number), version) for version in found)
        return page_of(f"{strategy_id} VERSIONS", listed(placed, where), cursor, limit)

    def list_changes(self, strategy_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyChange]:
        return page_of(f"{strategy_id} CHANGES", self.database.changes.get(strategy_id, [])[::-1], cursor, limit)

    def pinned_versions(self, strategy_id: str) -> Mapping[int, int]:
        self.get_strategy(strategy_id)
        return Counter(
            subscription.pinned_version
            for subscription in self.database.subscriptions.values()
            if subscription.strategy_id == strategy_id
            and subscription.pinned_version is not None
            and subscription.status is not SubscriptionStatus.CANCELLED
        )

    def owned_strategies(self, tenant_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        return page_of(f"OWNED {tenant_id}", self._owned(tenant_id), cursor, limit)

    def followed_uploads(self, timeframe: Timeframe) -> Iterator[tuple[str, str, str]]:
        followed = self._followed(timeframe, StrategyKind.UPLOADED)
        return iter(sorted((each.venue, each.market or "", each.strategy_id) for each in followed))

    def begin_upload(self, tenant_id: str, at: datetime) -> None:
        counted = (tenant_id, at.astimezone(UTC).date())
        if self.database.uploads[counted] >= MAX_UPLOADS_A_DAY:
            raise Conflict("TOO_MANY_UPLOADS", "the day's uploads are spent")
        if self.database.checked_until.get(counted, at) > at:
            raise Conflict("UPLOAD_IN_PROGRESS", "another upload is checked")
        self.database.uploads[counted] += 1
        self.database.checked_until[counted] = at + UPLOAD_LEASE

    def end_upload(self, tenant_id: str, began_at: datetime) -> None:
        self.database.checked_until.pop((tenant_id, began_at.astimezone(UTC).date()), None)

    def get_strategy(self, strategy_id: str) -> StrategyDefinition:
        try:
            return self.database.strategies[strategy_id]
        except KeyError:
            raise NotFound("no such strategy") from None

    def list_strategies(self, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        listed = (each for each in self.database.strategies.values() if each.reserved_for is None and each.owner is None)
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

    def strategy_days(self, strategy_id: str, venue: str, first: date, last: date) -> Mapping[date, DaySums]:
        """From the trades themselves, in the order in which they came."""
        parts: dict[tuple[date, str], TenantDay] = {}
        for trade in self.database.trades.values():
            trade_return, place = counted_return(trade.net_pnl, trade.capital), (trade.closed_at.date(), trade.tenant_id)
            is_of_it = (trade.strategy_id, trade.venue) == (strategy_id, venue) and first <= place[0] <= last
            if trade_return is not None and is_of_it:
                parts[place] = parts.get(place, TenantDay()).with_trade(trade.subscription_id, trade_return)
        days: dict[date, DaySums] = {}
        for (day, _), part in sorted(parts.items(), key=lambda held: held[0]):
            days[day] = days.get(day, DaySums()) + part.part
        return days

    def record_start(self, strategy_id: str, venue: str, until: datetime) -> RecordStart | None:
        counted = [
            trade
            for trade in self.database.trades.values()
            if (trade.strategy_id, trade.venue) == (strategy_id, venue) and trade.capital is not None and trade.closed_at < until
        ]
        first = min(counted, key=lambda trade: trade.opened_at, default=None)
        return None if first is None else RecordStart(opened_at=first.opened_at, price=first.entry_price)

    def _owned(self, tenant_id: str) -> list[StrategyDefinition]:
        owned = (definition for definition in self.database.strategies.values() if definition.owner == tenant_id)
        return sorted(owned, key=lambda definition: definition.strategy_id)

    def _followed(self, timeframe: Timeframe, kind: StrategyKind = StrategyKind.BUILT_IN) -> list[StrategyDefinition]:
        return sorted(
            (
                definition
                for definition in self.database.strategies.values()
                if definition.kind is kind and definition.timeframe is timeframe and definition.subscriber_count > 0
            ),
            key=lambda definition: definition.strategy_id,
        )
