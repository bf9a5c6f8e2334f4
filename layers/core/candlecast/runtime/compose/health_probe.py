"""Schedule to the newest health."""

from __future__ import annotations

from functools import cache

from candlecast.adapters.aws.probes import EventBusProbe, QueuesProbe, SecretsProbe
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.ping import VenuePing
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.health import DynamoHealth
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.system import SystemClock
from candlecast.adapters.token_issuer import TokenIssuerProbe
from candlecast.domain.health.health import EVENT_BUS, QUEUES, SECRETS, TABLE, TOKEN_ISSUER, VENUE_PREFIX
from candlecast.domain.market.market import Market
from candlecast.ports.health import Probe
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import HealthProbeSettings
from candlecast.services.health.probe_components import ProbeComponents
from candlecast.services.health.probe_venue import ProbeVenue
from candlecast.services.venue.spend_weight import SpendWeight

_NO_MARKETS: dict[str, Market] = {}  # one value, so that a template is made once


@cache
def build(issuer: str) -> ProbeComponents:
    """Probe the table, the queues, the vault, the bus, the issuer of tokens, and each venue of the environment."""
    with uncollected():
        known, clock, metrics = HealthProbeSettings.read(), SystemClock(), EmfMetrics()
        table = Table(known.table_name, generation=known.table_generation)
        store, gate = DynamoHealth(table), DynamoGate(table)
        spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
        templates = Templates(known.ccxt_venues(), lambda _: _NO_MARKETS)
        probes: dict[str, Probe] = {
            TABLE: store,
            QUEUES: QueuesProbe(aws("sqs"), (known.candle_queue_url, known.signal_queue_url, known.trade_queue_url)),
            SECRETS: SecretsProbe(aws("secretsmanager"), known.probed_secret_id),
            EVENT_BUS: EventBusProbe(aws("events"), known.event_bus_name),
            TOKEN_ISSUER: TokenIssuerProbe(issuer),
        }
        for venue in known.venues:
            probes[VENUE_PREFIX + venue] = ProbeVenue(venue, VenuePing(templates, venue), spend, gate)
        return ProbeComponents(probes, store, clock, metrics)
