"""Senders of the product's queues."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, aws_client, aws_errors
from candlecast.adapters.aws.fast_path import FastPath
from candlecast.adapters.codec import to_json, to_terse_json
from candlecast.adapters.lanes import side_by_side
from candlecast.adapters.xray.trace import HEADER, header_of_new_trace, header_to_send
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.domain.values.ids import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

    from candlecast.domain.signals.messages import (
        BacktestTask,
        CandleClosed,
        ParityTask,
        ReconcileRequest,
        SignalShard,
        VettingRequest,
    )
    from candlecast.domain.subscriptions.trade_order import TradeOrder

BATCH = 10  # what SQS takes in one request; ten of our largest messages (settings 10 kB, limits above 36 kB) stay below its 1 MiB
MAX_DELAY_SECONDS = 900  # what SQS takes
MAX_GROUP_CHARACTERS = 128
UNAVAILABLE = "QUEUE_UNAVAILABLE"
NOT_DONE: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsCandleQueue:
    """`ports.queue.CandleQueue`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_candles(self, messages: Sequence[CandleClosed], delay_seconds: int) -> None:
        _check_delay(delay_seconds)
        _send(self._sqs, self._queue_url, messages, partial(_plain_entry, delay_seconds), _new_trace)


class SqsSignalQueue:
    """`ports.queue.SignalQueue`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_shards(self, messages: Sequence[SignalShard], delay_seconds: int = 0) -> None:
        _check_delay(delay_seconds)
        _send(self._sqs, self._queue_url, messages, partial(_plain_entry, delay_seconds))


class SqsTradeQueue:
    """`ports.queue.TradeQueue`: FIFO, one group for each account, so that orders of one account never race."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        _send(self._sqs, self._queue_url, messages, _order_entry)


class SqsReconcileQueue:
    """`ports.queue.ReconcileQueue`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None:
        _check_delay(delay_seconds)
        _send(self._sqs, self._queue_url, requests, partial(_plain_entry, delay_seconds))

    def waiting(self) -> int:
        """`ports.looks.Backlog`: SQS's own estimate."""
        with aws_errors(UNAVAILABLE):
            told = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=[*NOT_DONE])
        return sum(int(count) for count in told["Attributes"].values())


class SqsVettingQueue:
    """`ports.queue.VettingQueue`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_vetting(self, request: VettingRequest) -> None:
        _send(self._sqs, self._queue_url, [request], partial(_plain_entry, 0))


class SqsBacktestQueue:
    """`ports.queue.BacktestQueue`: a standard queue with a group for each tenant, which SQS serves fairly (decision 0133)."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_backtests(self, tasks: Sequence[BacktestTask]) -> None:
        _send(self._sqs, self._queue_url, tasks, _task_entry)


class SqsParityQueue:
    """`ports.queue.ParityQueue`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send_parity(self, tasks: Sequence[ParityTask]) -> None:
        _send(self._sqs, self._queue_url, tasks, partial(_plain_entry, 0))


def bulk_sender(*, region: str | None = None, endpoint: str | None = None) -> SQSClient:
    """A client for callers that send thousands of messages and note their progress: a time-out is raised at once."""
    client: SQSClient = aws_client("sqs", region=region, endpoint=endpoint)
    FastPath.open(client, frozenset({"SendMessageBatch"}))
    return client


def group_id(tenant_id: str, account_id: str) -> str:
    """The group of an account's messages: readable where SQS takes it, hashed where a tenant's id is long or not plain ASCII."""
    group = f"{tenant_id}#{account_id}"
    plain = group.isascii() and group.isprintable() and " " not in group
    return group if plain and len(group) <= MAX_GROUP_CHARACTERS else digest("group", tenant_id, account_id)


def _check_delay(delay_seconds: int) -> None:
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise InvalidValue(f"a delay is between 0 and {MAX_DELAY_SECONDS} seconds", code="DELAY_INVALID")


def _plain_entry(delay_seconds: int, number: int, message: object) -> Entry:
    return {"Id": str(number), "MessageBody": to_json(message), "DelaySeconds": delay_seconds}


def _task_entry(number: int, task: BacktestTask) -> Entry:
    return {**_plain_entry(0, number, task), "MessageGroupId": digest("backtests", task.tenant_id)}


def _order_entry(number: int, message: TradeOrder) -> Entry:
    return {
        "Id": str(number),
        "MessageBody": to_terse_json(message),
        "MessageGroupId": group_id(message.tenant_id, message.account_id),
        "MessageDeduplicationId": digest("trade-order", message.signal.order_root, message.subscription_id),
    }


def _new_trace(message: CandleClosed) -> str | None:
    """A trace of its own, since a clock announces many candles."""
    return header_of_new_trace(digest("trace", message.correlation_id))


def _present_trace(message: object) -> str | None:
    return header_to_send()


def _traced(entry: Entry, header: str | None) -> Entry:
    """The entry with the header of its trace, which SQS does not count as size."""
    if header is not None:
        entry["MessageSystemAttributes"] = {HEADER: {"DataType": "String", "StringValue": header}}
    return entry


def _send[M](
    sqs: SQSClient,
    queue_url: str,
    messages: Sequence[M],
    entry_of: Callable[[int, M], Entry],
    header: Callable[[M], str | None] = _present_trace,
) -> None:
    """Send all, in batches side by side; raises `RetryLater` if any was not taken, after trying all: a repeat is harmless.

    A message is written by the lane that sends it, while the others wait for their answers. `header` makes each message's header
    of its trace.
    """

    def refused(batch: Sequence[M]) -> int:
        entries = [_traced(entry_of(number, message), header(message)) for number, message in enumerate(batch)]
        with aws_errors(UNAVAILABLE):
            return len(sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", []))

    total = sum(side_by_side(refused, list(batched(messages, BATCH, strict=False))))
    if total:
        raise RetryLater(UNAVAILABLE, f"{total} of {len(messages)} messages were not taken", after_seconds=RETRY_AFTER_SECONDS)
