"""Requests that carry a key, and counts of requests: items in the partition of their tenant, for a day and for some minutes."""

from __future__ import annotations

from datetime import datetime, timedelta
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
    sortable,
)
from candlecast.domain.people.kept_request import KEPT_FOR, UNDER_WAY_FOR, KeptAnswer, KeptRequest
from candlecast.domain.people.request_rate import RequestKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest

REQUEST, COUNT = "REQUEST", "REQUESTS"
COUNTED_FOR = timedelta(minutes=10)  # far beyond its window: clocks of environments may differ by seconds
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


class DynamoRequestCounts:
    """`ports.requests.RequestCounts`: an item for each window, so that no write has to begin a window anew."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take_requests(self, tenant_id: str, kind: RequestKind, window: datetime, count: int, most: int) -> int | None:
        take = partial(
            self._table.client.update_item,
            TableName=self._table.name,
            Key={"PK": {"S": key("TENANT", tenant_id)}, "SK": {"S": key(COUNT, kind.value, sortable(window))}},
            UpdateExpression="ADD requests :count SET expires_at = :end, schema_version = :version",
            ConditionExpression="attribute_not_exists(requests) OR requests <= :room",
            ExpressionAttributeValues={
                ":count": {"N": str(count)},
                ":room": {"N": str(most - count)},
                ":end": _seconds(window + COUNTED_FOR),
                ":version": {"N": str(SCHEMA_VERSION)},
            },
            ReturnValues="UPDATED_NEW",
        )
        try:
            return int(ask(take)["Attributes"]["requests"]["N"])
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            return None


def _place(tenant_id: str, operation: str, of_request: str) -> dict[str, Any]:
    return {"PK": {"S": key("TENANT", tenant_id)}, "SK": {"S": key(REQUEST, operation, digest(of_request))}}


def _request(item: dict[str, Any]) -> KeptRequest:
    require_version(int(item["schema_version"]["N"]))
    request = from_json(KeptRequest, item["body"]["S"])
    return replace(request, answer=from_json(KeptAnswer, item["answer"]["S"])) if "answer" in item else request


def _seconds(instant: datetime) -> dict[str, str]:
    return {"N": str(int(instant.timestamp()))}
