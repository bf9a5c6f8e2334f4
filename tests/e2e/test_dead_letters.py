"""The consumers dead-letter a message that cannot be processed, with its reason.

Other work goes on, and an operator redrives the message.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from candlecast.adapters.codec import to_json
from candlecast.adapters.sqs.dead_letter_routes import as_in_an_event
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.timeframe import Timeframe
from infra.local.cloud import Cloud
from infra.local.demo.people import ADMINISTRATOR
from infra.local.demo.report import count_dead_letters, differences
from infra.local.demo.scenario import VENUE
from infra.local.project import ROOT, CommandError
from tests.support.stage import INSTANCE, Desk, follower, messages, open_desk, trade_order, utc_now
from tests.support.waiting import until

FOLLOWERS = 2
COMMAND_SECONDS = 900  # for one that hangs
SHORT_AGE = timedelta(seconds=5)
POISON = '{"schema_version": 1, "nonsense": true}'
QUEUES = ("Candle", "Signal", "Trade", "Reconcile")


@pytest.fixture
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(FOLLOWERS)])) as opened:
        yield opened


def send(desk: Desk, output: str, body: str, group: str | None = None) -> str:
    """The id of the message."""
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": digest(body)} if group else {}
    sent = desk.cloud.client("sqs").send_message(QueueUrl=desk.cloud.outputs[output], MessageBody=body, **fifo)
    return str(sent["MessageId"])


def dlq(command: str, *words: str, status: int = 0) -> str:
    """The output of `candlecast dlq`: a list as its table, unless JSON is asked for."""
    words = words if command == "list" else (*words, "--json")
    outcome = subprocess.run(  # noqa: S603 - our own command
        [str(ROOT / ".venvs" / "dev" / "bin" / "candlecast"), "dlq", command, *words, "--name", INSTANCE],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert outcome.returncode == status, outcome.stdout + outcome.stderr
    return outcome.stdout


def redrive(queue: str, *message_ids: str) -> int:
    """How many messages the one command has put back."""
    return int(json.loads(dlq("redrive", queue, *message_ids))["redriven"])


def audited(cloud: Cloud, change: str) -> list[dict[str, Any]]:
    """The lines of the function's log about changes."""
    text = cloud.logs().get("candlecast-dlq_redrive", "")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == f"dead letter {change}"]


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
    of_nobody = to_json(replace(candle, schema_version=0))
    send(desk, "CandleQueueUrl", of_nobody)
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
    assert aside["Candle"][0]["Body"] == of_nobody
    assert aside["Trade"][0]["MessageAttributes"]["source_function"]["StringValue"] == "order_executor"
    assert set(entries) == {person.plan.name for person in desk.people}
    filled = [order for order in desk.records().orders if order.state is IntentState.FILLED]
    assert len(filled) == FOLLOWERS, "one by its own message behind the poison, the other by the signal"

    # what is poison still goes aside again, and nothing else happens
    table = dlq("list")
    assert all(code in table for code in reasons.values()), table
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
    before = desk.api(desk.people[0]).call("GET", f"/v1/accounts/{account}")["reconciled_at"]
    for number in range(3):
        send(desk, "ReconcileQueueUrl", json.dumps({"schema_version": 1, "account_id": number}))
    request = {
        "schema_version": 1,
        "tenant_id": desk.people[0].user.sub,
        "account_id": account,
        "correlation_id": "test",
        "full": True,
    }
    send(desk, "ReconcileQueueUrl", json.dumps(request))
    shown = until(
        lambda: desk.api(desk.people[0]).call("GET", f"/v1/accounts/{account}"), lambda found: found["reconciled_at"] != before
    )
    assert shown["balance"]["equity"] is not None
    until(lambda: messages(desk.cloud, "ReconcileDeadLettersUrl"), lambda dead: len(dead) == 3)


