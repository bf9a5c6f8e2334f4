"""Doors of live connections: tickets in, connections kept, changes pushed, ended connections closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from candlecast.adapters.aws.clients import aws_client
from candlecast.adapters.aws.connections import ApiGatewayConnections, management_endpoint
from candlecast.adapters.aws.live_function import pushes_of
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.system import SystemClock
from candlecast.ports.live import ConnectionStore
from candlecast.runtime.compose.clients import lazy
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import LiveConnectionsSettings
from candlecast.services.live.end_connections import EndConnections
from candlecast.services.live.open_connection import OpenConnection
from candlecast.services.live.push_changes import PushChanges


class LiveConnections(NamedTuple):
    """The life of a connection, from its handshake to its end."""

    open_connection: OpenConnection
    connections: ConnectionStore
    end_connections: EndConnections
    push_changes: Callable[[Sequence[object]], dict[str, int]]


@once
def build() -> LiveConnections:
    """Connections of the environment's WebSocket API, kept in its table."""
    known, clock, metrics = LiveConnectionsSettings.read(), SystemClock(), EmfMetrics()
    store = DynamoLive(Table(known.table_name, generation=known.table_generation))
    endpoint = management_endpoint(known.live_url)
    management = lazy(lambda: aws_client("apigatewaymanagementapi", endpoint=endpoint))
    gateway = ApiGatewayConnections(management)
    push_changes = PushChanges(store, gateway, time.sleep)
    return LiveConnections(
        OpenConnection(store, store, clock, metrics),
        store,
        EndConnections(store, gateway, metrics),
        lambda pushed: push_changes(pushes_of(pushed)),
    )
