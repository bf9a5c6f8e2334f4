"""The fast path of bulk requests, to DynamoDB by each order, to SQS by each signal (decision 0036).

The SDK builds each request through a chain of hooks, models and rules. AWS's JSON protocol needs little of them: JSON, signed,
over a connection that is kept alive. The client stays whole: its credentials, connections, time-outs and errors are used, and
every other operation is the SDK's. Failures fall back to the SDK, except time-outs and failed conditions.
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
from zlib import crc32

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.compat import get_current_datetime
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from botocore.handlers import add_recursion_detection_header

from candlecast.adapters.xray.trace import subsegment

ALGORITHM = "AWS4-HMAC-SHA256"
CONDITION_FAILED = "ConditionalCheckFailedException"
CHECKSUM = "x-amz-crc32"  # DynamoDB tells it of every answer, SQS of none
OK = 200

Request = Mapping[str, Any]


class FastPath:
    """Takes the place of a client's `_make_api_call`, the one step between its methods and its requests.

    Only for operations that may be repeated, at a service that speaks AWS's JSON protocol. A time-out is raised at once: the
    caller of a bulk request has a queue that redelivers the message. A success and a failed condition end on the fast path. After
    a lost connection, a damaged answer or any other answer the SDK repeats the request, with its pauses, retries and errors.
    """

    def __init__(self, client: Any, operations: frozenset[str]) -> None:
        service = client.meta.service_model
        self._client = client
        self._operations = operations
        self._sdk_call: Callable[[str, Request], Any] = client._make_api_call
        self._name = str(service.service_id)
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._event = f"before-send.{service.service_id.hyphenize()}"
        self._protocol = (f"application/x-amz-json-{service.metadata['jsonVersion']}", service.metadata["targetPrefix"])
        self._signature = Signature(urlsplit(self._url).netloc, client.meta.region_name, service.signing_name)

    @staticmethod
    def open(client: Any, operations: frozenset[str]) -> None:
        """Let this client's requests of these operations take the fast path."""
        client._make_api_call = FastPath(client, operations)

    def __call__(self, operation: str, request: Request) -> Any:
        credentials = self._client._request_signer._credentials
        if operation not in self._operations or credentials is None:
            return self._sdk_call(operation, request)
        with subsegment(self._name, namespace="aws", aws={"operation": operation}):
            return self._answered(operation, request, credentials.get_frozen_credentials())

    def _answered(self, operation: str, request: Request, credentials: Any) -> Any:
        body = json.dumps(request, default=_as_text, separators=(",", ":")).encode()
        try:
            answer = self._send(operation, self._prepared(operation, body, credentials))
        except (ConnectionClosedError, EndpointConnectionError):
            return self._sdk_call(operation, request)
        content = answer.content
        if answer.status_code == OK and _is_whole(content, answer.headers):
            return _read(json.loads(content))
        if answer.status_code != OK and CONDITION_FAILED.encode() in content:
            error = {"Code": CONDITION_FAILED, "Message": "The conditional request failed"}
            response = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": answer.status_code}}
            raise self._client.exceptions.from_code(CONDITION_FAILED)(response, operation)
        return self._sdk_call(operation, request)

    def _prepared(self, operation: str, body: bytes, credentials: Any) -> AWSPreparedRequest:
        content_type, target = self._protocol
        named = {"content-type": content_type, "x-amz-target": f"{target}.{operation}"}
        headers: Any = HeadersDict(self._signature.headers(named, body, credentials, get_current_datetime()))
        headers["User-Agent"] = self._client.meta.config.user_agent
        add_recursion_detection_header({"headers": headers})  # Lambda's trace goes on in the queue, and is known by it in a loop
        return AWSPreparedRequest("POST", self._url, headers, body, False)

    def _send(self, operation: str, prepared: AWSPreparedRequest) -> Any:
        """As the SDK sends: a listener to its last event before a request may answer in the service's place."""
        _, answer = self._client.meta.events.emit_until_response(f"{self._event}.{operation}", request=prepared)
        return answer if answer is not None else self._client._endpoint.http_session.send(prepared)


class Signature:
    """Signature Version 4 of a request by AWS's JSON protocol (AWS General Reference, "Create a signed AWS API request")."""

    def __init__(self, host: str, region: str, service: str) -> None:
        self._host = host
        self._scope = (region, service, "aws4_request")
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(self, named: Mapping[str, str], body: bytes, credentials: Any, now: datetime) -> dict[str, str]:
        """All headers of the request: those `named`, in lower case, and the signature. `credentials` are frozen."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        sent = {**named, "host": self._host, "x-amz-date": stamp}
        if credentials.token:
            sent["x-amz-security-token"] = credentials.token
        signed = sorted(sent)
        names = ";".join(signed)
        lines = "".join(f"{name}:{sent[name]}\n" for name in signed)
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = "/".join((stamp[:8], *self._scope))
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        mark = hmac.digest(self._signing_key(credentials.secret_key, stamp[:8]), text.encode(), "sha256").hex()
        authorization = f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={mark}"
        return {**sent, "Authorization": authorization, "accept-encoding": "identity"}

    def _signing_key(self, secret: str, day: str) -> bytes:
        """Made once a day and key: a new key, as a function's role gets them, has a new secret."""
        known, made = self._key
        if known == (secret, day):
            return made
        made = f"AWS4{secret}".encode()
        for part in (day, *self._scope):
            made = hmac.digest(made, part.encode(), "sha256")
        self._key = (secret, day), made
        return made


def _is_whole(content: bytes, headers: Mapping[str, str]) -> bool:
    """Whether an answer is what the service has sent, as far as it tells."""
    told = headers.get(CHECKSUM)
    return told is None or int(told) == crc32(content)


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"AWS's JSON has no {type(value).__name__}")


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as the SDK gives it: binary values of DynamoDB's items as bytes."""
    if "Item" in answer:
        _unpack(answer["Item"])
    for items in (answer.get("Items", ()), *answer.get("Responses", {}).values()):
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
