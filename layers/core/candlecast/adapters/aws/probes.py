"""Probes of AWS's services; each asks one question that its caller's role may ask, and none of them reads a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


class QueuesProbe:
    """The queues answer if each of them does."""

    def __init__(self, sqs: SQSClient, queue_urls: Sequence[str]) -> None:
        self._sqs = sqs
        self._queue_urls = queue_urls

    def check(self) -> None:
        for url in self._queue_urls:
            with aws_errors("QUEUE_UNAVAILABLE"):
                self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])


class SecretsProbe:
    """The vault answers if it describes a secret, whose value stays unread."""

    def __init__(self, secrets: SecretsManagerClient, secret_id: str) -> None:
        self._secrets = secrets
        self._secret_id = secret_id

    def check(self) -> None:
        with aws_errors("VAULT_UNAVAILABLE"):
            self._secrets.describe_secret(SecretId=self._secret_id)


class EventBusProbe:
    """The bus answers if it describes itself: an event of the probe would reach everybody who listens."""

    def __init__(self, events: EventBridgeClient, bus_name: str) -> None:
        self._events = events
        self._bus_name = bus_name

    def check(self) -> None:
        with aws_errors("EVENT_BUS_UNAVAILABLE"):
            self._events.describe_event_bus(Name=self._bus_name)
