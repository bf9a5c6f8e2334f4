"""Clients of the embedded cloud, and names that no other test uses."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from candlecast.adapters.aws.clients import aws_client
from candlecast.adapters.sqs.queues import bulk_sender

REGION = "us-east-1"
_numbers = count(1)


class Cloud:
    """The emulator's services. Everything that a test makes in them gets a name of its own."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = aws_client(service, region=REGION, endpoint=self._endpoint)
        return self._clients[service]

    def bulk_sender(self) -> Any:
        return bulk_sender(region=REGION, endpoint=self._endpoint)

    def name(self, prefix: str) -> str:
        return f"{prefix}-{next(_numbers)}"

    def queue(self, *, fifo: bool = False) -> str:
        """URL of a new queue."""
        name = self.name("queue") + (".fifo" if fifo else "")
        attributes = {"FifoQueue": "true"} if fifo else {}
        return str(self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def messages(self, queue_url: str, expected: int) -> list[dict[str, Any]]:
        """Everything that waits in a queue, and at least `expected` messages: a receive may miss some."""
        found: list[dict[str, Any]] = []
        for attempt in range(20):
            wait = 1 if len(found) < expected else 0
            received = (
                self.client("sqs")
                .receive_message(
                    QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, MessageSystemAttributeNames=["All"]
                )
                .get("Messages", [])
            )
            for message in received:
                self.client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            found += received
            if len(found) >= expected and not received and attempt:
                break
        return found


@pytest.fixture(scope="session")
def aws(cloud: str) -> Cloud:
    return Cloud(cloud)
