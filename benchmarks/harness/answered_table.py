"""DynamoDB beneath the SDK: requests are made, signed and read as on AWS, and answered at once from memory.

So what is measured is all that a caller's processor does for a request except the socket. One item for each key, no indexes.
"""

from __future__ import annotations

import os
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import orjson
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from benchmarks.report.write_units import read_units, write_units
from candlecast.adapters.dynamodb.single_table.table import Table
from tests.support.fakes.http_body import HttpBody

REGION = "us-east-1"
ENDPOINT = "http://127.0.0.1:9"  # nothing is sent
KEYS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
NOTHING: dict[str, Any] = {}

Answer = tuple[int, dict[str, Any]]
REFUSED: Answer = 400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "refused"}


@dataclass(slots=True)
class AnsweredTable:
    """Items by key.

    `requests` counts operations, `written` keeps each item with the item that it replaced. Units are paid units; the unkept ones
    are of transactions and updates, whose items are not kept.
    """

    items: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    written: list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]] = field(default_factory=list)
    read_units: int = 0
    unkept_units: int = 0

    @property
    def write_units(self) -> int:
        """Of all that was written."""
        return sum(write_units(*each) for each in self.written) + self.unkept_units

    def table(self) -> Table:
        """A table whose client asks here."""
        with patch.dict(os.environ, KEYS):
            table = Table("table", region=REGION, host=ENDPOINT)
            table.client.meta.events.register("before-send.dynamodb", self._send, unique_id="answered")
        return table

    def hold(self, item: Mapping[str, Any]) -> None:
        """Let this be what is stored, as if it had always been."""
        self.items[_key(item)] = {name: _as_sent(value) for name, value in item.items()}

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()
        self.written.clear()
        self.read_units = self.unkept_units = 0

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        operation = target(request).rpartition(".")[2]
        self.requests[operation] += 1
        answers: dict[str, Callable[[Any], Answer]] = {
            "GetItem": self._get,
            "PutItem": self._put,
            "BatchGetItem": self._several,
            "TransactWriteItems": self._transact,
            "UpdateItem": self._update,
        }
        status, content = answers[operation](orjson.loads(request.body))
        body = orjson.dumps(content)
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(body))})
        return AWSResponse(request.url, status, headers, HttpBody(body))

    def _get(self, asked: Any) -> Answer:
        item = self.items.get(_key(asked["Key"]))
        self.read_units += read_units(item)
        return 200, NOTHING if item is None else {"Item": item}

    def _several(self, asked: Any) -> Answer:
        ((name, wanted),) = asked["RequestItems"].items()
        found = [item for key in wanted["Keys"] if (item := self.items.get(_key(key))) is not None]
        self.read_units += sum(read_units(self.items.get(_key(key))) for key in wanted["Keys"])
        return 200, {"Responses": {name: found}, "UnprocessedKeys": {}}

    def _transact(self, asked: Any) -> Answer:
        """Paid twice, as AWS does; an update is taken for one of a small item that is in no index."""
        for ((kind, part),) in (each.items() for each in asked["TransactItems"]):
            self.unkept_units += 2 * (write_units(None, part["Item"]) if kind == "Put" else 1)
        return 200, NOTHING

    def _update(self, _: Any) -> Answer:
        """Taken for an update of a small item that is in no index, as in a transaction."""
        self.unkept_units += 1
        return 200, {"Attributes": {}}

    def _put(self, asked: Any) -> Answer:
        """Written if the version is the one that the condition names, the one condition of an order's writes; others hold."""
        item, key = asked["Item"], _key(asked["Item"])
        before = self.items.get(key)
        expected = list(asked.get("ExpressionAttributeValues", {}).values())
        if len(expected) == 1 and (before is None or [before["version"]] != expected):
            return REFUSED
        self.items[key] = item
        self.written.append((before, item))
        return 200, NOTHING


def target(request: Any) -> str:
    """The operation's whole name, from a header that is text or bytes."""
    name = request.headers["X-Amz-Target"]
    return name if isinstance(name, str) else name.decode()


def _as_sent(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": b64encode(value["B"]).decode()} if "B" in value else value


def _key(attributes: Mapping[str, Any]) -> tuple[str, str]:
    return attributes["PK"]["S"], attributes["SK"]["S"]
