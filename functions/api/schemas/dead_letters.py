"""Dead letters as platform admins see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from candlecast.ports.dead_letters import MAX_CHOSEN, DeadLetterListing, Redriven
from functions.api.schemas.values import Body, View

MessageId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9-]+$")]


class DeadLetterView(View):
    """One dead letter. `facts` are the ids in its message; the message itself is never shown."""

    queue: str = Field(description="Name of the queue.")
    message_id: str
    reason_code: str = Field(
        description="Code of the reason why the message was dead-lettered.", examples=["RETRIES_SPENT:ORDER_UNKNOWN"]
    )
    reason: str = Field(description="The reason in words.")
    function: str = Field(description="The function that gave it up; empty if it ended without a word.")
    correlation_id: str
    put_aside_at: datetime = Field(description="When the message was dead-lettered.")
    age_seconds: int = Field(description="Seconds since then.")
    receives: int | None = Field(description="How often its queue had delivered it, where that was noted.")
    group_id: str | None = Field(description="FIFO group of the message; null in a standard queue.")
    kind: str = Field(description="Kind of the message.", examples=["TradeOrder"])
    facts: dict[str, str] = Field(description="Ids and times of the message, by name.")


class DeadLetterList(View):
    """The dead letters that one look has shown."""

    items: list[DeadLetterView] = Field(description="The dead letters that were found.")
    total: int = Field(description="About how many there are: a FIFO group shows its first ten only.")

    @classmethod
    def of(cls, listing: DeadLetterListing) -> DeadLetterList:
        return cls(items=[DeadLetterView.model_validate(entry) for entry in listing.entries], total=listing.total)


class RedriveChoice(Body):
    """Which dead letters are meant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message_ids": ["5fea7756-0ea4-451a-a703-a558b933e274"]}, {}]})

    message_ids: list[MessageId] | None = Field(
        default=None, min_length=1, max_length=MAX_CHOSEN, description="Left out, all are meant."
    )


class RefusedLetterView(View):
    """A dead letter that stays, and why."""

    message_id: str
    code: str = Field(description="Code of the reason.", examples=["LETTER_NOT_FOUND"])


class RedrivenView(View):
    """The result of a redrive. A letter that has become stale ends as expired when its function takes it."""

    redriven: int = Field(description="Number of dead letters that are back at work.")
    message_ids: list[str] = Field(description="Ids of the dead letters that are back at work.")
    refused: list[RefusedLetterView] = Field(description="Dead letters that stay, and why.")
    left: int = Field(description="About how many dead letters the queue has now; a repeat moves them too.")

    @classmethod
    def of(cls, done: Redriven) -> RedrivenView:
        return cls(
            redriven=len(done.message_ids),
            message_ids=list(done.message_ids),
            refused=[RefusedLetterView.model_validate(it) for it in done.refused],
            left=done.left,
        )
