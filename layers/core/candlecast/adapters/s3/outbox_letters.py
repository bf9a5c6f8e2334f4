"""Letters of the outbox: objects that Lambda writes when the relay has failed on records of the table's stream too often.

Lambda sends the failed invocation with its records, so a letter outlives the stream
(docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html). The objects are the letters. A message about each new object
waits in the queue of dead letters, where it rings the alarm. The message goes once its object is gone. Older letters are messages
themselves, which only name their records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.sqs.dead_letters import SECONDS_NEEDED, UNAVAILABLE, Look, SecondsLeft, SqsLetters

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef
    from mypy_boto3_sqs.type_defs import MessageTypeDef

PREFIX = "aws/lambda/"  # Lambda's own: aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>
UUID_CHARACTERS = 36
PAGE = 100
MAX_COUNTED = 1_000  # what S3 lists in one request
MAX_LETTER_BYTES = 16 * 1024 * 1024  # an invocation has 6 MB, whose quotation marks are escaped
MAX_NOTIFICATIONS = 2_000  # messages about objects that one look goes through


@dataclass(frozen=True, slots=True)
class OutboxLetters:
    """`adapters.sqs.dead_letters.Letters` over both: the objects, and the queue that their messages wait in."""

    s3: S3Client
    bucket: str
    queue: SqsLetters

    def look(self, seconds_left: SecondsLeft) -> OutboxLook:
        return OutboxLook(self, seconds_left)

    def count(self) -> int:
        with aws_errors(UNAVAILABLE):
            listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=PREFIX, MaxKeys=MAX_COUNTED)
        return max(listed["KeyCount"], self.queue.count())

    def holds(self, key: str) -> bool:
        """Whether the object is still there."""
        with aws_errors(UNAVAILABLE):
            listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        return [item["Key"] for item in listed.get("Contents", [])] == [key]


class OutboxLook:
    """One walk: the objects first, then the messages of the queue that are letters themselves."""

    def __init__(self, letters: OutboxLetters, seconds_left: SecondsLeft) -> None:
        self._letters = letters
        self._seconds_left = seconds_left
        self._keys: dict[str, str] = {}  # of the objects by message id
        self._deleted = False
        self._stack = ExitStack()
        self._queue: Look

    def __enter__(self) -> Self:
        self._queue = self._stack.enter_context(self._letters.queue.look(self._seconds_left))
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:
            if self._deleted:
                for _ in self._messages(MAX_NOTIFICATIONS):
                    pass

    def messages(self, most: int) -> Iterator[MessageTypeDef]:
        left = most
        for item in self._objects():
            if left <= 0 or self._seconds_left() <= SECONDS_NEEDED:
                return
            left -= 1
            yield self._message(item)
        if left > 0:
            yield from self._messages(left)

    def delete(self, message: MessageTypeDef) -> None:
        key = self._keys.get(message["MessageId"])
        if key is None:
            self._queue.delete(message)
            return
        with aws_errors(UNAVAILABLE):
            self._letters.s3.delete_object(Bucket=self._letters.bucket, Key=key)
        self._deleted = True

    def _objects(self) -> Iterator[ObjectTypeDef]:
        after = PREFIX
        while True:
            with aws_errors(UNAVAILABLE):
                page = self._letters.s3.list_objects_v2(
                    Bucket=self._letters.bucket, Prefix=PREFIX, StartAfter=after, MaxKeys=PAGE
                )
            found = page.get("Contents", [])
            yield from found
            if not page["IsTruncated"] or not found:
                return
            after = found[-1]["Key"]

    def _message(self, item: ObjectTypeDef) -> MessageTypeDef:
        """The object as a message whose body is what Lambda wrote; an empty body if that is too long."""
        key = item["Key"]
        with aws_errors(UNAVAILABLE):
            body = self._letters.s3.get_object(Bucket=self._letters.bucket, Key=key)["Body"].read(MAX_LETTER_BYTES + 1)
        message_id = key[-UUID_CHARACTERS:].replace("/", "-")
        self._keys[message_id] = key
        sent = str(int(item["LastModified"].timestamp() * 1000))
        text = body.decode(errors="replace") if len(body) <= MAX_LETTER_BYTES else ""
        return {"MessageId": message_id, "Body": text, "Attributes": {"SentTimestamp": sent}}

    def _messages(self, most: int) -> Iterator[MessageTypeDef]:
        """The letters of the queue; messages about objects that are gone are deleted on the way."""
        for message in self._queue.messages(most):
            key = _key_in(message)
            if key is None:
                yield message
            elif not self._letters.holds(key):
                self._queue.delete(message)


def _key_in(message: MessageTypeDef) -> str | None:
    """The object that EventBridge's message is about; None if the message is about none."""
    try:
        event: Any = json.loads(message["Body"])
        key = event["detail"]["object"]["key"] if event["source"] == "aws.s3" else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) and key.startswith(PREFIX) else None
