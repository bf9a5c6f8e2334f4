"""Put a queue's dead letters back into it.

SQS can move dead letters itself (StartMessageMoveTask), but only those that its own redrive policy put there; ours come with a
reason, by a send. A message is sent before it is deleted: a crash in between repeats it, and every consumer is idempotent. What
fails again meanwhile stays where it is: one call tries everything once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from candlecast.domain.errors import InvalidValue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef, SendMessageRequestTypeDef

BATCH = 10  # what SQS gives in one request
MAX_MESSAGES_PER_CALL = 2_000  # what one invocation moves within its time-out; calling again moves the rest
SECONDS_NEEDED = 10.0  # for one receive of ten, ten sends and ten deletes at their slowest
ORIGINAL_ID = "original_message_id"  # as adapters.received_messages writes it
EMPTY_RECEIVES = 2  # a receive may miss what another shard of the queue has


class Redrive:
    """Moves messages by queue name; `queues` maps a name to (queue URL, dead letters URL)."""

    def __init__(self, sqs: SQSClient, queues: Mapping[str, tuple[str, str]]) -> None:
        self._sqs = sqs
        self._queues = queues

    def __call__(self, queue: str, seconds_left: Callable[[], float]) -> int:
        """Move messages, up to a bound and while there is time; returns how many. Raises `InvalidValue` (QUEUE_UNKNOWN)."""
        if queue not in self._queues:
            raise InvalidValue(f"queue must be one of {', '.join(sorted(self._queues))}", code="QUEUE_UNKNOWN")
        queue_url, dead_letters_url = self._queues[queue]
        moved: set[str] = set()
        empty = 0
        while len(moved) < MAX_MESSAGES_PER_CALL and empty < EMPTY_RECEIVES and seconds_left() > SECONDS_NEEDED:
            received = self._sqs.receive_message(
                QueueUrl=dead_letters_url,
                MaxNumberOfMessages=BATCH,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=[ORIGINAL_ID],
                WaitTimeSeconds=0,
            ).get("Messages", [])
            waiting = [message for message in received if not moved & _earlier_ids(message)]
            empty = empty + 1 if not waiting else 0
            for message in waiting:
                moved.add(self._sqs.send_message(**_again(queue_url, message))["MessageId"])
                self._sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=message["ReceiptHandle"])
        return len(moved)


def _earlier_ids(message: MessageTypeDef) -> set[str]:
    """The ids under which this letter may have been sent: a consumer names its message's in the letter, SQS itself keeps it."""
    told = message.get("MessageAttributes", {}).get(ORIGINAL_ID)
    return {message["MessageId"]} if told is None else {message["MessageId"], told.get("StringValue", "")}


def _again(queue_url: str, message: MessageTypeDef) -> SendMessageRequestTypeDef:
    """The message without its reason; in a FIFO queue under a new deduplication id, since its first may still be known."""
    request: SendMessageRequestTypeDef = {"QueueUrl": queue_url, "MessageBody": message["Body"]}
    group = message.get("Attributes", {}).get("MessageGroupId")
    if group is not None:
        request |= {"MessageGroupId": group, "MessageDeduplicationId": f"redrive-{message['MessageId']}"}
    return request
