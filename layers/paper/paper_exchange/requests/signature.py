"""Who sends a request, and whether it is fresh: the signature over the parameters, and the venue's time window.

"SIGNED Endpoint Security" in the venue's documentation: `signature` is a hexadecimal HMAC-SHA256 with the key's secret. With an
Ed25519 key it is a signature in base64. The
signed text is the query string joined to the body, without the signature itself. `timestamp` may be `recvWindow` old and one
second ahead.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from paper_exchange import errors
from paper_exchange.accounts.account import ApiKey, key_fingerprint
from paper_exchange.requests.ed25519 import is_signed
from paper_exchange.requests.requests import whole_number

DEFAULT_WINDOW_MS = 5_000
MAX_WINDOW_MS = 60_000
ALLOWED_AHEAD_MS = 1_000
MAX_PARAMETERS = 50  # the largest request of the dialect has fewer than twenty
KEY_FORMAT = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came. `payload` is what was signed; keys and signatures are in no repr."""

    method: str
    path: str
    parameters: dict[str, str]
    api_key: str = field(repr=False)
    payload: str = field(repr=False)
    signature: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return key_fingerprint(self.api_key)


def read_call(method: str, path: str, query: str, body: str, api_key: str) -> Call:
    """Split a request into its parameters and the signed text.

    Raises `VenueError` -1101 for too many or repeated parameters.
    """
    signature = ""
    signed: list[str] = []
    for part in (query, body):
        pieces = part.split("&") if part else []
        kept = [piece for piece in pieces if not piece.startswith("signature=")]
        signature = next((piece.removeprefix("signature=") for piece in pieces if piece not in kept), signature)
        signed.append("&".join(kept))
    try:
        pairs = parse_qsl("&".join(part for part in signed if part), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise errors.VenueError(-1101, "Too many parameters sent for this endpoint.") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise errors.VenueError(-1101, "Duplicate values for a parameter detected.")
    return Call(method, path, parameters, api_key, "".join(signed), signature)


def check_form(call: Call, wall_ms: int) -> None:
    """Refusals that need no knowledge of the key: -2014, -1102, -1021, -1131."""
    if not KEY_FORMAT.fullmatch(call.api_key):
        raise errors.key_format_invalid()
    timestamp = whole_number(call.parameters, "timestamp")
    if timestamp is None:
        raise errors.missing_parameter("timestamp")
    window = whole_number(call.parameters, "recvWindow", DEFAULT_WINDOW_MS)
    if window is None or not 0 < window <= MAX_WINDOW_MS:
        raise errors.VenueError(-1131, f"recvWindow must be less than {MAX_WINDOW_MS}")
    if timestamp > wall_ms + ALLOWED_AHEAD_MS:
        raise errors.ahead_of_server()
    if timestamp < wall_ms - window:
        raise errors.outside_receive_window()
    if not call.signature:
        raise errors.missing_parameter("signature")


def check_signature(call: Call, key: ApiKey) -> None:
    """Raises `VenueError` -1022 unless the payload was signed with the key, in the key's own way."""
    valid = is_signed(key.public_key, call.payload, call.signature) if key.public_key else _is_hmac(call, key.secret)
    if not valid:
        raise errors.invalid_signature()


def _is_hmac(call: Call, secret: str) -> bool:
    expected = hmac.new(secret.encode(), call.payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), call.signature.encode())
