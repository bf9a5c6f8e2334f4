"""The body of a message as the dialects get it: decoded, bounded, and without its secret.

The bounds are checked before the parser runs, in a bounded number of steps. Where the secret is in the body, nobody has proven
anything yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Never

from candlecast.signals.refusal import Refusal, RefusedMessage

MAX_BODY_BYTES = 64 * 1024  # an alert has a few kB; the stored receipt, escaped to ASCII, stays below DynamoDB's 400 kB
MAX_DEPTH = 16  # objects and lists within one another; a message has four levels, and `extras` may have some of its own
MAX_PARTS = 1_000  # texts, brackets and commas of a body; a message has about fifty, and each part is a step of the reader
MAX_NUMBER_CHARACTERS = 40  # more digits than any venue prices with, few enough to compute with
MAX_EXPONENT_DIGITS = 3  # of JSON's own notation; the fields bound the value itself
SECRET_FIELDS = ("secret", "token", "passphrase")  # the names under which senders that cannot sign put their secret
REMOVED = "[removed]"
SHORTEST_SEARCHED_SECRET = 8  # a shorter one may be part of an honest word, so it is removed only where it stands alone
# Brackets and commas outside of texts. A text that never ends is one part too. The quantifiers give nothing back, so the scan of
# any body is linear in its length.
PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{},]', re.DOTALL)
TEMPLATE = {"ticker": "BTCUSDT", "action": "buy", "price": "42000"}
MALFORMED = f"the body must be one JSON object that names no field twice, such as {json.dumps(TEMPLATE)}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its JSON object's `fields` with numbers as Decimals, and as `canonical` text for hashes and receipts."""

    fields: Mapping[str, object]
    canonical: str


def read_message(body: bytes, secrets: Collection[str]) -> Message:
    """Decode `body`, and remove the secret's field and every other place that repeats one of `secrets`.

    Raises `RefusedMessage` BODY_TOO_LARGE, BODY_TOO_COMPLEX, INVALID_ENCODING, INVALID_NUMBER or MALFORMED_JSON.
    """
    kept = {name: value for name, value in _read_fields(body).items() if name not in SECRET_FIELDS}
    fields = {_without(name, secrets): _redacted(value, secrets) for name, value in kept.items()}
    return Message(fields, json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str))


def carried_secrets(body: bytes) -> tuple[str, ...]:
    """The secrets that a body carries in its fields; none if it cannot be read."""
    try:
        fields = _read_fields(body)
    except RefusedMessage:
        return ()
    return tuple(str(fields[name]) for name in SECRET_FIELDS if isinstance(fields.get(name), str | Decimal))


def _read_fields(body: bytes) -> dict[str, object]:
    if len(body) > MAX_BODY_BYTES:
        raise RefusedMessage(Refusal.BODY_TOO_LARGE, f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedMessage(Refusal.INVALID_ENCODING, "the body is not UTF-8") from None
    _check_shape(text)
    try:
        value = json.loads(
            text, parse_float=_number, parse_int=_number, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats
        )
    except ValueError:  # not chained: json's own error holds the whole body, and with it a secret
        raise RefusedMessage(Refusal.MALFORMED_JSON, MALFORMED) from None
    if not isinstance(value, dict):
        raise RefusedMessage(Refusal.MALFORMED_JSON, MALFORMED)
    return value


def _check_shape(text: str) -> None:
    """Refuse a body that nests deeper or has more parts than any message, before the parser's recursion meets it."""
    depth = 0
    for count, part in enumerate(PART.finditer(text), start=1):
        mark = text[part.start()]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_DEPTH or count > MAX_PARTS:
            raise RefusedMessage(
                Refusal.BODY_TOO_COMPLEX, f"the body nests deeper than {MAX_DEPTH} or has over {MAX_PARTS} parts"
            )


def _number(written: str) -> Decimal:
    exponent = written.lower().partition("e")[2].lstrip("+-")
    if len(written) > MAX_NUMBER_CHARACTERS or len(exponent) > MAX_EXPONENT_DIGITS:
        raise RefusedMessage(Refusal.INVALID_NUMBER, f"a number has at most {MAX_NUMBER_CHARACTERS} characters")
    return Decimal(written)


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no number")


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice: which one counts would be a guess")
    return fields


def _redacted(value: object, secrets: Collection[str]) -> object:
    if isinstance(value, dict):
        return {_without(name, secrets): _redacted(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, secrets) for inner in value]
    if isinstance(value, str):
        return _without(value, secrets)
    if isinstance(value, Decimal) and str(value) in secrets:
        return REMOVED
    return value


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if text == secret:
            return REMOVED
        if len(secret) >= SHORTEST_SEARCHED_SECRET:
            text = text.replace(secret, REMOVED)
    return text
