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

LEADING_KEYS = "dynamodb:LeadingKeys"
KEYED_ACTIONS = ("ConditionCheck", "Delete", "Get", "Put", "Update")  # members of one action of a transaction


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


def described_buses() -> None:
    """Check the description of an event bus against the bus's ARN.

    The emulator takes the name for the name of a rule. A role that names its bus is refused here and not on AWS.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    from ministack.core import iam_actions

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        found = str(original(service, method, path, headers, body, *rest))
        target = {str(name).lower(): str(value) for name, value in headers.items()}.get("x-amz-target", "")
        if not target.endswith(".DescribeEventBus"):
            return found
        return found.replace(":rule/default/", ":event-bus/")

    original = replace(iam_actions, "extract_resource_arn", resource)


class KeyedArn(str):
    """A table's ARN with the partition keys that one action of a transaction names there."""

    leading_keys: list[str]


def leading_keys() -> None:
    """Give conditions on `dynamodb:LeadingKeys` the partition keys that a request names.

    The emulator has no value for them. `ForAllValues` holds for an absent value, so a role that is limited to a prefix reads and
    writes everywhere. On AWS a batch has all of its keys, and a query on an index has the index's partition key.
    Each action of a transaction is allowed as the single action, by its own key. A scan has no key: no role of ours may scan.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    from ministack.core import iam_actions, iam_evaluator

    _require_dynamodb()

    def context(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = context_before(body)
        keys = keys_of(_json(body))
        return {**found, LEADING_KEYS: keys} if keys else found

    def transaction(iam_action: str, body: bytes, *where: Any) -> list[tuple[str, str]]:
        checks: list[tuple[str, str]] = []
        asked = _json(body).get("TransactItems")
        for item in asked if isinstance(asked, list) else []:
            alone = json.dumps({"TransactItems": [item]}).encode()
            checks += [(action, _keyed(arn, item)) for action, arn in transaction_before(iam_action, alone, *where)]
        return checks

    def enforce(*asked: Any, resource_arn: str = "*", service_context: Any = None, **named: Any) -> Any:
        if isinstance(resource_arn, KeyedArn):
            service_context = {**(service_context or {}), LEADING_KEYS: resource_arn.leading_keys}
        return enforce_before(*asked, resource_arn=resource_arn, service_context=service_context, **named)

    context_before = replace(iam_actions, "dynamodb_service_context", context)
    transaction_before = replace(iam_actions, "dynamodb_transaction_checks", transaction)
    enforce_before = replace(iam_evaluator, "enforce", enforce)


def keys_of(asked: Any) -> list[str]:
    """The partition keys that a request of DynamoDB names, in its order; empty for a request that names no item."""
    batch = asked.get("RequestItems")
    if isinstance(batch, dict):
        return [key for table, wanted in batch.items() for key in _batch_keys(table, wanted)]
    table = str(asked.get("TableName") or "")
    if "KeyConditionExpression" in asked or "KeyConditions" in asked:
        return _query_keys(table, asked)
    return _item_keys(table, asked.get("Key") or asked.get("Item"))


def _batch_keys(table: str, wanted: Any) -> list[str]:
    if isinstance(wanted, dict):  # BatchGetItem
        items = wanted.get("Keys") or []
    else:  # BatchWriteItem
        requests = [request for each in wanted or [] for request in each.values()]
        items = [request.get("Item") or request.get("Key") for request in requests]
    return [key for item in items for key in _item_keys(table, item)]


def _query_keys(table: str, asked: Any) -> list[str]:
    from ministack.services import dynamodb

    definition = _definition(table)
    if definition is None:
        return []
    partition = dynamodb._resolve_index_keys(definition, asked.get("IndexName"))[0]
    legacy = (asked.get("KeyConditions") or {}).get(partition, {}).get("AttributeValueList") or []
    values = [text for value in legacy for text in _texts(value)]
    names, given = asked.get("ExpressionAttributeNames") or {}, asked.get("ExpressionAttributeValues") or {}
    tokens = dynamodb._tokenize(asked.get("KeyConditionExpression") or "")
    for left, sign, right in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if sign[0] != "EQ":
            continue
        (kind, ref), name = (left, right[1]) if left[0] == "VALUE_REF" else (right, left[1])
        if kind == "VALUE_REF" and names.get(name, name) == partition:
            values += _texts(given.get(ref))
    return values


def _item_keys(table: str, item: Any) -> list[str]:
    definition = _definition(table)
    return _texts(item.get(definition["pk_name"])) if definition is not None and isinstance(item, dict) else []


def _texts(value: Any) -> list[str]:
    """An attribute value as a condition sees it: a number as its text, bytes as base64."""
    return [str(text) for text in value.values()] if isinstance(value, dict) else []


def _keyed(arn: str, item: Any) -> KeyedArn:
    keyed = KeyedArn(arn)
    keyed.leading_keys = [key for member in KEYED_ACTIONS if isinstance(item.get(member), dict) for key in keys_of(item[member])]
    return keyed


def _definition(table: str) -> Any:
    from ministack.services import dynamodb

    return dynamodb._tables.get(table.rpartition("/")[2])


def _json(body: bytes) -> Any:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _require_dynamodb() -> None:
    from ministack.services import dynamodb

    for name in ("_resolve_index_keys", "_tokenize", "_tables"):
        if not hasattr(dynamodb, name):
            raise PatchError(f"dynamodb.{name} is not there")
