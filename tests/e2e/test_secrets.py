"""Secrets planted wherever somebody gives one, failures included, are in no log, message, event, row or answer afterwards."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from candlecast.services.reconcile.request_reconciles import FURTHEST_DUE
from infra.local.cloud import Cloud
from infra.local.demo.people import Platform
from infra.local.demo.replay import invoke
from infra.local.demo.scenario import Case, PlannedStrategy
from tests.support.stage import REQUEST_SECONDS, Desk, as_text, follower, messages, open_desk, utc_now
from tests.support.waiting import until

ROWS = 300
CASES = (Case.ORDINARY, Case.ORDINARY, Case.ORDINARY, Case.REVOKED_KEY, Case.WITHOUT_KEY, Case.ORDINARY)
WRONG_SECRET = len(CASES) - 1  # the user whose key is right and whose secret is not
CONSUMERS = (
    ("StrategyRunnerFunctionName", "CandleQueueUrl"),
    ("SignalFanoutFunctionName", "SignalQueueUrl"),
    ("OrderExecutorFunctionName", "TradeQueueUrl"),
    ("OrderReconcilerFunctionName", "AwaitedLookQueueUrl"),
)
QUEUES = ("Candle", "UploadedCandle", "Signal", "Trade", "Reconcile", "Vetting", "Outbox", "Schedule")
ORDER = "/fapi/v1/order"
FAULTS = (
    {"kind": "timeout", "executed": True, "method": "POST", "path": ORDER},
    {"kind": "server_error", "method": "POST", "path": ORDER},
    {"kind": "rate_limited", "method": "POST", "path": "/fapi/v1/leverage"},
    {"kind": "slow", "delay_ms": 3_500, "method": "POST", "path": "/fapi/v1/marginType"},
)
PLANTED = "canary-{}-5d1f0c9ab27e4e3f8c6b"


@dataclass
class Searched:
    """Everything that a run has left behind, by where it is, and every secret that was in use."""

    places: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    signal_id: str = ""

    def found(self) -> list[str]:
        """Which secret is where, in any of the usual spellings; never the secret itself."""
        return [
            f"{name} in {place}"
            for name, secret in self.secrets.items()
            for place, text in self.places.items()
            if any(spelling in text for spelling in spellings(secret))
        ]


def spellings(secret: str) -> set[str]:
    plain = secret.encode()
    return {secret, quote(secret, safe=""), base64.b64encode(plain).decode().rstrip("="), plain.hex()}


def listen(cloud: Cloud) -> str:
    """A queue that gets every event of the product's bus; its address."""
    sqs, events, bus = cloud.client("sqs"), cloud.client("events"), cloud.outputs["EventBusName"]
    url = str(sqs.create_queue(QueueName="test-events")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = json.dumps({"source": [{"prefix": ""}]})
    events.put_rule(Name="test-everything", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="test-everything", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def switch(cloud: Cloud, output: str, *, enabled: bool) -> None:
    """Let a function take messages from its queue, or not."""
    client = cloud.client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=f"{cloud.outputs[output]}:live")["EventSourceMappings"]
    assert mappings, output
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)


def messages_on_their_way(desk: Desk) -> dict[str, str]:
    """The content of each queue while a candle, a signal, orders and reconciles wait in it. Each consumer is let go in turn."""
    found = {}
    for function, _ in CONSUMERS:
        switch(desk.cloud, function, enabled=False)
    desk.cloud.wait_for_pollers()
    desk.replay.announce(desk.replay.closings[-1])
    desk.source.send({"ticker": desk.ticker, "action": "sell", "signal_id": "on-its-way"})
    invoke(desk.cloud, "ReconcileClockFunctionName", {"due_by": (utc_now() + FURTHEST_DUE / 2).isoformat()})
    for function, queue in CONSUMERS:
        waiting = until(lambda queue=queue: messages(desk.cloud, queue), bool)  # type: ignore[misc]
        assert waiting, f"nothing was seen in {queue}: the test shows nothing of it"
        found[queue] = as_text(waiting)
        switch(desk.cloud, function, enabled=True)
    desk.replay.wait_until_quiet()
    return found


