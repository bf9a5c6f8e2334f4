"""Issue a ticket: the caller of the API may open one connection with it, within half a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.live.connection import CONNECTION_LIFE, TICKET_LIFE, Ticket, Topic, ticket_digest
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.live import TicketStore


@dataclass(frozen=True, slots=True)
class IssueTicket:
    """Stores the digest of a fresh ticket; the ticket itself is in the answer alone."""

    tickets: TicketStore
    clock: Clock
    identifiers: Identifiers

    def __call__(self, tenant_id: str, topics: Sequence[Topic], token_ends_at: datetime) -> tuple[str, Ticket]:
        """The ticket's text and the ticket. Its connection ends with the token, and at `CONNECTION_LIFE` at the latest."""
        text, now = self.identifiers.new(), self.clock.now()
        ticket = Ticket(
            tenant_id=tenant_id,
            topics=tuple(sorted(set(topics))),
            expires_at=min(now + TICKET_LIFE, token_ends_at),
            connection_ends_at=min(now + CONNECTION_LIFE, token_ends_at),
        )
        self.tickets.put_ticket(ticket_digest(text), ticket)
        return text, ticket
