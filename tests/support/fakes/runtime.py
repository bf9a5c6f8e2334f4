"""A consumer's view of its queue, in memory."""

from __future__ import annotations

from collections.abc import Mapping

from candlecast.domain.values.errors import RetryLater
from candlecast.ports.queue import DeadLetter


class FakeReceivedMessages:
    """`pauses` holds seconds by receipt, `letters` the dead-lettered messages."""

    def __init__(self) -> None:
        self.pauses: dict[str, int] = {}
        self.letters: list[DeadLetter] = []
        self.unavailable = False

    def come_back_after(self, seconds_by_receipt: Mapping[str, int]) -> None:
        self.pauses.update(seconds_by_receipt)

    def put_aside(self, letter: DeadLetter) -> None:
        if self.unavailable:
            raise RetryLater("DEAD_LETTERS_UNAVAILABLE", "told to fail", after_seconds=5)
        self.letters.append(letter)


class FakeAttempts:
    """`tries` holds a number for each message."""

    def __init__(self) -> None:
        self.tries: dict[str, int] = {}
        self.unavailable = False

    def begin(self, message_id: str, before: int) -> int:
        self._answer()
        self.tries[message_id] = self.tries.get(message_id, 0) + before + 1
        return self.tries[message_id] - 1

    def end(self, message_id: str, tries: int) -> None:
        self._answer()
        self.tries[message_id] = tries

    def _answer(self) -> None:
        if self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)
