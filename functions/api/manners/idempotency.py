"""`Idempotency-Key` on acts that do not know their repeats by themselves: a repeat gets the first answer (decision 0140)."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest
from candlecast.runtime.observe import logger
from candlecast.services.people.answer_once import AnswerOnce, Attempt
from functions.api.deps import CallerDep, IdempotencyKey
from functions.api.ports import ClockDep, IdentifiersDep, KeptRequestsDep
from functions.api.problems import Repeated

SHOWS_SECRET = frozenset({"create_live_ticket", "rotate_source_secret"})  # in each of their answers, and nowhere else
MEDIA_TYPE = "application/json"


async def answer_once(requests: KeptRequestsDep, clock: ClockDep, identifiers: IdentifiersDep) -> AnswerOnce:
    return AnswerOnce(requests, clock, identifiers)


async def once(
    request: Request,
    who: CallerDep,
    answer: Annotated[AnswerOnce, Depends(answer_once)],
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Let a first request pass, and remember it for `settle`. Raises `Repeated` for a repeat."""
    if idempotency_key is None:
        return
    body = hashlib.sha256(await request.body()).hexdigest()
    roles = json.dumps(sorted(who.roles))  # an answer to an operator is none to somebody who is an operator no more
    asked_for = digest(request.method, request.url.path, request.url.query, body, roles)
    found = answer(who.tenant_id, request.scope["route"].name, idempotency_key, asked_for)
    if not isinstance(found, Attempt):
        raise Repeated(*found)
    request.state.settle = Settling(found)


class Settling:
    """The end of a request that carries a key. A store that fails then changes no answer."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def done(self, answer: Response) -> None:
        """Keep the answer of an act that was done; a refusal frees the key."""
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            self.refused()
            return
        text = bytes(answer.body).decode()
        try:
            self._attempt.end(answer.status_code, None if shows_secret(self._attempt.operation, text) else text)
        except RetryLater:
            logger.warning("answer not kept", extra={"operation": self._attempt.operation})

    def refused(self) -> None:
        """Free the key: nothing was done, or the act is safe to repeat."""
        try:
            self._attempt.give_up()
        except RetryLater:
            logger.warning("key not freed", extra={"operation": self._attempt.operation})


def shows_secret(operation: str, text: str) -> bool:
    """Whether an answer shows a secret that nobody sees again, so that no item may hold it."""
    return operation in SHOWS_SECRET or (operation == "create_strategy" and json.loads(text)["source"] is not None)