def test_a_stale_entry_is_never_executed_by_a_redrive_and_a_late_exit_is(cloud: Cloud) -> None:
    """Both orders are fresh when they are dead-lettered and older than the follower allows when they are redriven."""
    with closing(open_desk(cloud, lambda it: [follower(number, it) for number in range(FOLLOWERS)])) as desk:
        holder, newcomer = desk.people
        desk.replay.wait_until_quiet()
        enters = trade_order(desk, holder)
        send(desk, "TradeQueueUrl", to_json(enters), group=enters.account_id)
        held = until(lambda: desk.records().positions, lambda positions: len(positions) == 1)
        assert [position.account_id for position in held] == [holder.account_id]

        for person in desk.people:  # who allow so little age only now: their first orders take what time they take
            settings = f"/v1/subscriptions/{person.subscription_id}/settings"
            desk.api(person).call("PATCH", settings, {"max_signal_age_seconds": int(SHORT_AGE.total_seconds())})
        orders = trade_order(desk, holder, Action.EXIT), trade_order(desk, newcomer)
        late, stale = (send(desk, "TradeDeadLettersUrl", to_json(it), group=it.account_id) for it in orders)
        until(utc_now, lambda now: all(now > it.signal.issued_at + SHORT_AGE for it in orders))
        shown = json.loads(dlq("list", "trade", "--json"))
        assert {entry["message_id"]: entry["facts"]["action"] for entry in shown} == {late: "EXIT", stale: "LONG"}
        assert redrive("trade", late, stale) == 2
        desk.replay.wait_until_quiet()

        told = until(desk.records, lambda records: len(records.orders) == 3 and not records.positions)
        ends = {(it.tenant_id, it.kind): (it.state, it.reason) for it in told.orders}
        assert ends[holder.user.sub, LegKind.EXIT] == (IntentState.FILLED, None)
        assert ends[newcomer.user.sub, LegKind.ENTRY] == (IntentState.EXPIRED, Reason.SIGNAL_TOO_OLD)
        assert told.positions == ()
        assert differences(told, desk.operator.book()) == []
        by = {line["message_id"]: line["by"] for line in audited(cloud, "redriven")}
        assert by.keys() == {late, stale}
        assert all(name.startswith("cli:arn:aws:") for name in by.values()), by


def test_a_platform_admin_sees_redrives_and_drops_by_the_api_and_the_log_says_who(desk: Desk) -> None:
    admin, trader = desk.platform.as_administrator(), desk.api(desk.people[0])
    fine, bad = trade_order(desk, desk.people[0]), trade_order(desk, desk.people[1])
    wanted = send(desk, "TradeDeadLettersUrl", to_json(fine), group=fine.account_id)
    unwanted = send(desk, "TradeDeadLettersUrl", to_json(bad), group=bad.account_id)

    with pytest.raises(CommandError, match="403"):
        trader.call("GET", "/v1/dead-letters/trade")
    listed = admin.call("GET", "/v1/dead-letters/trade")
    assert ({item["message_id"] for item in listed["items"]}, listed["total"]) == ({wanted, unwanted}, 2)
    assert admin.call("GET", f"/v1/dead-letters/trade/{wanted}")["facts"]["signal_id"] == fine.signal.signal_id
    done = admin.call("POST", "/v1/dead-letters/trade/redrive", {"message_ids": [wanted]})
    assert (done["redriven"], done["message_ids"], done["left"]) == (1, [wanted], 1)
    assert admin.call("DELETE", f"/v1/dead-letters/trade/{unwanted}")["message_id"] == unwanted
    assert admin.call("GET", "/v1/dead-letters/trade") == {"items": [], "total": 0}

    desk.replay.wait_until_quiet()
    (order,) = until(lambda: desk.records().orders, lambda orders: len(orders) == 1)
    assert (order.signal_id, order.state) == (fine.signal.signal_id, IntentState.FILLED)
    name = f"api:{desk.cloud.user(ADMINISTRATOR).sub}"
    assert [(line["message_id"], line["by"]) for line in audited(desk.cloud, "redriven")] == [(wanted, name)]
    assert [(line["message_id"], line["by"]) for line in audited(desk.cloud, "dropped")] == [(unwanted, name)]


