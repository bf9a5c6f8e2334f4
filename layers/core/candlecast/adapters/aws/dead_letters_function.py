"""The dead letters by way of the one function that may touch them: the port of the API and the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import FunctionRefused, ask_function
from candlecast.adapters.codec import from_json
from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.ports.dead_letters import DeadLetterEntry, DeadLetterListing, Redriven

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "DEAD_LETTERS_UNAVAILABLE"


class FunctionDeadLetters:
    """`ports.dead_letters.DeadLetters`: every question is one synchronous invocation of the function.

    `client` makes the client at the first use; `seconds` is how long the function may work on one question. The client's read
    time-out must be longer, and the client must not retry by itself: a retry would run beside the first attempt.
    """

    def __init__(self, client: Callable[[], LambdaClient], function: str, seconds: float) -> None:
        self._client = client
        self._function = function
        self._seconds = seconds

    def entries(self, queue: str, limit: int) -> DeadLetterListing:
        return from_json(DeadLetterListing, self._ask("list", queue, limit=limit))

    def entry(self, queue: str, message_id: str) -> DeadLetterEntry:
        return from_json(DeadLetterEntry, self._ask("show", queue, message_id=message_id))

    def redrive(self, queue: str, message_ids: Sequence[str] | None, by: str) -> Redriven:
        chosen = None if message_ids is None else list(message_ids)
        return from_json(Redriven, self._ask("redrive", queue, message_ids=chosen, by=by))

    def drop(self, queue: str, message_id: str, by: str) -> DeadLetterEntry:
        return from_json(DeadLetterEntry, self._ask("drop", queue, message_id=message_id, by=by))

    def _ask(self, action: str, queue: str, **more: Any) -> str:
        """The function's answer, as JSON. Raises the function's own refusal, or `RetryLater` if it did not answer."""
        event = {"action": action, "queue": queue, "within_seconds": self._seconds, **more}
        try:
            return ask_function(self._client(), self._function, event, UNAVAILABLE)
        except FunctionRefused as refusal:
            if refusal.code == "NOT_FOUND":
                raise NotFound(refusal.message) from None
            raise InvalidValue(refusal.message, code=refusal.code) from None
