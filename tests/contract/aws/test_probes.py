"""Probes of AWS's services: each answers where its thing is and fails where it is not."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from candlecast.adapters.aws.probes import EventBusProbe, QueuesProbe, SecretsProbe
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.health import Probe
from tests.contract.aws.conftest import Cloud
from tests.support.stubbed import stubbed


@pytest.mark.e2e
def test_what_is_there_answers(aws: Cloud) -> None:
    bus, secret = aws.name("bus"), aws.name("secret")
    aws.client("events").create_event_bus(Name=bus)
    aws.client("secretsmanager").create_secret(Name=secret, SecretString="kept")
    QueuesProbe(aws.client("sqs"), [aws.queue(), aws.queue(fifo=True)]).check()
    SecretsProbe(aws.client("secretsmanager"), secret).check()
    EventBusProbe(aws.client("events"), bus).check()


@pytest.mark.e2e
def test_what_is_missing_fails(aws: Cloud) -> None:
    gone = aws.queue()
    aws.client("sqs").delete_queue(QueueUrl=gone)
    probes: tuple[Probe, ...] = (
        QueuesProbe(aws.client("sqs"), [aws.queue(), gone]),
        SecretsProbe(aws.client("secretsmanager"), "none"),
        EventBusProbe(aws.client("events"), "none"),
    )
    for probe in probes:
        with pytest.raises(ClientError):
            probe.check()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sqs", "get_queue_attributes", "QUEUE_UNAVAILABLE"),
        ("secretsmanager", "describe_secret", "VAULT_UNAVAILABLE"),
        ("events", "describe_event_bus", "EVENT_BUS_UNAVAILABLE"),
    ],
)
def test_an_outage_is_told_by_a_code_of_ours(service: str, operation: str, code: str) -> None:
    client, stubber = stubbed(service)
    stubber.add_client_error(operation, "ServiceUnavailable", http_status_code=503)
    probes: dict[str, Probe] = {
        "sqs": QueuesProbe(client, ["https://queue"]),
        "secretsmanager": SecretsProbe(client, "secret"),
        "events": EventBusProbe(client, "bus"),
    }
    with pytest.raises(RetryLater, match=code):
        probes[service].check()
