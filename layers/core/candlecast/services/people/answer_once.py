"""Do a request that carries a key once: a repeat gets the answer of the first, and does nothing (decision 0140)."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.people.kept_request import MAX_ANSWER_CHARACTERS, KeptAnswer, KeptRequest, RequestInProgress
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.requests import KeptRequests


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request that was not done before; its end is told by `end` or `give_up`."""

    tenant_id: str
    operation: str
    key: str
    attempt: str
    requests: KeptRequests

    def end(self, status: int, text: str | None) -> None:
        """Keep the answer for repeats; None keeps that the request was done, and not its answer. Raises `RetryLater`."""
        kept = None if text is None or len(text) > MAX_ANSWER_CHARACTERS else text
        answer = KeptAnswer(status=status, text=kept)
        self.requests.end_request(self.tenant_id, self.operation, self.key, self.attempt, answer)

    def give_up(self) -> None:
        """Free the key of a request that was refused: a repeat asks again. Raises `RetryLater`."""
        self.requests.forget_request(self.tenant_id, self.operation, self.key, self.attempt)


@dataclass(frozen=True, slots=True)
class AnswerOnce:
    """Tells first requests from repeats.

    The run of a request may die between the act and its answer. A repeat then does the act again. So each act is safe to repeat
    by itself, or makes a second thing that is seen; orders follow from ids of their own.
    """

    requests: KeptRequests
    clock: Clock
    identifiers: Identifiers

    def __call__(self, tenant_id: str, operation: str, key: str, asked_for: str) -> Attempt | tuple[int, str]:
        """An attempt to be made now, or status and text of the answer that was given.

        Raises `InvalidValue` (IDEMPOTENCY_KEY_REUSED) for a key of another request, `RequestInProgress`, `Conflict`
        (ANSWER_NOT_KEPT) for a repeat whose answer showed a secret, `RetryLater`.
        """
        now, attempt = self.clock.now(), self.identifiers.new()
        wanted = KeptRequest(asked_for=asked_for, attempt=attempt, begun_at=now)
        known = self.requests.begin_request(tenant_id, operation, key, wanted, now)
        if known.attempt == attempt:
            return Attempt(tenant_id=tenant_id, operation=operation, key=key, attempt=attempt, requests=self.requests)
        if known.asked_for != asked_for:
            raise InvalidValue("the key was used for another request", code="IDEMPOTENCY_KEY_REUSED")
        if known.answer is None:
            raise RequestInProgress
        if known.answer.text is None:
            raise Conflict("ANSWER_NOT_KEPT", "the request with this key was done, and its answer is not kept")
        return known.answer.status, known.answer.text
