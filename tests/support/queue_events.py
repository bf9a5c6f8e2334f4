"""Events as a queue delivers them to a function, and a function's context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Context:
    """A context's answers to a consumer; each question takes `spent_per_question` of the remaining time."""

    remaining: int = 60_000
    spent_per_question: int = 0
    function_name: str = "function"
    function_version: str = "1"
    invoked_function_arn: str = "arn"
    memory_limit_in_mb: int = 256
    aws_request_id: str = "request-1"
    log_group_name: str = "group"
    log_stream_name: str = "stream"

    def get_remaining_time_in_millis(self) -> int:
        self.remaining -= self.spent_per_question
        return self.remaining


def record(body: str, number: int, *, group: str | None = None, receives: int = 1) -> dict[str, Any]:
    """One message of a batch: `message-<number>` with its receipt."""
    attributes = {"ApproximateReceiveCount": str(receives)}
    if group:
        attributes["MessageGroupId"] = group
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"receipt-{number}",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
        "awsRegion": "eu-west-1",
    }


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}
