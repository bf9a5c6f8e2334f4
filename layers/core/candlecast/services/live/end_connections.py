"""End connections: close each at the gateway, then forget it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.ports.clock import Metrics
from candlecast.ports.live import ConnectionGateway, ConnectionStore


@dataclass(frozen=True, slots=True)
class EndConnections:
    """A connection that could not be closed stays known, so the clock finds it again in the next minute."""

    connections: ConnectionStore
    gateway: ConnectionGateway
    metrics: Metrics

    def __call__(self, connection_ids: Sequence[str]) -> int:
        """How many are gone. Raises `RetryLater` if these could not be forgotten."""
        gone = self.gateway.close_connections(connection_ids)
        self.metrics.count("LiveConnectionsEnded", len(gone))
        self.connections.forget_connections(gone)
        return len(gone)
