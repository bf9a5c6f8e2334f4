"""Dead letters that lie where a test has put them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from candlecast.domain.values.errors import NotFound
from candlecast.ports.dead_letters import NOT_HERE, DeadLetterEntry, DeadLetterListing, Redriven, RefusedLetter
from tests.support.builders import NOW


def a_dead_letter(message_id: str = "letter-1", **changes: Any) -> DeadLetterEntry:
    values: dict[str, Any] = {
        "queue": "trade",
        "message_id": message_id,
        "reason_code": "RETRIES_SPENT:KeyError",
        "reason": "the last try failed",
        "function": "order_executor",
        "correlation_id": "correlation-1",
        "put_aside_at": NOW - timedelta(minutes=3),
        "age_seconds": 180,
        "receives": 5,
        "group_id": "tenant-1#account-1",
        "kind": "TradeOrder",
        "facts": {"account_id": "account-1"},
    }
    return DeadLetterEntry(**{**values, **changes})


class FakeDeadLetters:
    """`letters` by queue; `changes` holds (what, queue, message id, by)."""

    def __init__(self, *letters: DeadLetterEntry) -> None:
        self.letters = list(letters)
        self.changes: list[tuple[str, str, str, str]] = []

    def entries(self, queue: str, limit: int) -> DeadLetterListing:
        found = self._of(queue)
        return DeadLetterListing(entries=tuple(found[:limit]), total=len(found))

    def entry(self, queue: str, message_id: str) -> DeadLetterEntry:
        for letter in self._of(queue):
            if letter.message_id == message_id:
                return letter
        raise NotFound(NOT_HERE)

    def redrive(self, queue: str, message_ids: Sequence[str] | None, by: str) -> Redriven:
        here = {letter.message_id for letter in self._of(queue)}
        chosen = here if message_ids is None else set(message_ids)
        for message_id in sorted(chosen & here):
            self._take("redriven", queue, message_id, by)
        refused = tuple(RefusedLetter(message_id=it, code="LETTER_NOT_FOUND") for it in sorted(chosen - here))
        return Redriven(message_ids=tuple(sorted(chosen & here)), refused=refused, left=len(self._of(queue)))

    def drop(self, queue: str, message_id: str, by: str) -> DeadLetterEntry:
        entry = self.entry(queue, message_id)
        self._take("dropped", queue, message_id, by)
        return entry

    def _of(self, queue: str) -> list[DeadLetterEntry]:
        return [letter for letter in self.letters if letter.queue == queue]

    def _take(self, change: str, queue: str, message_id: str, by: str) -> None:
        self.letters = [letter for letter in self.letters if (letter.queue, letter.message_id) != (queue, message_id)]
        self.changes.append((change, queue, message_id, by))
