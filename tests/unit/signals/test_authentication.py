"""Who may send: one secret three ways, and no way to learn which part was wrong."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from candlecast.signals.authentication import REPLAY_WINDOW, WebhookRequest, is_authentic, sign
from tests.support.builders import NOW, after

SECRET = "canary-4f0c9d2b7e1a"
OLD_SECRET = "canary-previous-77ab"
BODY = b'{"ticker": "BTCUSDT", "action": "buy"}'


def a_request(**changes: object) -> WebhookRequest:
    return WebhookRequest(**{"source_id": "source-1", "body": BODY, **changes})  # type: ignore[arg-type]


def signed(secret: str = SECRET, at: datetime = NOW, body: bytes = BODY, **changes: object) -> WebhookRequest:
    timestamp = str(int(at.timestamp()))
    return a_request(**{"body": body, "timestamp": timestamp, "signature": sign(secret, timestamp, body), **changes})


def with_field(name: str, value: object) -> WebhookRequest:
    return a_request(body=json.dumps({"ticker": "BTCUSDT", "action": "buy", name: value}).encode())


def test_the_secret_in_the_path_is_accepted() -> None:
    assert is_authentic(a_request(path_secret=SECRET), (SECRET,), NOW)


@pytest.mark.parametrize("name", ["secret", "token", "passphrase"])
def test_the_secret_in_a_body_field_is_accepted(name: str) -> None:
    assert is_authentic(with_field(name, SECRET), (SECRET,), NOW)


def test_a_secret_of_digits_may_come_unquoted() -> None:
    assert is_authentic(with_field("token", 1234567890), ("1234567890",), NOW)


def test_while_rotating_the_previous_secret_is_accepted_too() -> None:
    assert is_authentic(a_request(path_secret=OLD_SECRET), (SECRET, OLD_SECRET), NOW)
    assert not is_authentic(a_request(path_secret=OLD_SECRET), (SECRET,), NOW)


@pytest.mark.parametrize(
    "request_",
    [
        a_request(),
        a_request(path_secret=""),
        a_request(path_secret=SECRET[:-1]),
        a_request(path_secret=SECRET.upper()),
        a_request(path_secret="ключ"),
        a_request(body=b"\xff"),
        a_request(body=b"[]"),
        with_field("secret", "wrong"),
        with_field("secret", ""),
        with_field("secret", None),
        with_field("secret", True),
        with_field("secret", [SECRET]),
        with_field("password", SECRET),
        with_field("secret", "\ud800"),
    ],
)
def test_a_wrong_or_missing_secret_is_refused(request_: WebhookRequest) -> None:
    assert not is_authentic(request_, (SECRET,), NOW)


@pytest.mark.parametrize("accepted", [(), ("",)])
@pytest.mark.parametrize(
    "path_secret", ["", None, "compared with when there is no secret, so that no answer takes a shorter way"]
)
def test_a_source_without_a_secret_accepts_nobody(accepted: tuple[str, ...], path_secret: str | None) -> None:
    assert not is_authentic(a_request(path_secret=path_secret), accepted, NOW)


def test_a_signature_over_time_stamp_and_body_is_accepted() -> None:
    assert is_authentic(signed(), (SECRET,), NOW)


def test_a_signature_may_name_its_hash_and_be_in_capitals() -> None:
    signature = f"sha256={signed().signature}".upper()
    assert is_authentic(signed(signature=signature), (SECRET,), NOW)


def test_a_signature_for_another_body_or_time_stamp_is_refused() -> None:
    assert not is_authentic(signed(body=BODY, signature=signed(body=b"{}").signature), (SECRET,), NOW)
    assert not is_authentic(signed(timestamp=str(int(NOW.timestamp()) + 1)), (SECRET,), NOW)


@pytest.mark.parametrize("seconds", [-29, 0, 29])
def test_a_signature_is_good_inside_the_replay_window(seconds: float) -> None:
    assert is_authentic(signed(), (SECRET,), after(seconds))


@pytest.mark.parametrize("seconds", [-30, 30, 3600])
def test_a_signature_is_refused_from_the_end_of_the_replay_window(seconds: float) -> None:
    assert abs(seconds) >= REPLAY_WINDOW.total_seconds()
    assert not is_authentic(signed(), (SECRET,), after(seconds))


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "-5", "99999999999999999999", "١٧٩٥"])
def test_a_time_stamp_that_is_no_unix_time_is_refused_even_if_it_is_signed(timestamp: str) -> None:
    assert not is_authentic(a_request(timestamp=timestamp, signature=sign(SECRET, timestamp, BODY)), (SECRET,), NOW)


def test_a_missing_time_stamp_is_refused() -> None:
    assert not is_authentic(a_request(signature=sign(SECRET, "", BODY)), (SECRET,), NOW)


def test_a_wrong_signature_is_not_healed_by_a_right_secret_beside_it() -> None:
    assert not is_authentic(signed(signature="0" * 64, path_secret=SECRET), (SECRET,), NOW)


def test_a_wrong_path_secret_is_not_healed_by_a_right_one_in_the_body() -> None:
    request = a_request(body=json.dumps({"secret": SECRET}).encode(), path_secret="wrong")
    assert not is_authentic(request, (SECRET,), NOW)


def test_nothing_secret_shows_in_a_request_s_repr() -> None:
    request = signed(path_secret=SECRET, body=SECRET.encode())
    assert SECRET not in repr(request)
    assert str(request.signature) not in repr(request)
