"""The event bus: every event arrives with the id that it has at every delivery."""

from __future__ import annotations

import json

import pytest

from candlecast.adapters.aws.event_bus import SOURCE, EventBridgeBus
from candlecast.domain.account.events import order_event
from candlecast.domain.orders.intent import IntentState
from candlecast.ports.bus import PublishedEvent
from tests.contract.aws.conftest import Cloud
from tests.support.builders import ACCOUNT, NOW, TENANT, an_intent


@pytest.mark.e2e
def test_every_event_arrives_with_its_id_and_its_type(aws: Cloud) -> None:
    events = aws.client("events")
    bus, queue_url = aws.name("bus"), aws.queue()
    queue_arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name=bus)
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue_arn}])

    EventBridgeBus(events, bus).publish(
        [
            PublishedEvent(
                event_id=f"event-{number}",
                tenant_id=TENANT,
                account_id=ACCOUNT,
                version=3,
                event=order_event(an_intent(state=IntentState.FILLED), NOW),
            )
            for number in range(13)
        ]
    )

    arrived = [json.loads(message["Body"]) for message in aws.messages(queue_url, 13)]
    assert sorted(event["detail"]["event_id"] for event in arrived) == sorted(f"event-{number}" for number in range(13))
    assert {event["detail-type"] for event in arrived} == {"trade.filled"}
    assert {event["detail"]["event"]["order"]["quantity"] for event in arrived} == {"10"}