def refusals(desk: Desk, planted: dict[str, str]) -> dict[str, str]:
    """Answers to requests that carry a secret and are wrong in some way."""
    person, url = desk.people[0], desk.cloud.outputs["ApiUrl"]
    account = f"{url}/v1/accounts/{person.account_id}/credentials"
    head = {"Authorization": f"Bearer {person.user.token}"}
    key, secret = planted["refused api key"], planted["refused api secret"]
    webhook = planted["wrong webhook secret"]
    body = {"ticker": desk.ticker, "action": "buy"}
    bodies: list[dict[str, Any]] = [
        {"api_key": {"nested": key}, "api_secret": [secret]},
        {"api_key": key, "api_secret": secret, "passphrase": secret},
        {"api_key": key * 200, "api_secret": secret},
        {"api_key": key},
        {key: secret},
    ]
    answers = [httpx.put(account, json=body, headers=head, timeout=REQUEST_SECONDS) for body in bodies]
    broken = f'{{"api_key": "{key}", "api_secret": "{secret}"'.encode()
    answers += [
        httpx.put(account, content=broken, headers=head, timeout=REQUEST_SECONDS),
        httpx.put(account.replace("credentials", secret), json=bodies[0], headers=head, timeout=REQUEST_SECONDS),
        httpx.get(f"{url}/v1/orders?limit={secret}", headers=head, timeout=REQUEST_SECONDS),
        httpx.get(f"{url}/v1/accounts", headers={"Authorization": f"Bearer {secret}"}, timeout=REQUEST_SECONDS),
        httpx.post(f"{desk.source.url}/{webhook}", json=body, timeout=REQUEST_SECONDS),
        httpx.post(desk.source.url, json={**body, "secret": webhook}, timeout=REQUEST_SECONDS),
        httpx.post(f"{desk.source.url}/{desk.source.secret}", content=b'{"broken', timeout=REQUEST_SECONDS),
        desk.source.post({"ticker": desk.source.secret, "action": "buy"}),
        desk.source.post({**body, "action": desk.source.secret}),
        httpx.post(
            desk.source.url,
            json=body,
            headers={"X-Candlecast-Timestamp": webhook, "X-Candlecast-Signature": webhook},
            timeout=REQUEST_SECONDS,
        ),
    ]
    assert {answer.status_code // 100 for answer in answers} == {4}, [answer.status_code for answer in answers]
    return {f"answer {number} ({a.status_code})": f"{a.headers} {a.text}" for number, a in enumerate(answers)}


def trade_through_failures(desk: Desk) -> None:
    """Orders that succeed, are lost, late, refused and denied; and messages that nobody can read."""
    stop = str(desk.strategy.file.candles[-1].close * 9 / 10)
    for fault in FAULTS:
        desk.operator.call("POST", "/faults", fault)
    desk.signal("buy", stopLoss={"stopPrice": stop}, note=f"sent with {desk.source.secret}", extras={"token": desk.source.secret})
    desk.signal("exit")
    for queue in QUEUES[:4]:
        group = {"MessageGroupId": "g", "MessageDeduplicationId": "g"} if queue == "Trade" else {}
        url = desk.cloud.outputs[f"{queue}QueueUrl"]
        desk.cloud.client("sqs").send_message(QueueUrl=url, MessageBody='{"schema_version": 1}', **group)


def plant(desk: Desk) -> dict[str, str]:
    """Every secret of this deployment, by name: those that were given out, and wrong ones."""
    cloud = desk.cloud
    operator_key = cloud.client("secretsmanager").get_secret_value(SecretId=cloud.outputs["OperatorSecretId"])["SecretString"]
    secrets = {"operator key": operator_key, "webhook secret": desk.source.secret}
    for person in desk.people:
        secrets[f"token of {person.plan.name}"] = person.user.token
        if person.keys is not None:
            secrets[f"api key of {person.plan.name}"] = person.keys.api_key
            secrets[f"api secret of {person.plan.name}"] = person.keys.api_secret
    names = ("wrong api secret", "refused api key", "refused api secret", "wrong webhook secret")
    return secrets | {name: PLANTED.format(name.replace(" ", "-")) for name in names}


def give_wrong_secret(desk: Desk, secret: str) -> None:
    person = desk.people[WRONG_SECRET]
    assert person.keys is not None
    body = {"api_key": person.keys.api_key, "api_secret": secret}
    desk.api(person).call("PUT", f"/v1/accounts/{person.account_id}/credentials", body)


def what_is_left(desk: Desk, events: str) -> dict[str, str]:
    """Logs, messages, events, rows, files and settings, as text by place."""
    cloud = desk.cloud
    places = {f"log of {name}": text for name, text in cloud.logs().items()}
    logs = cloud.client("logs")
    for group in (group for page in logs.get_paginator("describe_log_groups").paginate() for group in page["logGroups"]):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        places[f"log group {group['logGroupName']}"] = as_text([event for page in pages for event in page["events"]])
    for queue in QUEUES:
        places[f"dead letters of {queue}"] = as_text(messages(cloud, f"{queue}DeadLettersUrl"))
    places["events"] = as_text(drained(cloud, events))
    scan = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    places["table"] = as_text([item for page in scan for item in page["Items"]])
    s3, bucket = cloud.client("s3"), cloud.outputs["MarketsBucketName"]
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        places[f"file {item['Key']}"] = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode(errors="replace")
    functions = cloud.client("lambda").get_paginator("list_functions").paginate()
    places["settings of functions"] = as_text([function for page in functions for function in page["Functions"]])
    places["outputs of the stack"] = as_text(cloud.outputs)
    return places


def drained(cloud: Cloud, url: str) -> list[Any]:
    sqs, found = cloud.client("sqs"), []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found += [message["Body"] for message in batch]
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.fixture(scope="module")
def searched(cloud: Cloud) -> Iterator[Searched]:
    """A run with everything in it that goes wrong, at the most talkative log level, and all that it has left behind."""
    opened = open_desk(
        cloud,
        lambda strategy: [follower(number, strategy, case) for number, case in enumerate(CASES)],
        rows=ROWS,
        LogLevel="DEBUG",
    )
    with closing(opened) as desk, closing(Platform(cloud)) as platform:
        events = listen(cloud)
        run = Searched(secrets=plant(desk))
        strategy = PlannedStrategy("turns", "sma_cross", {}, desk.strategy.file)
        platform.create_strategies((strategy,))
        order = {"strategy_id": "turns", "account_id": desk.people[0].account_id, "settings": {"capital": "1000"}}
        desk.api(desk.people[0]).call("POST", "/v1/subscriptions", order)
        give_wrong_secret(desk, run.secrets["wrong api secret"])
        trade_through_failures(desk)
        run.signal_id = desk.signal("buy")
        run.places |= refusals(desk, run.secrets)
        run.places |= messages_on_their_way(desk)
        desk.records()
        run.places |= what_is_left(desk, events)
        yield run


def test_no_secret_is_anywhere_but_in_the_vault(searched: Searched) -> None:
    assert searched.found() == []


def test_the_search_would_find_a_secret(searched: Searched, cloud: Cloud) -> None:
    """The run's own traces are found in every place. The vault, where secrets belong, holds the secrets in plain view."""
    everywhere = [
        *("log of candlecast-signal_intake", "log of candlecast-signal_fanout", "log of candlecast-order_executor"),
        *("events", "table"),
    ]
    assert {place: searched.signal_id in searched.places[place] for place in everywhere} == dict.fromkeys(everywhere, True)
    assert all(searched.places[f"dead letters of {queue}"] != "[]" for queue in QUEUES[:4])
    assert all(searched.places[queue] != "[]" for _, queue in CONSUMERS)
    refused = searched.places["log of candlecast-order_executor"] + searched.places["table"]
    assert "KEYS_REFUSED" in refused or "AUTHENTICATION_FAILED" in refused
    vault = cloud.client("secretsmanager")
    listed = [item["Name"] for page in vault.get_paginator("list_secrets").paginate() for item in page["SecretList"]]
    held = as_text([vault.get_secret_value(SecretId=name)["SecretString"] for name in listed])
    canary = Searched(places={"vault": held}, secrets=searched.secrets)
    assert {"api secret of user-0000 in vault", "wrong api secret in vault", "webhook secret in vault"} <= set(canary.found())
