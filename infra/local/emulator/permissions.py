"""Which permission a request needs."""

from typing import Any

from .patching import replace

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
