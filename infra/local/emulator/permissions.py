"""Which permission a request needs, and for what."""

import json
from typing import Any

from .patching import PatchError, replace

# On AWS the batch actions of SQS have no permissions of their own.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
SQS_BATCH_ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def batch_actions() -> None:
    """Check SQS's batch actions as the single ones.

    The emulator asks for permissions that do not exist on AWS, so a role that is right there is refused here.
    """
    from ministack.core import iam_actions

    def extract(*arguments: Any, **named: Any) -> str | None:
        action: str | None = original(*arguments, **named)
        return SQS_BATCH_ACTIONS.get(action or "", action)

    original = replace(iam_actions, "extract_iam_action", extract)


def streams_of_tables() -> None:
    """Check reads of a table's stream against the stream's ARN.

    The emulator knows no resource for them, so a role that names its stream is refused here and not on AWS.
    """
    from ministack.core import iam_actions
    from ministack.services import dynamodb_streams

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service != "dynamodbstreams":
            return str(original(service, method, path, headers, body, *rest))
        asked = json.loads(body or b"{}")
        arn = asked.get("StreamArn") or (dynamodb_streams._decode_iterator(asked.get("ShardIterator", "")) or {}).get("arn")
        return str(arn or "*")

    if not callable(getattr(dynamodb_streams, "_decode_iterator", None)):
        raise PatchError("dynamodb_streams._decode_iterator is not there")
    original = replace(iam_actions, "extract_resource_arn", resource)
