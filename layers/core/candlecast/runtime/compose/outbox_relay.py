"""Batch of stream records to the archive, then each record to projections and the event bus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import archived_events, published_events
from candlecast.adapters.s3.event_archive import S3EventArchive
from candlecast.adapters.system import SystemClock
from candlecast.ports.bus import PublishedEvent
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import OutboxRelaySettings
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents

type Records = Iterable[Mapping[str, Any]]


@once
def build() -> Callable[[Records], Callable[[Any], tuple[PublishedEvent, ...]]]:
    """Archive a batch as Lambda hands it over; the result relays one record of the batch, as Powertools hands the record over.

    Relaying a record returns its critical alerts.
    """
    known, clock, metrics = OutboxRelaySettings.read(), SystemClock(), EmfMetrics()
    table, bus = Table(known.table_name, generation=known.table_generation), EventBridgeBus(aws("events"), known.event_bus_name)
    archive = S3EventArchive(aws("s3"), known.archive_bucket)
    release = ReleasePools(DynamoPoolStore(table, clock), DynamoGate(table), bus, clock, metrics)
    notional = CountNotional(DynamoStrategyStore(table), DynamoSourceUse(table))
    relay = RelayEvents(ProjectEvents(DynamoHistory(table), DynamoDecisions(table), notional), release, bus, metrics)

    def archived(records: Records) -> Callable[[Any], tuple[PublishedEvent, ...]]:
        archive.keep_batch(archived_events(records))
        return lambda record: relay(published_events(record.raw_event))

    return archived
