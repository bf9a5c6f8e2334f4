"""Answers for the adapters' clients while golden items are written and read: a table in memory, and a record of the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from candlecast.adapters.dynamodb.single_table.table import Table
from verification.crash_points.conditions import holds, parsed, updated

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
INDEXES = {name: (f"{name}PK", f"{name}SK") for name in ("GSI1", "GSI2", "GSI3", "GSI4")}
BETWEEN = re.compile(r"(\S+) BETWEEN (\S+) AND (\S+)")
PLAIN_NAME = re.compile(r"(?<![#:\w])(?!attribute_|begins_with|if_not_exists|AND\b|OR\b|NOT\b|SET\b|ADD\b|REMOVE\b)[A-Za-z_]\w*")
EXPRESSIONS = ("ConditionExpression", "KeyConditionExpression", "UpdateExpression")

Item = dict[str, Any]
Key = tuple[str, str]


@dataclass(slots=True)
class MemoryTable:
    """DynamoDB as far as the adapters use it: conditions, updates, transactions and queries by key or index."""

    items: dict[Key, Item] = field(default_factory=dict)

    def table(self, generation: int = 1) -> Table:
        """A table whose client ends here."""
        with patch.dict(os.environ, CREDENTIALS):
            table = Table("table", generation=generation, region="us-east-1", host="http://127.0.0.1:9")
            table.client._make_api_call = self.call
            return table

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        return getattr(self, f"_{operation}")(_plain(request))

    def _GetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802  (operations have the service's names)
        item = self.items.get(_key(request["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def _BatchGetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        ((table, asked),) = request["RequestItems"].items()
        found = (self.items.get(_key(key)) for key in asked["Keys"])
        return {"Responses": {table: [dict(item) for item in found if item is not None]}, "UnprocessedKeys": {}}

    def _Query(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        test = parsed(request["KeyConditionExpression"])
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        place = INDEXES[request["IndexName"]][1] if "IndexName" in request else "SK"
        found = [dict(item) for item in self.items.values() if test(item, names, values)]
        found.sort(key=lambda item: str(item[place]["S"]), reverse=not request.get("ScanIndexForward", True))
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def _PutItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._require(request, request["Item"], "PutItem")
        self.items[_key(request["Item"])] = dict(request["Item"])
        return {}

    def _UpdateItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._require(request, request["Key"], "UpdateItem")
        key = _key(request["Key"])
        self.items[key] = updated(request, self.items.get(key) or request["Key"])
        return {"Attributes": dict(self.items[key])}

    def _DeleteItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._require(request, request["Key"], "DeleteItem")
        gone = self.items.pop(_key(request["Key"]), None)
        return {"Attributes": gone} if gone is not None and request.get("ReturnValues") == "ALL_OLD" else {}

    def _BatchWriteItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        for requests in request["RequestItems"].values():
            for each in requests:
                self._PutItem(each["PutRequest"])
        return {"UnprocessedItems": {}}

    def _TransactWriteItems(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        parts = [(kind, _plain(asked)) for part in request["TransactItems"] for kind, asked in part.items()]
        kept = [holds(asked, self.items.get(_key(asked.get("Item") or asked["Key"]))) for _, asked in parts]
        if not all(kept):
            reasons = [{"Code": "None" if good else "ConditionalCheckFailed"} for good in kept]
            error: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")
        for kind, asked in parts:
            {"Put": self._PutItem, "Update": self._UpdateItem, "Delete": self._DeleteItem}[kind](asked)
        return {}

    def _require(self, request: Mapping[str, Any], where: Item, operation: str) -> None:
        if not holds(request, self.items.get(_key(where))):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": "refused"}}, operation)


class Recorder:
    """A client of another service: keeps what it is asked for, and answers as if all had been taken."""

    def __init__(self, answer: Mapping[str, Any] | None = None) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answer = dict(answer or {})

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            self.requests.append((operation, request))
            return self._answer

        return ask


def _plain(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request with all names in its expressions written as `#name`, and BETWEEN as two comparisons."""
    names: dict[str, str] = dict(request.get("ExpressionAttributeNames", {}))

    def named(found: re.Match[str]) -> str:
        names[f"#{found[0]}"] = found[0]
        return f"#{found[0]}"

    changed = {
        each: PLAIN_NAME.sub(named, BETWEEN.sub(r"\1 >= \2 AND \1 <= \3", request[each]))
        for each in EXPRESSIONS
        if request.get(each)
    }
    return {**request, **changed, "ExpressionAttributeNames": names} if changed else request


def _key(attributes: Mapping[str, Any]) -> Key:
    return attributes["PK"]["S"], attributes["SK"]["S"]
