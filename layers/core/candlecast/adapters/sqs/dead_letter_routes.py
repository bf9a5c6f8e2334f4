"""The routes of a dead letter back to work: into its queue, through the relay, or to the function that a schedule invokes.

Each route hands over the letter's content and decides nothing. The consumer judges the letter's age.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from candlecast.adapters.aws.clients import aws_errors, error_code
from candlecast.adapters.sqs.dead_letter_contents import StreamRange, invocation_of, records_of, stream_range_of
from candlecast.domain.values.errors import InvalidValue

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef, SendMessageRequestTypeDef

ALIAS = "live"
FIFO = ".fifo"  # how the address of a FIFO queue ends; other queues refuse a deduplication id
UNAVAILABLE = "DEAD_LETTERS_UNAVAILABLE"
type Record = Mapping[str, Any]  # as the client of DynamoDB Streams decodes it

RECORDS_PER_INVOCATION = 50  # two images of an account, 32 kB each at most, stay below the 6 MB of an invocation
MAX_RECORDS = 1_000  # of one letter; the relay is given a hundred at once
MAX_PAGES = 100  # reads of the stream for one letter: pages may be empty
GONE = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})


class QueueRoute:
    """Send the message again without its reason, in its group.

    In a FIFO queue it gets a new deduplication id, since its first may be known.
    """

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def __call__(self, message: MessageTypeDef) -> str:
        request: SendMessageRequestTypeDef = {"QueueUrl": self._queue_url, "MessageBody": message["Body"]}
        group = message.get("Attributes", {}).get("MessageGroupId")
        if group is not None:
            request["MessageGroupId"] = group
        if self._queue_url.endswith(FIFO):
            request["MessageDeduplicationId"] = f"redrive-{message['MessageId']}"
        with aws_errors(UNAVAILABLE):
            return self._sqs.send_message(**request)["MessageId"]


class RelayRoute:
    """Give the records of an outbox letter to the relay again: those in the letter, else those that it names in the stream.

    The records and not the account as it is now: the account knows its last change only, and history and bus lack one before it.
    Events keep the ids that they had, and projections take no older version, so telling one again changes nothing. Refused:
    LETTER_UNREADABLE, STREAM_TRIMMED (the stream keeps a day), RELAY_FAILED (the relay does not take them yet).
    """

    def __init__(self, streams: Any, functions: LambdaClient, relay: str) -> None:
        self._streams = streams
        self._functions = functions
        self._relay = relay

    def __call__(self, message: MessageTypeDef) -> str:
        records = records_of(message)
        for batch in batched(records if records is not None else self._named(message), RECORDS_PER_INVOCATION, strict=False):
            self._tell(batch)
        return ""

    def _named(self, message: MessageTypeDef) -> list[Record]:
        """The records that a letter names, from the stream."""
        found = stream_range_of(message)
        if found is None:
            raise InvalidValue("the letter names no records of a stream", code="LETTER_UNREADABLE")
        try:
            with aws_errors(UNAVAILABLE):
                return list(self._records(found))
        except ParamValidationError as error:
            raise InvalidValue("no stream has such a place", code="LETTER_UNREADABLE") from error
        except ClientError as error:
            if error_code(error) in GONE:
                raise InvalidValue("the stream keeps its records for a day", code="STREAM_TRIMMED") from error
            raise

    def _records(self, wanted: StreamRange) -> Iterator[Record]:
        iterator: str | None = self._streams.get_shard_iterator(
            StreamArn=wanted.stream_arn,
            ShardId=wanted.shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=wanted.first,
        )["ShardIterator"]
        left = min(wanted.records, MAX_RECORDS)
        for _ in range(MAX_PAGES):
            if not iterator or not left:
                return
            page = self._streams.get_records(ShardIterator=iterator, Limit=left)
            for record in page["Records"]:
                yield record
                left -= 1
                if record["dynamodb"]["SequenceNumber"] == wanted.last:
                    return
            iterator = page.get("NextShardIterator")

    def _tell(self, records: tuple[Record, ...]) -> None:
        event = json.dumps({"Records": records}, default=as_in_an_event)
        with aws_errors(UNAVAILABLE):
            answer = self._functions.invoke(FunctionName=f"{self._relay}:{ALIAS}", Payload=event.encode())
        report = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError") or not isinstance(report, dict) or report.get("batchItemFailures"):
            raise InvalidValue("the relay did not take the records", code="RELAY_FAILED")


class FunctionRoute:
    """Invoke the function that a schedule letter is about again, asynchronously, with its event.

    Only the functions that are allowed: a letter is no right to invoke anything. Refused: TARGET_UNKNOWN,
    LETTER_UNREADABLE (Scheduler cuts a payload that is too long for a message).
    """

    def __init__(self, functions: LambdaClient, allowed: frozenset[str]) -> None:
        self._functions = functions
        self._allowed = allowed

    def __call__(self, message: MessageTypeDef) -> str:
        found = invocation_of(message)
        if found is None or found.function not in self._allowed:
            raise InvalidValue("the letter names no function that a schedule invokes", code="TARGET_UNKNOWN")
        if not _is_json(found.payload):
            raise InvalidValue("the payload is cut off", code="LETTER_UNREADABLE")
        with aws_errors(UNAVAILABLE):
            self._functions.invoke(
                FunctionName=f"{found.function}:{ALIAS}", InvocationType="Event", Payload=found.payload.encode()
            )
        return ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def as_in_an_event(value: object) -> Any:
    """A record that the SDK has decoded, as Lambda writes it in a stream's event: epoch seconds, base64."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
