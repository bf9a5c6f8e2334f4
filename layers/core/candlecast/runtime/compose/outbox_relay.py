"""Stream record to projections and the event bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import published_events
from candlecast.adapters.system import SystemClock
from candlecast.ports.bus import PublishedEvent
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import OutboxRelaySettings
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.relay_events import RelayEvents


@once
def build() -> Callable[[Any], tuple[PublishedEvent, ...]]:
    """Relay the events of one stream record, as Powertools hands it over; the result is the critical alerts."""
    known, clock, metrics = OutboxRelaySettings.read(), SystemClock(), EmfMetrics()
    table, bus = Table(known.table_name), EventBridgeBus(aws("events"), known.event_bus_name)
    release = ReleasePools(DynamoPoolStore(table, clock), DynamoGate(table), bus, clock, metrics)
    notional = CountNotional(DynamoStrategyStore(table), DynamoSourceUse(table))
    relay = RelayEvents(DynamoHistory(table, clock), DynamoDecisions(table, clock), release, bus, metrics, notional)
    return lambda record: relay(published_events(record.raw_event))