def test_records_that_the_relay_gave_up_are_read_from_the_stream_again_and_told(desk: Desk) -> None:
    desk.signal("buy")
    before = desk.records()
    person = desk.people[0]
    forget_orders(desk, person.user.sub)
    assert desk.api(person).call("GET", "/v1/orders")["items"] == []

    letter = send(desk, "OutboxDeadLettersUrl", stream_letter(desk.cloud, person.account_id))
    assert json.loads(dlq("show", "outbox", letter))["kind"] == "stream records"
    assert redrive("outbox", letter) == 1
    assert until(desk.records, lambda records: records == before) == before
    assert depth(desk.cloud, "OutboxDeadLettersUrl") == 0

    trimmed = json.loads(stream_letter(desk.cloud, person.account_id))
    trimmed["DDBStreamBatchInfo"]["startSequenceNumber"] = "1".zfill(21)
    gone = send(desk, "OutboxDeadLettersUrl", json.dumps(trimmed))
    answer = json.loads(dlq("redrive", "outbox", status=1))
    assert answer["refused"] == [{"message_id": gone, "code": "STREAM_TRIMMED"}]
    assert depth(desk.cloud, "OutboxDeadLettersUrl") == 1


def stream_letter(cloud: Cloud, account_id: str | None) -> str:
    """The dead letter of the stream, as Lambda writes it: the place of the account's newest record."""
    streams = cloud.client("dynamodbstreams")
    arn = cloud.client("dynamodb").describe_table(TableName=cloud.outputs["TableName"])["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    first = stream_record(cloud, account_id)["dynamodb"]["SequenceNumber"]
    info = {"streamArn": arn, "shardId": shard, "startSequenceNumber": first, "endSequenceNumber": first, "batchSize": 1}
    return json.dumps({"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": info})


def stream_record(cloud: Cloud, account_id: str | None) -> dict[str, Any]:
    """The newest record of an account, as the relay gets it."""
    streams = cloud.client("dynamodbstreams")
    arn = cloud.client("dynamodb").describe_table(TableName=cloud.outputs["TableName"])["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=place["ShardIterator"])["Records"]
    ours = [
        record
        for record in records
        if (image := record["dynamodb"].get("NewImage", {})).get("kind", {}).get("S") == "ACCOUNT"
        and image["PK"]["S"].endswith(f"#{account_id}")
    ]
    found: dict[str, Any] = json.loads(json.dumps(ours[-1], default=as_in_an_event))
    return found


def test_a_letter_with_its_records_is_redriven_though_the_stream_has_forgotten_them(desk: Desk) -> None:
    desk.signal("buy")
    before, person = desk.records(), desk.people[0]
    s3, bucket = desk.cloud.client("s3"), desk.cloud.outputs["ArchiveBucketName"]
    letter = json.loads(stream_letter(desk.cloud, person.account_id))
    letter["DDBStreamBatchInfo"] |= dict.fromkeys(("startSequenceNumber", "endSequenceNumber"), "1".zfill(21))
    letter["payload"] = json.dumps({"Records": [stream_record(desk.cloud, person.account_id)]})
    forget_orders(desk, person.user.sub)
    assert desk.records() != before
    message_id = str(UUID(int=1))
    key = f"aws/lambda/mapping/shard/2026/11/28/2026-11-28T10.00.00-{message_id}"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(letter).encode())
    assert until(lambda: depth(desk.cloud, "OutboxDeadLettersUrl"), bool) == 1, "the new object rings the alarm"

    (shown,) = json.loads(dlq("list", "outbox", "--json"))
    assert (shown["message_id"], shown["facts"]["records_kept"]) == (message_id, "in the letter")
    assert redrive("outbox", message_id) == 1
    assert until(desk.records, lambda records: records == before) == before
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="aws/lambda/")
    assert depth(desk.cloud, "OutboxDeadLettersUrl") == 0


