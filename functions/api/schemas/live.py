"""Bodies of live connections: the topics that a client listens to, the ticket, and the messages of a connection.

The API sends no message: the classes here describe what `candlecast/domain/live/change.py` makes.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlencode

from pydantic import ConfigDict, Field

from candlecast.domain.live.change import MAX_NAMED
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

    url: str = Field(description="Connect here: the ticket is part of it. Each message is an `AccountChanged`.")
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


class OrdersChanged(View):
    """Orders of the account that have changed."""

    topic: Literal["orders"] = Field(description="The topic.")
    order_ids: list[str] | None = Field(description="Ids of the orders; null for more than ten.", max_length=MAX_NAMED)


class ChangedPosition(View):
    """A position; a subscription has one in a market."""

    subscription_id: str
    market: str


class PositionsChanged(View):
    """Positions of the account that have changed, or were closed."""

    topic: Literal["positions"] = Field(description="The topic.")
    positions: list[ChangedPosition] | None = Field(
        description="Subscriptions and markets of the positions; null for more than ten.", max_length=MAX_NAMED
    )


class SignalsDecided(View):
    """Signals that were decided on for the account; their receipts say how."""

    topic: Literal["signals"] = Field(description="The topic.")
    signal_ids: list[str] | None = Field(description="Ids of the signals; null for more than ten.", max_length=MAX_NAMED)


class AccountChanged(View):
    """A message of a live connection: an account has changed. It names what to fetch, and never how it is now.

    `from` and `sequence` are versions of the account, in a chain. A `from` above the version that a client knows means that the
    client has missed something: fetch all. A `sequence` that is not above it is known already.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "account.changed",
                    "account_id": "3f1c",
                    "from": 41,
                    "sequence": 43,
                    "changes": [
                        {"topic": "orders", "order_ids": ["9b2e", "77d0"]},
                        {"topic": "positions", "positions": [{"subscription_id": "c0de", "market": "BTC/USDT:USDT"}]},
                        {"topic": "signals", "signal_ids": ["a71f"]},
                    ],
                }
            ]
        }
    )

    type: Literal["account.changed"] = Field(description="Kind of the message.")
    account_id: str
    before: int = Field(alias="from", ge=0, description="Version of the account before the change; 0 for a new account.")
    sequence: int = Field(ge=1, description="Version of the account after the change.")
    changes: list[Annotated[OrdersChanged | PositionsChanged | SignalsDecided, Field(discriminator="topic")]] = Field(
        description="Changes by topic; empty if the topics of the connection have none.", max_length=len(Topic)
    )
