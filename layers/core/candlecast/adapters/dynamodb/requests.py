"""Requests that carry a key: an item each in the partition of their tenant, for a day."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import (
    CONDITION_FAILED,
    RETRY_AFTER_SECONDS,
    SCHEMA_VERSION,
    Table,
    key,
    require_version,
)
from candlecast.domain.people.kept_request import KEPT_FOR, UNDER_WAY_FOR, KeptAnswer, KeptRequest
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest

REQUEST = "REQUEST"
IS_DEAD = "attribute_not_exists(answer) AND dead_at <= :now AND asked_for = :asked_for"
IS_FREE = f"attribute_not_exists(PK) OR expires_at <= :now OR ({IS_DEAD})"
TRIES = 2  # the item that was in the way may be gone when it is read


class DynamoKeptRequests:
    """`ports.requests.KeptRequests`. The key stands in the item as a digest: its sender may have put anything into it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin_request(self, tenant_id: str, operation: str, key: str, request: KeptRequest, now: datetime) -> KeptRequest:
        place = _place(tenant_id, operation, key)
        item = {
            **place,
            "schema_version": {"N": str(SCHEMA_VERSION)},
            "asked_for": {"S": request.asked_for},
            "attempt": {"S": request.attempt},
            "body": {"S": to_json(request)},
            "dead_at": _seconds(request.begun_at + UNDER_WAY_FOR),
            "expires_at": _seconds(request.begun_at + KEPT_FOR),
        }
        values = {":now": _seconds(now), ":asked_for": {"S": request.asked_for}}
        for _ in range(TRIES):
            put = partial(self._table.client.put_item, Item=item, ConditionExpression=IS_FREE, ExpressionAttributeValues=values)
            if self._wrote(put):
                return request
            found = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=place, ConsistentRead=True))
            if "Item" in found:
                return _request(found["Item"])
        raise RetryLater("STORE_UNAVAILABLE", "the key is changing hands", after_seconds=RETRY_AFTER_SECONDS)

    def end_request(self, tenant_id: str, operation: str, key: str, attempt: str, answer: KeptAnswer) -> None:
        self._wrote(
            partial(
                self._table.client.update_item,
                Key=_place(tenant_id, operation, key),
                UpdateExpression="SET answer = :answer",
                ConditionExpression="attempt = :attempt",
                ExpressionAttributeValues={":attempt": {"S": attempt}, ":answer": {"S": to_json(answer)}},
            )
        )

    def forget_request(self, tenant_id: str, operation: str, key: str, attempt: str) -> None:
        self._wrote(
            partial(
                self._table.client.delete_item,
                Key=_place(tenant_id, operation, key),
                ConditionExpression="attempt = :attempt",
                ExpressionAttributeValues={":attempt": {"S": attempt}},
            )
        )

    def _wrote(self, write: partial[Any]) -> bool:
        """Whether the condition of the write held."""
        try:
            ask(partial(write, TableName=self._table.name))
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            return False
        return True


def _place(tenant_id: str, operation: str, of_request: str) -> dict[str, Any]:
    return {"PK": {"S": key("TENANT", tenant_id)}, "SK": {"S": key(REQUEST, operation, digest(of_request))}}


def _request(item: dict[str, Any]) -> KeptRequest:
    require_version(int(item["schema_version"]["N"]))
    request = from_json(KeptRequest, item["body"]["S"])
    return replace(request, answer=from_json(KeptAnswer, item["answer"]["S"])) if "answer" in item else request


def _seconds(instant: datetime) -> dict[str, str]:
    return {"N": str(int(instant.timestamp()))}