def test_a_record_that_the_relay_can_never_read_becomes_a_letter_that_holds_it(desk: Desk) -> None:
    desk.replay.wait_until_quiet()
    s3, bucket = desk.cloud.client("s3"), desk.cloud.outputs["ArchiveBucketName"]
    broken = {"PK": {"S": "TENANT#t#ACCOUNT#broken"}, "SK": {"S": "STATE"}, "kind": {"S": "ACCOUNT"}, "version": {"N": "1"}}
    item = broken | {"schema_version": {"N": "2"}, "body": {"B": b"no account"}}
    desk.cloud.client("dynamodb").put_item(TableName=desk.cloud.outputs["TableName"], Item=item)
    (found,) = until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix="aws/lambda/").get("Contents", []), bool)
    letter = json.loads(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    (record,) = json.loads(letter["payload"])["Records"]
    assert record["dynamodb"]["NewImage"]["PK"] == broken["PK"]

    assert until(lambda: depth(desk.cloud, "OutboxDeadLettersUrl"), bool) == 1
    answer = json.loads(dlq("redrive", "outbox", status=1))
    assert answer["refused"] == [{"message_id": found["Key"][-36:], "code": "RELAY_FAILED"}]
    assert json.loads(dlq("drop", "outbox", found["Key"][-36:]))["kind"] == "stream records"
    assert depth(desk.cloud, "OutboxDeadLettersUrl") == 0
    versions = s3.list_object_versions(Bucket=bucket, Prefix="aws/lambda/")["Versions"]
    assert [each["Key"] for each in versions] == [found["Key"]], "an older version stays for a while"


def forget_orders(desk: Desk, tenant_id: str) -> None:
    """Delete a tenant's orders from the history, as if the relay had never projected them."""
    table, name = desk.cloud.client("dynamodb"), desk.cloud.outputs["TableName"]
    rows = table.query(
        TableName=name,
        KeyConditionExpression="PK = :tenant AND begins_with(SK, :order)",
        ExpressionAttributeValues={":tenant": {"S": f"TENANT#{tenant_id}"}, ":order": {"S": "ORDER#"}},
    )["Items"]
    assert rows, "an order in the history that can be lost"
    for row in rows:
        table.delete_item(TableName=name, Key={"PK": row["PK"], "SK": row["SK"]})


def test_a_function_that_a_schedule_did_not_reach_is_invoked_again_and_no_other(desk: Desk) -> None:
    fired = utc_now().replace(second=0, microsecond=0) - timedelta(minutes=1)
    candle = {"timeframe": "1m", "scheduled_time": fired.isoformat()}
    failed = {
        "requestContext": {"functionArn": "arn:aws:lambda:us-east-1:000000000000:function:candlecast-candle_clock:live"},
        "requestPayload": candle,
        "responsePayload": {"errorType": "TimeoutError"},
    }
    send(desk, "ScheduleDeadLettersUrl", json.dumps(failed))
    target = "arn:aws:lambda:us-east-1:000000000000:function:candlecast-reconcile_clock:live"
    desk.cloud.client("sqs").send_message(
        QueueUrl=desk.cloud.outputs["ScheduleDeadLettersUrl"],
        MessageBody=json.dumps({"scheduled_time": candle["scheduled_time"]}),
        MessageAttributes={"TARGET_ARN": {"DataType": "String", "StringValue": target}},
    )
    foreign = {**failed, "requestContext": {"functionArn": target.replace("reconcile_clock", "order_executor")}}
    refused = send(desk, "ScheduleDeadLettersUrl", json.dumps(foreign))

    answer = json.loads(dlq("redrive", "schedule", status=1))
    assert answer["redriven"] == 2
    assert answer["refused"] == [{"message_id": refused, "code": "TARGET_UNKNOWN"}]
    logs = until(desk.cloud.logs, lambda found: "candlecast-candle_clock" in found and "candlecast-reconcile_clock" in found)
    until(desk.cloud.logs, lambda found: "candles announced" in found["candlecast-candle_clock"])
    assert candle["scheduled_time"] in desk.cloud.logs()["candlecast-candle_clock"]
    until(desk.cloud.logs, lambda found: "reconciles requested" in found["candlecast-reconcile_clock"])
    assert "reconciles requested" in desk.cloud.logs()["candlecast-reconcile_clock"]
    assert "candlecast-order_executor" not in logs
