"""DynamoDB, SQS, Secrets Manager and S3 as botocore's clients see them: AWS's answers and errors, state in the world."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from candlecast.adapters.dynamodb.accounts import due_partitions
from tests.support.builders import ACCOUNT
from verification.crash_points.boundary import Crosser, Fault, Operation
from verification.crash_points.conditions import holds, parsed, updated
from verification.crash_points.world import Item, Key, Message, World

SLOW_SECONDS = 6.0  # twice what the adapters wait for an answer: the SDK's second try succeeds at last
INDEX_KEYS = {name: (f"{name}PK", f"{name}SK") for name in ("GSI1", "GSI2", "GSI3", "GSI4")}
DUE_INDEXES, DUE_PARTITIONS = ("GSI3", "GSI4"), due_partitions(ACCOUNT)
THROTTLED = "ProvisionedThroughputExceededException"
MET_ANOTHER = [{"Code": "TransactionConflict"}]
Request = Mapping[str, Any]


@dataclass(slots=True)
class Cloud:
    """The services behind every client; `secrets` and `objects` never change."""

    crosser: Crosser
    secrets: Mapping[tuple[str, str], str]
    objects: Mapping[str, bytes]

    def take_over(self, client: Any) -> Any:
        """Let a client's requests end here instead of on the network."""
        service = client.meta.service_model.service_name
        client._make_api_call = lambda operation, request: self.call(service, operation, request)
        return client

    def call(self, service: str, operation: str, request: Request) -> Any:
        """One request; raises what botocore raises."""
        if service == "secretsmanager":
            return {"SecretString": self.secrets[request["SecretId"], request["VersionId"]]}
        if service == "s3":
            return {"Body": io.BytesIO(self.objects[request["Key"]])}
        if operation == "GetQueueAttributes":
            return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.crosser.world.reconcile))}}
        if service == "sqs":
            return self.crosser.cross(_sending(request))
        if operation == "Query" and _concerns_nobody(request):
            return _query(self.crosser.world, request)  # no boundary: the same clock also asks the partition of the account
        return self.crosser.cross(Operation(f"{operation} {_subject(request)}", *_table_operation(operation, request)))


def _sending(request: Request) -> Operation:
    def send(world: World) -> Any:
        if request["QueueUrl"] not in ("reconcile", "awaited-look"):  # one queue in this model: looks keep no order
            raise AssertionError(f"no queue of this scenario: {request['QueueUrl']}")
        sent = [Message(entry["MessageBody"], world.now + entry.get("DelaySeconds", 0)) for entry in request["Entries"]]
        world.reconcile = (*world.reconcile, *sent)
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}

    return Operation("SendMessageBatch", send, (Fault("not taken", _refusing("ServiceUnavailable", "SendMessageBatch", 503)),))


# -- DynamoDB ---------------------------------------------------------------------------------------------------------------


def _table_operation(operation: str, request: Request) -> tuple[Callable[[World], Any], tuple[Fault, ...]]:
    throttled = Fault("throttled", _refusing(THROTTLED, operation, 400))
    if operation in _READS:
        apply = _READS[operation]
        return (lambda world: apply(world, request)), (throttled,)
    write = _WRITES[operation]

    def apply_write(world: World) -> Any:
        return write(world, request)

    def slow(world: World) -> Any:
        world.now += SLOW_SECONDS
        return write(world, request)

    def lost(world: World) -> Any:
        write(world, request)
        world.now += SLOW_SECONDS
        raise ReadTimeoutError(endpoint_url="dynamodb")

    def asked_twice(world: World) -> Any:
        """The first try was carried out and its answer lost: the SDK's second one meets what the first has written."""
        write(world, request)
        world.now += SLOW_SECONDS / 2
        return write(world, request)

    def overtaken(world: World) -> Any:
        _touch(world, request)
        return write(world, request)

    if operation == "TransactWriteItems":
        another = Fault("meets another", _refusing("TransactionCanceledException", operation, 400, MET_ANOTHER))
        return apply_write, (throttled, another, Fault("answer lost", lost), Fault("slow", slow))
    if "version" not in request.get("ExpressionAttributeNames", {}).values():
        return apply_write, (throttled,)  # a counter or an aid: nothing is decided by it
    others = (Fault("answer lost, repeated by the SDK", asked_twice), Fault("somebody else writes first", overtaken))
    return apply_write, (throttled, Fault("answer lost", lost), Fault("slow", slow), *others)


def _get(world: World, request: Request) -> Any:
    item = world.items.get(_key(request["Key"]))
    return {} if item is None else {"Item": dict(item)}


