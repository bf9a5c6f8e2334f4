"""What cannot be processed is put aside with its reason, beside it everything goes on, and one command brings it back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.adapters.codec import to_json
from candlecast.domain.ids import digest
from candlecast.domain.messages import CandleClosed
from candlecast.domain.order import IntentState
from candlecast.domain.reasons import Reason
from candlecast.domain.timeframe import Timeframe
from infra.local.cloud import Cloud
from infra.local.demo.report import count_dead_letters, differences
from infra.local.demo.scenario import VENUE
from infra.local.project import ROOT
from tests.e2e.stage import INSTANCE, Desk, follower, messages, open_desk, trade_order, until, utc_now

FOLLOWERS = 2
COMMAND_SECONDS = 60
POISON = '{"schema_version": 1, "nonsense": true}'
QUEUES = ("Candle", "Signal", "Trade", "Reconcile")


@pytest.fixture
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(FOLLOWERS)])) as opened:
        yield opened


def send(desk: Desk, output: str, body: str, group: str | None = None) -> None:
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": digest(body)} if group else {}
    desk.cloud.client("sqs").send_message(QueueUrl=desk.cloud.outputs[output], MessageBody=body, **fifo)


def redrive(queue: str) -> int:
    """How many messages the one command has put back."""
    command = [sys.executable, "-m", "infra.local", "redrive", queue, "--name", INSTANCE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "core")}
    outcome = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return int(json.loads(outcome.stdout)["redriven"])


def depth(cloud: Cloud, output: str) -> int:
    """Messages in a queue, those that somebody looks at included."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.outputs[output], AttributeNames=list(names))["Attributes"]
    return sum(int(found[name]) for name in names)


def test_a_poison_message_of_any_queue_is_put_aside_with_its_reason_while_the_others_go_on(desk: Desk) -> None:
    _ = desk.records()  # opens the records, and with them the address of the cloud
    candle = CandleClosed(
        venue=VENUE, market=desk.strategy.file.market, timeframe=Timeframe.M1, candle_close=utc_now(), correlation_id="test"
    )
    newer = to_json(replace(candle, schema_version=99))
    send(desk, "CandleQueueUrl", newer)
    send(desk, "SignalQueueUrl", "not even JSON")
    send(desk, "ReconcileQueueUrl", POISON)
    account = desk.people[0].account_id
    assert account is not None
    send(desk, "TradeQueueUrl", POISON, group=account)
    send(desk, "TradeQueueUrl", to_json(trade_order(desk, desk.people[0])), group=account)
    entries = desk.orders(desk.signal("buy"))

    aside = {queue: messages(desk.cloud, f"{queue}DeadLettersUrl") for queue in QUEUES}
    assert {queue: len(letters) for queue, letters in aside.items()} == dict.fromkeys(QUEUES, 1)
    reasons = {queue: letters[0]["MessageAttributes"]["reason_code"]["StringValue"] for queue, letters in aside.items()}
    assert reasons == {
        "Candle": "SCHEMA_UNKNOWN",
        "Signal": "MESSAGE_UNREADABLE",
        "Trade": "MESSAGE_UNREADABLE",
        "Reconcile": "MESSAGE_UNREADABLE",
    }
    assert aside["Candle"][0]["Body"] == newer
    assert aside["Trade"][0]["MessageAttributes"]["source_function"]["StringValue"] == "order_executor"
    assert set(entries) == {person.plan.name for person in desk.people}
    filled = [order for order in desk.records().orders if order.state is IntentState.FILLED]
    assert len(filled) == FOLLOWERS, "one by its own message behind the poison, the other by the signal"

    # what is poison still goes aside again, and nothing else happens
    assert [redrive(queue.lower()) for queue in QUEUES] == [1, 1, 1, 1]
    desk.replay.wait_until_quiet()
    assert [depth(desk.cloud, f"{queue}DeadLettersUrl") for queue in QUEUES] == [1, 1, 1, 1]
    assert differences(desk.records(), desk.operator.book()) == []


def test_a_redriven_order_is_executed_while_it_is_fresh_and_expires_when_it_is_stale(desk: Desk) -> None:
    _ = desk.records()
    fresh, stale = desk.people
    for person, age in ((fresh, timedelta(0)), (stale, timedelta(minutes=10))):
        order = trade_order(desk, person, age=age)
        send(desk, "TradeDeadLettersUrl", to_json(order), group=order.account_id)
    assert redrive("trade") == 2
    desk.replay.wait_until_quiet()
    orders = {order.tenant_id: order for order in until(desk.records, lambda records: len(records.orders) == 2).orders}
    assert orders[fresh.user.sub].state is IntentState.FILLED
    assert (orders[stale.user.sub].state, orders[stale.user.sub].reason) == (IntentState.EXPIRED, Reason.SIGNAL_TOO_OLD)
    assert [order.client_order_id for order in desk.operator.book()] == [orders[fresh.user.sub].client_order_id]
    assert count_dead_letters(desk.cloud) == 0


def test_a_healthy_message_behind_a_poison_one_of_the_same_queue_is_not_held_up(desk: Desk) -> None:
    """The reconciler's queue: a look at an account that exists is taken although three broken ones came before."""
    account = desk.people[0].account_id
    for number in range(3):
        send(desk, "ReconcileQueueUrl", json.dumps({"schema_version": 1, "account_id": number}))
    request = {"schema_version": 1, "tenant_id": desk.people[0].user.sub, "account_id": account, "correlation_id": "test"}
    send(desk, "ReconcileQueueUrl", json.dumps(request))
    shown = until(
        lambda: desk.api(desk.people[0]).call("GET", f"/v1/accounts/{account}"), lambda found: found["reconciled_at"] is not None
    )
    assert shown["balance"]["equity"] is not None
    assert len(messages(desk.cloud, "ReconcileDeadLettersUrl")) == 3
