"""A body is decoded within bounds, and leaves its secret behind."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from candlecast.signals.message import MAX_BODY_BYTES, REMOVED, read_message
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
        (b"[" * 50_000, Refusal.MALFORMED_JSON),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Refusal.MALFORMED_JSON),
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


def test_a_number_of_any_length_does_not_stop_the_reader() -> None:
    body = b'{"price": ' + b"9" * 60_000 + b', "big": 1e999999999}'
    assert set(read_message(body, ()).fields) == {"price", "big"}
