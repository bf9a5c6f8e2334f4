"""A signal of five thousand subscribers through the deployed fan-out, killed in the middle: each of them gets it once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.harness.followers import subscribers
from candlecast.adapters.codec import to_json, to_terse_json
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table, key
from candlecast.adapters.dynamodb.subscriptions import SUBSCRIPTION, SubscriptionRow
from candlecast.adapters.dynamodb.verdicts import DynamoVerdictStore
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.signals.verdict import judge
from candlecast.domain.values.ids import digest, shard_position
from candlecast.services.signals.publish_signal import shard_messages, shards_for
from infra.local.cloud import Cloud
from tests.support.builders import a_quote, a_signal, a_signal_record
from tests.support.queue_events import batch, record
from tests.support.stage import replay_stack, utc_now
from tests.support.waiting import until

SUBSCRIBERS = 5_000
SENT_BEFORE_THE_KILL = 1  # by the time that they are counted and the processes killed, there are many more
RECEIVERS = 4


@pytest.fixture(scope="module")
def table(cloud: Cloud) -> Iterator[Table]:
    """Five thousand followers of one strategy. Their messages stay in the queue, since nobody consumes them."""
    replay_stack(cloud)
    functions = cloud.client("lambda")
    for mapping in functions.list_event_source_mappings(FunctionName=cloud.outputs["OrderExecutorFunctionName"] + ":live")[
        "EventSourceMappings"
    ]:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
    with pytest.MonkeyPatch.context() as patched:
        for name, value in cloud.environment.items():
            patched.setenv(name, value)
        found = Table(cloud.outputs["TableName"])
        with found.rows(SubscriptionRow).batch_write() as writes:
            for follower in subscribers(SUBSCRIBERS):
                writes.save(
                    SubscriptionRow(
                        key("TENANT", follower.tenant_id),
                        key(SUBSCRIPTION, follower.subscription_id),
                        version=1,
                        body=to_terse_json(follower),
                        index1_partition=key("FOLLOWERS", follower.strategy_id),
                        index1_place=key(shard_position(follower.subscription_id), follower.subscription_id),
                    )
                )
        yield found


def publish(table: Table, name: str) -> list[SignalShard]:
    """Store a signal that has been judged; its shards in the order in which they would be queued."""
    signal = a_signal(signal_id=digest("e2e-fan-out", name), issued_at=utc_now())
    published = a_signal_record(signal, shards=shards_for(SUBSCRIBERS), subscriber_count=SUBSCRIBERS)
    quote = a_quote(signal.price or Decimal(100), as_of=utc_now())
    DynamoVerdictStore(table).put_verdict(judge(signal, published.venue, quote, utc_now()))
    return shard_messages(DynamoSignalStore(table).put_signal(published))


def fan_out(cloud: Cloud, shard: SignalShard) -> Any:
    """Give the function its shard as the queue would."""
    return cloud.invoke("SignalFanoutFunctionName", batch(record(to_json(shard), 1)))


def waiting(cloud: Cloud) -> int:
    url = cloud.outputs["TradeQueueUrl"]
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def drain(cloud: Cloud) -> Counter[str]:
    """Take everything out of TradeQueue: how often each subscription is in it."""
    sqs, url = cloud.client("sqs"), cloud.outputs["TradeQueueUrl"]

    def take(_: int) -> Counter[str]:
        found: Counter[str] = Counter()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.update(json.loads(message["Body"])["subscription_id"] for message in messages)
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return found

    with ThreadPoolExecutor(RECEIVERS) as receivers:
        return sum(receivers.map(take, range(RECEIVERS)), Counter())


def test_five_thousand_subscribers_get_a_signal_once_each(cloud: Cloud, table: Table, say: Callable[[str], None]) -> None:
    began = utc_now()
    shards = publish(table, "whole")
    for shard in shards:
        assert fan_out(cloud, shard) == {"batchItemFailures": []}
    say(f"{SUBSCRIBERS:,} subscribers in {len(shards)} shards, {(utc_now() - began).total_seconds():.1f} s one after the other")
    assert drain(cloud) == Counter({follower.subscription_id: 1 for follower in subscribers(SUBSCRIBERS)})
    found = DynamoSignalStore(table).get_signal(shards[0].signal.signal_id)
    assert (found.orders, found.shards, found.shards_done) == (SUBSCRIBERS, 5, 5)


def test_a_fan_out_that_is_killed_in_the_middle_misses_nobody_and_repeats_nobody(
    cloud: Cloud, table: Table, say: Callable[[str], None]
) -> None:
    shards = publish(table, "killed")
    with ThreadPoolExecutor(len(shards)) as invocations:
        running: list[Future[Any]] = [invocations.submit(fan_out, cloud, shard) for shard in shards]
        until(lambda: waiting(cloud), lambda count: count >= SENT_BEFORE_THE_KILL)
        cloud.kill_workers("signal_fanout")
        failed = sum(future.exception() is not None for future in running)
    say(f"killed with {waiting(cloud):,} of {SUBSCRIBERS:,} messages sent, {failed} of {len(shards)} shards cut off")
    assert failed
    for shard in shards:
        assert fan_out(cloud, shard) == {"batchItemFailures": []}
    assert drain(cloud) == Counter({follower.subscription_id: 1 for follower in subscribers(SUBSCRIBERS)})
    assert DynamoSignalStore(table).get_signal(shards[0].signal.signal_id).shards_done == len(shards)
