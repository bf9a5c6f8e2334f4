"""HTTP of the webhook: an API Gateway event to a request, and outcomes to answers. No decision is taken here."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from math import ceil
from typing import Any

from candlecast.domain.values.errors import RetryLater
from candlecast.services.signals.receive_signal import Receipt
from candlecast.signals.authentication import WebhookRequest
from candlecast.signals.message import TEMPLATE
from candlecast.signals.refusal import Refusal, RefusedMessage

TIMESTAMP_HEADER = "x-candlecast-timestamp"  # HTTP API gives every header's name in small letters
SIGNATURE_HEADER = "x-candlecast-signature"
PROBLEM = "application/problem+json"  # RFC 9457
TRY_AGAIN = "TRY_AGAIN"
NOT_FOUND = "NOT_FOUND"
METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
METHOD = "POST"
# A gateway puts this in place of bytes that are not UTF-8 where the content type is one of text. No honest message has it.
REPLACED = "\ufffd".encode()

# 400: the body is wrong, as senders of TradersPost's format expect. 422: it is understood, and nothing will come of it.
_STATUS = {
    Refusal.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Refusal.ADDRESS_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Refusal.RATE_EXCEEDED: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.DAILY_NOTIONAL_REACHED: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.UNKNOWN_MARKET: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.STRATEGY_MISSING: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.SIGNAL_TOO_OLD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.SIGNAL_FROM_FUTURE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.PRICE_REQUIRED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.STOP_ON_WRONG_SIDE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.TARGET_ON_WRONG_SIDE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.TOO_MANY_TARGETS: HTTPStatus.UNPROCESSABLE_ENTITY,
    **{refusal: HTTPStatus.UNPROCESSABLE_ENTITY for refusal in Refusal if refusal.startswith("UNSUPPORTED_")},
}


_ADDED = {refusal: {"template": TEMPLATE} for refusal in (Refusal.MALFORMED_JSON, Refusal.UNKNOWN_DIALECT)}


def status_of(refusal: Refusal) -> HTTPStatus:
    """The HTTP status that a refusal is answered with."""
    return _STATUS.get(refusal, HTTPStatus.BAD_REQUEST)


def misdirected(event: dict[str, Any]) -> dict[str, Any] | None:
    """The answer to a request that is for no webhook, 404 or 405; None for a webhook's message."""
    if "source" not in (event.get("pathParameters") or {}):
        detail = "a webhook's path is /webhooks/<source> or /webhooks/<source>/<secret>, without a slash at its end"
        return _problem(HTTPStatus.NOT_FOUND, NOT_FOUND, detail)
    if event["requestContext"]["http"]["method"] != METHOD:
        answer = _problem(HTTPStatus.METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED, "send a message with POST")
        answer["headers"]["allow"] = METHOD
        return answer
    return None


def read_request(event: dict[str, Any]) -> WebhookRequest:
    """Read an event in payload format 2.0. The content type is ignored: senders get it wrong."""
    path = event["pathParameters"]
    headers = event.get("headers") or {}
    return WebhookRequest(
        source_id=path["source"],
        body=_body(event),
        path_secret=path.get("secret"),
        timestamp=headers.get(TIMESTAMP_HEADER),
        signature=headers.get(SIGNATURE_HEADER),
        address=event["requestContext"]["http"]["sourceIp"],
    )


def accepted(receipt: Receipt) -> dict[str, Any]:
    """202: the signal is stored and queued. `success` and `id` are the names that TradersPost's senders look for."""
    body: dict[str, Any] = {"success": True, "id": receipt.signal_id, "signal_id": receipt.signal_id}
    body["duplicate"] = receipt.duplicate
    if receipt.merged:
        body["merged"] = True
    return _answer(HTTPStatus.ACCEPTED, "application/json", body)


def refused(refusal: RefusedMessage) -> dict[str, Any]:
    """4xx: sending the same again will not help, but for an entry beyond the source's rate."""
    answer = _problem(status_of(refusal.refusal), refusal.code, refusal.message, **_ADDED.get(refusal.refusal, {}))
    if refusal.after_seconds is not None:
        answer["headers"]["retry-after"] = _whole_seconds(refusal.after_seconds)
    return answer


def try_again(error: RetryLater) -> dict[str, Any]:
    """503: nothing is wrong with the message; sending the same again is safe."""
    answer = _problem(HTTPStatus.SERVICE_UNAVAILABLE, TRY_AGAIN, "the signal could not be stored and queued: send it again")
    answer["headers"]["retry-after"] = _whole_seconds(error.after_seconds)
    return answer


def proven_source(request: WebhookRequest, refusal: RefusedMessage) -> str | None:
    """The source's id for the log; None while nobody has proven to be it, because anything may stand in its place in a path."""
    return None if refusal.refusal is Refusal.UNAUTHENTICATED else request.source_id


def _whole_seconds(seconds: float) -> str:
    return str(max(1, ceil(seconds)))


def _body(event: dict[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return bytes(text, "utf-8", "surrogatepass").replace(REPLACED, b"\xff")  # no UTF-8, as before
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return bytes(text, "utf-8", "surrogatepass")  # not from API Gateway: it will be refused as what it is


def _problem(status: HTTPStatus, code: str, detail: str, **members: object) -> dict[str, Any]:
    body = {
        "type": f"urn:candlecast:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "success": False,
        **members,
    }
    return _answer(status, PROBLEM, body)


def _answer(status: HTTPStatus, content_type: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return {"statusCode": int(status), "headers": headers, "body": json.dumps(body)}
