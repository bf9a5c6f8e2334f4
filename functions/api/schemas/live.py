"""Bodies of live connections: the topics that a client listens to, and the ticket."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlencode

from pydantic import ConfigDict, Field

from candlecast.domain.live.connection import Ticket, Topic
from functions.api.schemas.values import Body, Instant, View


class NewLiveTicket(Body):
    """The topics of a connection."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"topics": ["orders", "positions"]}]})

    topics: list[Topic] = Field(
        default_factory=lambda: list(Topic),
        min_length=1,
        max_length=len(Topic),
        description="Topics to listen to; all of them by default.",
    )


class LiveTicketView(View):
    """A ticket. It is shown once, opens one connection, and should stand in no log."""

    url: str = Field(description="Connect here: the ticket is part of it.")
    topics: list[Topic] = Field(description="The topics of the connection.")
    expires_at: Instant = Field(description="The ticket opens nothing from then on.")
    connection_ends_at: Instant = Field(description="The connection is closed within a minute of then: get another ticket.")

    @classmethod
    def of(cls, text: str, ticket: Ticket, url: str) -> Self:
        return cls(
            url=f"{url}?{urlencode({'ticket': text})}",
            topics=list(ticket.topics),
            expires_at=ticket.expires_at,
            connection_ends_at=ticket.connection_ends_at,
        )
