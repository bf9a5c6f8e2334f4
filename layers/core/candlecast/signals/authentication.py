"""Whether a message comes from who shares a source's secret.

Senders that cannot sign put the secret in the path or the body; the others sign. Their first proof in this order decides alone:
signature, path, body.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from candlecast.signals.message import carried_secrets

# A signature is good for less than this before and after its time stamp. A repeat of the body is a duplicate for twice as long.
# So a captured entry trades nothing while its signature is good, and is refused afterwards. A captured exit may close the
# position of a newer entry meanwhile: decision 0057.
REPLAY_WINDOW = timedelta(seconds=30)
SIGNATURE_PREFIX = "sha256="
TIMESTAMP = re.compile(r"\d{1,11}", re.ASCII)  # whole seconds of Unix time
DECOY = "compared with when there is no secret, so that no answer takes a shorter way"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One request as it came: `body` in bytes, `timestamp` and `signature` from its headers. Nothing secret shows in its repr."""

    source_id: str
    body: bytes = field(repr=False)
    path_secret: str | None = field(default=None, repr=False)
    timestamp: str | None = None
    signature: str | None = field(default=None, repr=False)
    address: str = ""
    """The sender's address as the gateway saw it; a header names any address that its sender likes."""


def is_authentic(request: WebhookRequest, accepted: Iterable[str], now: datetime) -> bool:
    """Whether the request shows one of the `accepted` secrets (the one in force, and while rotating the one before).

    Every comparison takes the same time wherever the texts differ, and with no secret accepted the same work is done in vain.
    """
    secrets = tuple(secret for secret in accepted if secret)
    matched = [_shows(request, secret, now) for secret in secrets or (DECOY,)]
    return bool(secrets) and any(matched)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `<timestamp>.<body>` in hex."""
    return hmac.new(_bytes(secret), _bytes(timestamp) + b"." + body, hashlib.sha256).hexdigest()


def _shows(request: WebhookRequest, secret: str, now: datetime) -> bool:
    if request.signature is not None:
        timestamp = request.timestamp or ""
        presented = request.signature.strip().lower().removeprefix(SIGNATURE_PREFIX)
        return _equal(presented, sign(secret, timestamp, request.body)) & _is_timely(timestamp, now)
    offered = (request.path_secret,) if request.path_secret is not None else carried_secrets(request.body)
    return any(_equal(candidate, secret) for candidate in offered or ("",))


def _is_timely(timestamp: str, now: datetime) -> bool:
    if not TIMESTAMP.fullmatch(timestamp):
        return False
    try:
        signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return abs(now - signed_at) < REPLAY_WINDOW


def _equal(presented: str, expected: str) -> bool:
    return hmac.compare_digest(_bytes(presented), _bytes(expected))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
