"""Look at a queue's dead letters, put them back to work, drop them.

SQS can move dead letters itself (StartMessageMoveTask), but only those that its own redrive policy put there; ours come with a
reason, by a send. A message is put back before it is deleted: a crash in between repeats it, and every consumer is idempotent.

SQS shows a message to receivers only. A look holds the received messages, so that each is seen once, and then gives all of them
back. A FIFO queue keeps its order. A crash in between hides the messages for `HOLD_SECONDS`. The queue of dead letters has no
redrive policy that would count the receive. A FIFO group shows its first ten messages only, until they are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Protocol, Self

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.sqs.dead_letter_contents import ORIGINAL_ID, attributes_of, entry_of
from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.ports.clock import Clock
from candlecast.ports.dead_letters import (
    MAX_CHOSEN,
    MAX_LISTED,
    NOT_HERE,
    DeadLetterEntry,
    DeadLetterListing,
    Redriven,
    RefusedLetter,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH = 10  # what SQS gives in one request
MAX_MESSAGES_PER_CALL = 2_000  # what one invocation moves within its time-out; calling again moves the rest
SECONDS_NEEDED = 10.0  # for one receive of ten, ten sends and ten deletes at their slowest
HOLD_SECONDS = 60  # the longest that a call may take, so that it sees no message twice
WAIT_SECONDS = 1  # a receive that waits asks every shard of the queue; one that does not may miss what another shard has
UNAVAILABLE = "DEAD_LETTERS_UNAVAILABLE"
COUNTS: list[QueueAttributeNameType] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

type Route = Callable[[MessageTypeDef], str]
type SecondsLeft = Callable[[], float]
type Audit = Callable[[str, DeadLetterEntry, str], None]


class Look(Protocol):
    """One walk over dead letters; at its end everything that was not deleted is as it was."""

    def messages(self, most: int) -> Iterator[MessageTypeDef]:
        """Every letter once, in its order, up to a bound and while there is time."""
        ...

    def delete(self, message: MessageTypeDef) -> None: ...


class Letters(Protocol):
    """The place where dead letters are kept: a queue, or objects in S3 (`outbox_letters.py`)."""

    def look(self, seconds_left: SecondsLeft) -> AbstractContextManager[Look]: ...

    def count(self) -> int:
        """About how many there are."""
        ...


@dataclass(frozen=True, slots=True)
class SqsLetters:
    """Dead letters that are messages of a queue."""

    sqs: SQSClient
    url: str

    def look(self, seconds_left: SecondsLeft) -> SqsLook:
        return SqsLook(self.sqs, self.url, seconds_left)

    def count(self) -> int:
        with aws_errors(UNAVAILABLE):
            found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=COUNTS)["Attributes"]
        return sum(int(value) for value in found.values())


@dataclass(frozen=True, slots=True)
class Box:
    """The dead letters of one queue, and their route back to work."""

    letters: Letters
    put_back: Route
    """Returns the new message's id, or "" after an invocation; raises `InvalidValue` for a letter that stays."""