def _batch_get(world: World, request: Request) -> Any:
    ((table, asked),) = request["RequestItems"].items()
    found = (world.items.get(_key(key)) for key in asked["Keys"])
    return {"Responses": {table: [dict(item) for item in found if item is not None]}, "UnprocessedKeys": {}}


def _query(world: World, request: Request) -> Any:
    test = parsed(request["KeyConditionExpression"])
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    place = INDEX_KEYS[request["IndexName"]][1] if "IndexName" in request else "SK"
    found = [item for item in world.items.values() if test(item, names, values)]
    found.sort(key=lambda item: str(item[place]["S"]))
    return {"Items": [dict(item) for item in found], "Count": len(found), "ScannedCount": len(found)}


def _concerns_nobody(request: Request) -> bool:
    """Whether the clock asks a partition of due accounts that the scenario's account is never in."""
    values = request["ExpressionAttributeValues"].values()
    return request.get("IndexName") in DUE_INDEXES and not any({"S": partition} in values for partition in DUE_PARTITIONS)


def _put(world: World, request: Request) -> Any:
    key = _key(request["Item"])
    if not holds(request, world.items.get(key)):
        raise _error("ConditionalCheckFailedException", "PutItem", 400)
    world.overwritten += _overwrites(world.items.get(key), request["Item"])
    world.items[key] = dict(request["Item"])
    return {}


def _overwrites(before: Item | None, after: Item) -> bool:
    """Whether a versioned item is written by somebody who has not read its last version."""
    if before is None or "version" not in before:
        return False
    return int(after["version"]["N"]) != int(before["version"]["N"]) + 1


def _update(world: World, request: Request) -> Any:
    key = _key(request["Key"])
    before = world.items.get(key)
    if not holds(request, before):
        raise _error("ConditionalCheckFailedException", "UpdateItem", 400)
    world.items[key] = updated(request, before or request["Key"])
    return {"Attributes": dict(world.items[key])}


def _transact(world: World, request: Request) -> Any:
    parts = [next(iter(part.items())) for part in request["TransactItems"]]
    kept = [holds(part, world.items.get(_key(part.get("Item") or part["Key"]))) for _, part in parts]
    if not all(kept):
        reasons = [{"Code": "None" if good else "ConditionalCheckFailed"} for good in kept]
        raise _error("TransactionCanceledException", "TransactWriteItems", 400, reasons)
    for kind, part in parts:
        key = _key(part.get("Item") or part["Key"])
        if kind == "Put":
            world.items[key] = dict(part["Item"])
        elif kind == "Update":
            world.items[key] = updated(part, world.items.get(key) or part["Key"])
        elif kind == "Delete":
            world.items.pop(key, None)
    return {}


def _delete(world: World, request: Request) -> Any:
    key = _key(request["Key"])
    if not holds(request, world.items.get(key)):
        raise _error("ConditionalCheckFailedException", "DeleteItem", 400)
    world.items.pop(key, None)
    return {}


_READS = {"GetItem": _get, "BatchGetItem": _batch_get, "Query": _query}
_WRITES = {"PutItem": _put, "UpdateItem": _update, "TransactWriteItems": _transact, "DeleteItem": _delete}


def _touch(world: World, request: Request) -> None:
    """Somebody else writes an item without changing what it says, as the API does when it pauses and resumes."""
    key = _key(request.get("Item") or request["Key"])
    item = world.items.get(key)
    if item is not None and "version" in item:
        world.items[key] = {**item, "version": {"N": str(int(item["version"]["N"]) + 1)}}


def _key(attributes: Mapping[str, Any]) -> Key:
    return attributes["PK"]["S"], attributes["SK"]["S"]


def _subject(request: Request) -> str:
    """The kind of item that a request is about, for people who read a trace."""
    if "RequestItems" in request:
        return "gate"
    if "TransactItems" in request:
        return "several"
    attributes: Item | None = request.get("Item") or request.get("Key")
    if attributes is None:
        return str(request.get("IndexName", ""))
    partition = str(attributes["PK"]["S"]).split("#")
    return partition[2] if len(partition) > 3 else partition[0]


def _refusing(code: str, operation: str, status: int, reasons: list[dict[str, str]] | None = None) -> Callable[[World], Any]:
    def refuse(_: World) -> Any:
        raise _error(code, operation, status, reasons)

    return refuse


def _error(code: str, operation: str, status: int, reasons: list[dict[str, str]] | None = None) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": json.dumps(code)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if reasons is not None:
        response["CancellationReasons"] = reasons
    return ClientError(response, operation)
