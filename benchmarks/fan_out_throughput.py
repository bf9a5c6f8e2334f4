"""Messages a second of one fan-out of 5,000 subscribers against bare boto3 that sends the same bodies as many at a time.

Both against one stub process, in turns. The fan-out does all of its work: progress, followers, limits, messages, reports.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import httpx
import orjson
from botocore.config import Config

from benchmarks.harness.followers import full_signal, subscribers
from benchmarks.harness.measuring import own_garbage
from candlecast.adapters.codec import to_terse_json
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table, key
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore, SubscriptionRow
from candlecast.adapters.lanes import LANES
from candlecast.adapters.sqs.queues import BATCH, SqsTradeQueue, bulk_sender, group_id
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.strategies.execution import SignalRecord
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.ids import digest, shard_position
from candlecast.ports.queue import TradeQueue
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.publish_signal import shard_messages, shards_for
from tests.support.builders import a_signal_record
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.verdicts import judge_signal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef as Entry

SUBSCRIBERS = 5_000
RUNS = 5  # in turns; the median of the ratios of neighbours
REGION = "us-east-1"
TABLE = "table"
QUEUE = "http://127.0.0.1/000000000000/trade.fifo"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # the stub does not look at signatures
STOP_SECONDS = 5.0


def section(count: int = SUBSCRIBERS, runs: int = RUNS) -> dict[str, float]:
    """Messages a second of both, their ratio, and the requests of a fan-out. Raises `AssertionError` if a subscriber is missed.

    `cpu_ratio` is the same against a stub that answers at once: nothing hides what a subscriber costs beyond a message.
    """
    followers = subscribers(count)
    with patch.dict(os.environ, KEYS):
        with stub_cloud(followers) as endpoint:
            subject = Subject.at(endpoint, followers)
            asked = _asked(subject)
            if asked["messages"] != count:
                raise AssertionError(f"{asked['messages']} messages for {count} subscribers")
            pairs = _in_turns(subject, runs)
        with stub_cloud(followers, "at-once") as endpoint:
            cpu_pairs = _in_turns(Subject.at(endpoint, followers), runs)
    return {
        "subscribers": count,
        "shards": shards_for(count),
        "messages_per_second": round(count / statistics.median(mine for mine, _ in pairs)),
        "floor_messages_per_second": round(count / statistics.median(floor for _, floor in pairs)),
        "ratio": round(statistics.median(floor / mine for mine, floor in pairs), 3),
        "cpu_ratio": round(statistics.median(floor / mine for mine, floor in cpu_pairs), 3),
        "queue_requests": asked["SendMessageBatch"],
        "table_reads": asked["Query"] + asked["BatchGetItem"],
        "table_writes": asked["UpdateItem"],
    }


def _asked(subject: Subject) -> dict[str, int]:
    """The requests of one fan-out by operation, and the number of its messages."""
    before = subject.counts()
    subject.fan_out()
    return {name: value - before.get(name, 0) for name, value in subject.counts().items()}


def _in_turns(subject: Subject, runs: int) -> list[tuple[float, float]]:
    """Seconds of the fan-out and of the floor, neighbours in time; the first of each opens connections and does not count."""
    with own_garbage():
        pairs = [(_seconds(subject.fan_out), _seconds(subject.floor)) for _ in range(runs + 1)]
    return pairs[1:]


@dataclass(frozen=True, slots=True)
class Subject:
    """The fan-out of one signal, and the floor: its bodies, ready made, sent by boto3 alone."""

    endpoint: str
    sqs: SQSClient
    bare: SQSClient
    table: Table
    record: SignalRecord
    bodies: Sequence[Sequence[Entry]]  # by shard

    @staticmethod
    def at(endpoint: str, followers: Sequence[Subscription]) -> Subject:
        sqs = bulk_sender(region=REGION, endpoint=endpoint)
        bare = boto3.client("sqs", region_name=REGION, endpoint_url=endpoint, config=Config(max_pool_connections=LANES))
        record = a_signal_record(full_signal(), shards=shards_for(len(followers)), subscriber_count=len(followers))
        subject = Subject(endpoint, sqs, bare, Table(TABLE, region=REGION, host=endpoint), record, ())
        return Subject(endpoint, sqs, bare, subject.table, record, [subject._bodies(shard) for shard in shard_messages(record)])

    def fan_out(self) -> None:
        """All shards, one after the other, as one environment would."""
        fan_out = self._made(SqsTradeQueue(self.sqs, QUEUE))
        for shard in shard_messages(self.record):
            fan_out(shard)

    def floor(self) -> None:
        """The same messages, as many at a time."""
        for entries in self.bodies:
            with ThreadPoolExecutor(LANES) as lanes:
                list(lanes.map(self._send, batched(entries, BATCH, strict=False)))

    def counts(self) -> dict[str, int]:
        answer: dict[str, int] = httpx.get(f"{self.endpoint}/counts", trust_env=False).json()
        return answer

    def _send(self, batch: Sequence[Entry]) -> object:
        return self.bare.send_message_batch(QueueUrl=QUEUE, Entries=list(batch))

    def _bodies(self, shard: SignalShard) -> Sequence[Entry]:
        recorder = Recorder()
        self._made(recorder)(shard)
        return recorder.entries

    def _made(self, queue: TradeQueue) -> FanOut:
        clock, metrics = FakeClock(), RecordingMetrics()
        return FanOut(
            subscriptions=DynamoSubscriptionStore(self.table, clock),
            signals=DynamoSignalStore(self.table),
            history=DynamoHistory(self.table),
            decisions=DynamoDecisions(self.table),
            queue=queue,
            limits=ReadLimits(DynamoLimitStore(self.table), clock, metrics),
            judge=judge_signal(FakeClock()),
            clock=clock,
            metrics=metrics,
        )


class Recorder:
    """A queue that only writes down what would be sent."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        for message in messages:
            self.entries.append(
                {
                    "Id": str(len(self.entries)),
                    "MessageBody": to_terse_json(message),
                    "MessageGroupId": group_id(message.tenant_id, message.account_id),
                    "MessageDeduplicationId": digest("trade-order", message.signal.signal_id, message.subscription_id),
                }
            )


@contextmanager
def stub_cloud(followers: Sequence[Subscription], *options: str) -> Iterator[str]:
    """A stub process that knows these followers; its address."""
    command = [sys.executable, "-m", "benchmarks.harness.stub_cloud", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the stub has no pipes")
    try:
        process.stdin.writelines(orjson.dumps(_item(follower)) + b"\n" for follower in followers)
        process.stdin.close()
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        process.stdout.close()


def _item(follower: Subscription) -> dict[str, Any]:
    """The follower as the table stores it."""
    row = SubscriptionRow(
        key("TENANT", follower.tenant_id),
        key("SUBSCRIPTION", follower.subscription_id),
        version=1,
        body=to_terse_json(follower),
        index1_partition=key("FOLLOWERS", follower.strategy_id),
        index1_place=key(shard_position(follower.subscription_id), follower.subscription_id),
    )
    return row.to_dynamodb_dict()


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
