"""A body is decoded within bounds, and leaves its secret behind."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from candlecast.signals.message import MAX_BODY_BYTES, MAX_DEPTH, MAX_PARTS, PART, REMOVED, TEMPLATE, read_message
from candlecast.signals.refusal import Refusal, RefusedMessage

SECRET = "canary-4f0c9d2b7e1a"


def refusal_of(body: bytes) -> Refusal:
    with pytest.raises(RefusedMessage) as caught:
        read_message(body, (SECRET,))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.refusal


def test_numbers_are_exact_decimals() -> None:
    assert read_message(b'{"price": 0.1, "quantity": 12}', ()).fields == {"price": Decimal("0.1"), "quantity": Decimal(12)}


def test_the_same_message_has_one_canonical_text_whatever_the_order_and_the_blanks() -> None:
    first = read_message(b'{"ticker":"BTCUSDT","action":"buy"}', ())
    second = read_message(b'\xef\xbb\xbf { "action" : "buy", "ticker" : "BTCUSDT" }\n', ())
    assert first.canonical == second.canonical


def test_secret_fields_are_removed_whatever_they_hold() -> None:
    body = json.dumps({"secret": SECRET, "token": "another", "passphrase": 5, "action": "buy"}).encode()
    assert read_message(body, (SECRET,)).fields == {"action": "buy"}


def test_the_secret_is_removed_wherever_it_is_repeated() -> None:
    body = {"url": f"https://x/{SECRET}", "extras": {SECRET: ["a", SECRET, {"deep": SECRET}]}, f"k-{SECRET}": 1}
    message = read_message(json.dumps(body).encode(), (SECRET,))
    assert SECRET not in message.canonical
    assert SECRET not in repr(message)
    assert message.fields["url"] == f"https://x/{REMOVED}"


def test_a_short_secret_does_not_tear_holes_into_other_words() -> None:
    message = read_message(b'{"ticker": "BTCUSDT", "extras": {"key": "BTC", "pin": 1234}}', ("BTC", "1234"))
    assert message.fields == {"ticker": "BTCUSDT", "extras": {"key": REMOVED, "pin": REMOVED}}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", Refusal.MALFORMED_JSON),
        (b"buy BTCUSDT", Refusal.MALFORMED_JSON),
        (b'{"action": "buy",}', Refusal.MALFORMED_JSON),
        (b'{"price": NaN}', Refusal.MALFORMED_JSON),
        (b'{"price": -Infinity}', Refusal.MALFORMED_JSON),
        (b'{"action": "buy", "action": "sell"}', Refusal.MALFORMED_JSON),
        (b'[{"action": "buy"}]', Refusal.MALFORMED_JSON),
        (b'"buy"', Refusal.MALFORMED_JSON),
        (b"null", Refusal.MALFORMED_JSON),
        (b'{"action": "buy', Refusal.MALFORMED_JSON),
        (b"[" * 50_000, Refusal.BODY_TOO_COMPLEX),
        (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, Refusal.BODY_TOO_COMPLEX),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), Refusal.BODY_TOO_COMPLEX),
        (b'{"a": [' + b"1," * MAX_PARTS + b"1]}", Refusal.BODY_TOO_COMPLEX),
        (b'""' * 30_000, Refusal.BODY_TOO_COMPLEX),
        (b'{"price": 1e9999999999999999999}', Refusal.INVALID_NUMBER),
        (b'{"price": 1e-9999999999999999999}', Refusal.INVALID_NUMBER),
        (b'{"price": ' + b"9" * 60_000 + b"}", Refusal.INVALID_NUMBER),
        (SECRET.encode(), Refusal.MALFORMED_JSON),
        (b'{"action": "\xff"}', Refusal.INVALID_ENCODING),
        (b"\xff\xfe{\x00}\x00", Refusal.INVALID_ENCODING),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, refusal: Refusal) -> None:
    assert refusal_of(body) is refusal


def test_a_body_may_be_as_long_as_the_limit_and_no_longer() -> None:
    padding = b'{"extras": "' + b"x" * (MAX_BODY_BYTES - 14) + b'"}'
    assert read_message(padding, ())
    assert refusal_of(padding + b" ") is Refusal.BODY_TOO_LARGE


def test_a_body_may_nest_and_hold_as_much_as_the_limits_and_no_more() -> None:
    nested = b'{"a":' * MAX_DEPTH + b'"[[[[{{{{,,,,"' + b"}" * MAX_DEPTH
    assert read_message(nested, ()).fields
    wide = b'{"a":[' + b"1," * (MAX_PARTS - 6) + b"1]}"
    assert len(read_message(wide, ()).fields["a"]) == MAX_PARTS - 5  # type: ignore[arg-type]


def test_plain_text_is_told_that_json_is_wanted_with_a_template() -> None:
    with pytest.raises(RefusedMessage) as caught:
        read_message(b"BTCUSDT buy @ 42000", ())
    assert json.dumps(TEMPLATE) in caught.value.message


def test_a_text_that_never_ends_is_scanned_once() -> None:
    """The scan of a text that ends nowhere must not begin again at each of its quotes: that would be the square of its length."""
    found = list(PART.finditer('"' + '\\"' * 30_000))
    assert [part.end() for part in found] == [60_001]
