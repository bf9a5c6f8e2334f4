"""Batch of stream records to the archive, then each record to projections and the event bus, and the batch to listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.aws.live_function import LiveFunction
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import account_version, archived_events, published_events
from candlecast.adapters.s3.event_archive import S3EventArchive
from candlecast.adapters.system import SystemClock
from candlecast.domain.live.change import AccountChange
from candlecast.ports.bus import PublishedEvent
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import OutboxRelaySettings
from candlecast.services.live.note_change import noted
from candlecast.services.live.tell_listeners import TellListeners
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents

type Records = Iterable[Mapping[str, Any]]

LIVE_SECONDS = 1.0  # until Lambda has taken an asynchronous invocation; listeners are worth no more waiting


@dataclass(slots=True)
class Batch:
    """An archived batch: each record is relayed as Powertools hands it over, then listeners are told."""

    _relay: RelayEvents
    _tell: TellListeners
    _changes: list[AccountChange] = field(default_factory=list)

    def relay(self, record: Any) -> tuple[PublishedEvent, ...]:
        """Relay one record; returns its critical alerts."""
        published = published_events(record.raw_event)
        alerts = self._relay(published)
        version = account_version(record.raw_event)
        if version is not None:
            self._changes.append(noted(version, published))
        return alerts

    def tell_listeners(self) -> int:
        """How many tenants are told. Raises anything: the batch is relayed already."""
        return self._tell(self._changes)


@once
def build() -> Callable[[Records], Batch]:
    """Archive a batch as Lambda hands it over."""
    known, clock, metrics = OutboxRelaySettings.read(), SystemClock(), EmfMetrics()
    table, bus = Table(known.table_name, generation=known.table_generation), EventBridgeBus(aws("events"), known.event_bus_name)
    archive = S3EventArchive(aws("s3"), known.archive_bucket)
    release = ReleasePools(DynamoPoolStore(table, clock), DynamoGate(table), bus, clock, metrics)
    notional = CountNotional(DynamoStrategyStore(table), DynamoSourceUse(table))
    relay = RelayEvents(ProjectEvents(DynamoHistory(table), DynamoDecisions(table), notional), release, bus, metrics)
    live = LiveFunction(cache(partial(functions_client, LIVE_SECONDS)), known.live_function)
    tell = TellListeners(DynamoLive(table), live, clock)

    def archived(records: Records) -> Batch:
        archive.keep_batch(archived_events(records))
        return Batch(relay, tell)

    return archived
