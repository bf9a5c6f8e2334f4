"""DynamoDB, SQS and Secrets Manager beneath the SDK: the adapters and botocore are real, only the network is not.

Just as much of DynamoDB as the money path uses, with real conditions; whatever else is asked raises.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.crash_points.faults import READ_FAULTS, SEND_FAULTS, WRITE_FAULTS, Crash, Fault, Script

Item = dict[str, dict[str, Any]]
TOKEN = re.compile(r"\s*(attribute_not_exists|attribute_exists|AND|OR|NOT|#\w+|:\w+|<=|>=|<>|=|<|>|\(|\)|,)")


class HttpResponse:
    """What botocore looks at of an answer besides its body."""

    def __init__(self, status: int) -> None:
        self.status_code = status


def refusal(code: str, status: int = 400) -> tuple[HttpResponse, dict[str, Any]]:
    """An answer with an error in it."""
    body = {"Error": {"Code": code, "Message": "told to"}, "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "0"}}
    return HttpResponse(status), body


def success(body: dict[str, Any]) -> tuple[HttpResponse, dict[str, Any]]:
    return HttpResponse(200), {**body, "ResponseMetadata": {"HTTPStatusCode": 200, "RequestId": "0", "HTTPHeaders": {}}}


@dataclass(slots=True)
class FakeCloud:
    """State is `items` (by PK and SK) and `sent` (bodies with their delays); `script` decides what goes wrong."""

    script: Script = field(default_factory=Script)
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    sent: list[tuple[str, int]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def attach(self, client: Any, service: str) -> None:
        """Answer every request of a client here."""
        client.meta.events.register(f"before-call.{service}", self._answer, unique_id="crash-points")

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        handler: Callable[[dict[str, Any]], Any] = getattr(self, f"_{model.name}")
        return handler(json.loads(params["body"]))

    # -- DynamoDB ----------------------------------------------------------------------------------------------------------

    def _GetItem(self, request: dict[str, Any]) -> Any:  # noqa: N802  (the operation's name)
        if self.script.at(f"read {_name(request['Key'])}", READ_FAULTS) is Fault.REFUSED:
            return refusal("ThrottlingException")
        item = self.items.get(_place(request["Key"]))
        return success({"Item": _parsed(item)} if item is not None else {})

    def _BatchGetItem(self, request: dict[str, Any]) -> Any:  # noqa: N802
        if self.script.at("read the gate", READ_FAULTS) is Fault.REFUSED:
            return refusal("ThrottlingException")
        (table, asked), *_ = request["RequestItems"].items()
        found = [self.items[place] for key in asked["Keys"] if (place := _place(key)) in self.items]
        return success({"Responses": {table: [_parsed(item) for item in found]}, "UnprocessedKeys": {}})

    def _PutItem(self, request: dict[str, Any]) -> Any:  # noqa: N802
        place = _place(request["Item"])
        fault = self.script.at(f"write {_name(request['Item'])}", WRITE_FAULTS)
        if fault is Fault.REFUSED:
            return refusal("ThrottlingException")
        if not holds(request, self.items.get(place)):
            return refusal("ConditionalCheckFailedException")
        self.items[place] = request["Item"]
        if fault is Fault.CRASH_AFTER:
            raise Crash("after a write")
        return refusal("InternalServerError", 500) if fault is Fault.ANSWER_LOST else success({})

    def _TransactWriteItems(self, request: dict[str, Any]) -> Any:  # noqa: N802
        puts = [action["Put"] for action in request["TransactItems"]]
        if not all(holds(put, self.items.get(_place(put["Item"]))) for put in puts):
            return refusal("TransactionCanceledException")
        self.items.update({_place(put["Item"]): put["Item"] for put in puts})
        return success({})

    def _Query(self, request: dict[str, Any]) -> Any:  # noqa: N802
        condition = {**request, "ConditionExpression": request["KeyConditionExpression"]}
        found = [item for item in self.items.values() if holds(condition, item)]
        return success({"Items": [_parsed(item) for item in found], "Count": len(found), "ScannedCount": len(found)})

    # -- SQS and Secrets Manager -------------------------------------------------------------------------------------------

    def _SendMessageBatch(self, request: dict[str, Any]) -> Any:  # noqa: N802
        fault = self.script.at("queue a look", SEND_FAULTS)
        if fault is Fault.REFUSED:
            return refusal("RequestThrottled")
        self.sent += [(entry["MessageBody"], int(entry.get("DelaySeconds", 0))) for entry in request["Entries"]]
        if fault is Fault.CRASH_AFTER:
            raise Crash("after a message was sent")
        return success({"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []})

    def _GetSecretValue(self, request: dict[str, Any]) -> Any:  # noqa: N802
        return success({"SecretString": self.secrets[request["SecretId"]]})


def holds(request: dict[str, Any], item: Item | None) -> bool:
    """Whether a request's condition holds for the item that there is."""
    text = request.get("ConditionExpression")
    if text is None:
        return True
    tokens = TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise AssertionError(f"a condition that this fake does not know: {text}")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    return _Condition(tokens, names, values, item or {}).either()


class _Condition:
    """A recursive descent through a condition's tokens."""

    def __init__(self, tokens: list[str], names: dict[str, str], values: dict[str, Any], item: Item) -> None:
        self._tokens, self._names, self._values, self._item = tokens, names, values, item
        self._at = 0

    def either(self) -> bool:
        found = self._both()
        while self._take("OR"):
            other = self._both()
            found = found or other
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._take("AND"):
            other = self._one()
            found = found and other
        return found

    def _one(self) -> bool:
        if self._take("NOT"):
            return not self._one()
        if self._take("("):
            found = self.either()
            self._expect(")")
            return found
        token = self._next()
        if token.startswith("attribute_"):
            self._expect("(")
            exists = self._names[self._next()] in self._item
            self._expect(")")
            return exists is (token == "attribute_exists")
        left, operator, right = self._operand(token), self._next(), self._operand(self._next())
        if left is None or right is None:
            return False
        return {
            "=": left == right,
            "<>": left != right,
            "<": left < right,
            "<=": left <= right,
            ">": left > right,
            ">=": left >= right,
        }[operator]

    def _operand(self, token: str) -> Any:
        value = self._values[token] if token.startswith(":") else self._item.get(self._names[token])
        if value is None:
            return None
        ((kind, plain),) = value.items()
        return float(plain) if kind == "N" else plain

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise AssertionError(f"a condition without its {token}")


def _parsed(item: Item) -> Item:
    """The item as botocore's parser would give it: bytes instead of their base64."""
    return {
        name: {"B": base64.b64decode(value["B"])} if "B" in value and isinstance(value["B"], str) else value
        for name, value in item.items()
    }


def _place(key: Item) -> tuple[str, str]:
    return key["PK"]["S"], key["SK"]["S"]


def _name(key: Item) -> str:
    return str(key["PK"]["S"].split("#")[0] if "#" in key["PK"]["S"] else key["PK"]["S"]).lower()
