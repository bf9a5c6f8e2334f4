"""The actions of a consumer on messages from SQS: let them be redelivered, or dead-letter them with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.xray.trace import HEADER, header_to_send
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.queue import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageRequestTypeDef

BATCH = 10  # what SQS takes in one request
MAX_REASON_CHARACTERS = 1_000  # attributes and body share a message's 256 kB
ATTRIBUTES = ("reason_code", "reason", "source_function", "correlation_id", "original_message_id", "receives")


class SqsReceivedMessages:
    """One queue, as its consumer sees it, and the queue of its dead letters."""

    def __init__(self, sqs: SQSClient, queue_url: str, dead_letters_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url

    def come_back_after(self, seconds_by_receipt: Mapping[str, int]) -> None:
        """Change the messages' visibility; a message for which that fails comes back after the queue's own time-out."""
        for batch in batched(seconds_by_receipt.items(), BATCH, strict=False):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, (receipt, seconds) in enumerate(batch)
            ]
            try:
                self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)  # type: ignore[arg-type]
            except (BotoCoreError, ClientError):
                continue

    def put_aside(self, letter: DeadLetter) -> None:
        """Send the message to the dead letters, its reason in attributes; its id makes a repeat within five minutes a no-op."""
        values = (
            letter.reason_code,
            letter.reason[:MAX_REASON_CHARACTERS],
            letter.source_function,
            letter.correlation_id,
            letter.message_id,
            str(letter.receives),
        )
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in zip(ATTRIBUTES, values, strict=True) if value
        }
        request: SendMessageRequestTypeDef = {
            "QueueUrl": self._dead_letters_url,
            "MessageBody": letter.body,
            "MessageAttributes": attributes,
        }
        if (header := header_to_send()) is not None:
            request["MessageSystemAttributes"] = {HEADER: {"DataType": "String", "StringValue": header}}
        if letter.group_id is not None:
            request |= {"MessageGroupId": letter.group_id, "MessageDeduplicationId": letter.message_id}
        try:
            self._sqs.send_message(**request)
        except (BotoCoreError, ClientError) as error:
            raise RetryLater("DEAD_LETTERS_UNAVAILABLE", type(error).__name__, after_seconds=5) from error
