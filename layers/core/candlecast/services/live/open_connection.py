"""Open a connection for the tenant of a ticket, and forget it when it is gone."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.live.connection import MAX_CONNECTIONS, MAX_TICKET_CHARACTERS, Connection, ticket_digest
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.live import ConnectionStore, TicketStore


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """Redeems the ticket first, so no ticket is tried twice."""

    tickets: TicketStore
    connections: ConnectionStore
    clock: Clock
    metrics: Metrics

    def __call__(self, ticket: str | None, connection_id: str) -> Connection:
        """The connection that is open from now on.

        Raises `NotFound` for a ticket that opens nothing, `Conflict` (TOO_MANY_CONNECTIONS), `RetryLater`. The bound on
        connections is read from an index, so connections that open at the same moment may pass it together.
        """
        if not ticket or len(ticket) > MAX_TICKET_CHARACTERS:
            raise NotFound("no such ticket")
        now = self.clock.now()
        redeemed = self.tickets.redeem_ticket(ticket_digest(ticket), now)
        known = [each for each in self.connections.connections_of(redeemed.tenant_id) if each.ends_at > now]
        if len(known) >= MAX_CONNECTIONS:
            raise Conflict("TOO_MANY_CONNECTIONS", f"{MAX_CONNECTIONS} connections are open already: close one")
        opened = Connection(
            connection_id=connection_id,
            tenant_id=redeemed.tenant_id,
            topics=redeemed.topics,
            ends_at=redeemed.connection_ends_at,
        )
        self.connections.put_connection(opened)
        self.metrics.count("LiveConnectionsOpened")
        return opened
