"""Dead letters: messages that could not be processed. Platform admins look at them, put them back to work, or drop them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Path, Query

from candlecast.domain.values.errors import NotFound
from candlecast.ports.dead_letters import MAX_LISTED, QUEUES
from functions.api.deps import DEFAULT_PAGE_SIZE, AdminDep
from functions.api.openapi import refusals
from functions.api.ports import DeadLettersDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.dead_letters import DeadLetterList, DeadLetterView, RedriveChoice, RedrivenView

MESSAGE_ID = re.compile(r"[A-Za-z0-9-]{1,100}")  # SQS's own: a UUID today, a hundred characters at most

ALL = RedriveChoice()

router = resource_router(VERSION + "/dead-letters", "operations", 401, 403, 404, 422, 500, 503)


def _queue(queue: Annotated[str, Path(description="Name of the queue.", json_schema_extra={"enum": list(QUEUES)})]) -> str:
    if queue not in QUEUES:
        raise NotFound("queue")
    return queue


def _message(message_id: Annotated[str, Path(json_schema_extra={"pattern": f"^{MESSAGE_ID.pattern}$"})]) -> str:
    if not MESSAGE_ID.fullmatch(message_id):
        raise NotFound("dead letter")
    return message_id


Queue = Annotated[str, Depends(_queue)]
MessageId = Annotated[str, Depends(_message)]
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED, description="Entries at most.")]


@router.get("/{queue}")
def list_dead_letters(_: AdminDep, letters: DeadLettersDep, queue: Queue, limit: Limit = DEFAULT_PAGE_SIZE) -> DeadLetterList:
    """List a queue's dead letters without disturbing them (platform admins)."""
    return DeadLetterList.of(letters.entries(queue, limit))


@router.get("/{queue}/{message_id}")
def get_dead_letter(_: AdminDep, letters: DeadLettersDep, queue: Queue, message_id: MessageId) -> DeadLetterView:
    """Show one dead letter (platform admins)."""
    return DeadLetterView.model_validate(letters.entry(queue, message_id))


@router.post("/{queue}/redrive", responses=refusals(409, 413))
def redrive_dead_letters(who: AdminDep, letters: DeadLettersDep, queue: Queue, body: RedriveChoice = ALL) -> RedrivenView:
    """Put a queue's dead letters, all or those named, back to work (platform admins).

    Nothing is executed by that: an entry that has grown too old expires when it is taken; exits are executed.
    """
    return RedrivenView.of(letters.redrive(queue, body.message_ids, who.name))


@router.delete("/{queue}/{message_id}", responses=refusals(409))
def drop_dead_letter(who: AdminDep, letters: DeadLettersDep, queue: Queue, message_id: MessageId) -> DeadLetterView:
    """Delete one dead letter for ever; answers what it was (platform admins)."""
    return DeadLetterView.model_validate(letters.drop(queue, message_id, who.name))