class SqsDeadLetters:
    """`ports.dead_letters.DeadLetters`.

    `audit` gets each change as it happens: the change ("redriven", "dropped"), the letter, and the author.
    `seconds_left` ends a long call before its invocation ends.
    """

    def __init__(self, boxes: Mapping[str, Box], clock: Clock, audit: Audit, seconds_left: SecondsLeft) -> None:
        self._boxes = boxes
        self._clock = clock
        self._audit = audit
        self._seconds_left = seconds_left

    def entries(self, queue: str, limit: int) -> DeadLetterListing:
        if not 1 <= limit <= MAX_LISTED:
            raise InvalidValue(f"limit is between 1 and {MAX_LISTED}", code="LIMIT_INVALID")
        letters = self._box(queue).letters
        with letters.look(self._seconds_left) as look:
            entries = tuple(self._entry(queue, message) for message in look.messages(limit))
        return DeadLetterListing(entries=entries, total=max(letters.count(), len(entries)))

    def entry(self, queue: str, message_id: str) -> DeadLetterEntry:
        with self._box(queue).letters.look(self._seconds_left) as look:
            return self._entry(queue, _one(look, message_id))

    def redrive(self, queue: str, message_ids: Sequence[str] | None, by: str) -> Redriven:
        if message_ids is not None and not 1 <= len(message_ids) <= MAX_CHOSEN:
            raise InvalidValue(f"name between 1 and {MAX_CHOSEN} messages, or none to mean all", code="CHOICE_INVALID")
        box, chosen = self._box(queue), None if message_ids is None else set(message_ids)
        moved: list[str] = []
        again: set[str] = set()
        refused: list[RefusedLetter] = []
        with box.letters.look(self._seconds_left) as look:
            for message in look.messages(MAX_MESSAGES_PER_CALL):
                if chosen is not None and message["MessageId"] not in chosen:
                    continue
                if again & _earlier_ids(message):
                    continue  # it has failed again meanwhile: one call tries everything once
                try:
                    again.add(box.put_back(message))
                except InvalidValue as error:
                    refused.append(RefusedLetter(message_id=message["MessageId"], code=error.code))
                    continue
                self._audit("redriven", self._entry(queue, message), by)
                look.delete(message)
                moved.append(message["MessageId"])
                if chosen is not None and len(moved) + len(refused) == len(chosen):
                    break
        unseen = (chosen or set()) - set(moved) - {it.message_id for it in refused}
        refused += [RefusedLetter(message_id=it, code="LETTER_NOT_FOUND") for it in sorted(unseen)]
        return Redriven(message_ids=tuple(moved), refused=tuple(refused), left=box.letters.count())

    def drop(self, queue: str, message_id: str, by: str) -> DeadLetterEntry:
        with self._box(queue).letters.look(self._seconds_left) as look:
            message = _one(look, message_id)
            entry = self._entry(queue, message)
            self._audit("dropped", entry, by)
            look.delete(message)
            return entry

    def _box(self, queue: str) -> Box:
        if queue not in self._boxes:
            raise InvalidValue(f"queue must be one of {', '.join(sorted(self._boxes))}", code="QUEUE_UNKNOWN")
        return self._boxes[queue]

    def _entry(self, queue: str, message: MessageTypeDef) -> DeadLetterEntry:
        return entry_of(queue, message, self._clock.now())


class SqsLook:
    """One walk over a queue of dead letters; at its end everything that was not deleted is visible again."""

    def __init__(self, sqs: SQSClient, url: str, seconds_left: SecondsLeft) -> None:
        self._sqs = sqs
        self._url = url
        self._seconds_left = seconds_left
        self._held: dict[str, str] = {}  # receipt by message id
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for batch in batched(self._held.values(), BATCH, strict=False):
            with suppress(BotoCoreError, ClientError):  # they come back by themselves after HOLD_SECONDS
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(number), "ReceiptHandle": it, "VisibilityTimeout": 0} for number, it in enumerate(batch)],
                )

    def messages(self, most: int) -> Iterator[MessageTypeDef]:
        """Every message once, in the queue's order, up to a bound and while there is time."""
        while len(self.seen) < most and self._seconds_left() > SECONDS_NEEDED:
            with aws_errors(UNAVAILABLE):
                received = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(BATCH, most - len(self.seen)),
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                    VisibilityTimeout=HOLD_SECONDS,
                    WaitTimeSeconds=WAIT_SECONDS,
                ).get("Messages", [])
            self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            fresh = [message for message in received if message["MessageId"] not in self.seen]
            if not fresh:
                return
            for message in fresh:
                self.seen.add(message["MessageId"])
                yield message

    def delete(self, message: MessageTypeDef) -> None:
        with aws_errors(UNAVAILABLE):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self._held.pop(message["MessageId"], None)


def _one(look: Look, message_id: str) -> MessageTypeDef:
    for message in look.messages(MAX_MESSAGES_PER_CALL):
        if message["MessageId"] == message_id:
            return message
    raise NotFound(NOT_HERE)


def _earlier_ids(message: MessageTypeDef) -> set[str]:
    """The ids under which this letter may have been sent: a consumer names its message's in the letter, SQS itself keeps it."""
    return {message["MessageId"], attributes_of(message).get(ORIGINAL_ID) or message["MessageId"]}
