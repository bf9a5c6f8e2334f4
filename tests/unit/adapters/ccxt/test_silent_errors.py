"""No error around a signed request has the text of the error behind it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from candlecast.adapters.ccxt.clients import Templates, clone_for
from candlecast.adapters.ccxt.venue import CcxtVenue
from candlecast.domain.values.errors import Ambiguous, DomainError, Fatal, RetryLater
from candlecast.domain.values.terms import PositionMode
from candlecast.ports.venue import Credentials
from tests.support.builders import BTC, NOW, VENUE, a_market

CANARY = "CANARYSECRET51c0d2"
FOREIGN = [
    ValueError(f"Invalid header value b'{CANARY}\\n'"),
    UnicodeEncodeError("latin-1", CANARY, 0, 1, "ordinal not in range"),
    KeyError(CANARY),
    TypeError(CANARY),
    RuntimeError(CANARY),
]


@pytest.fixture(scope="module")
def template() -> Any:
    return Templates({VENUE: ("binanceusdm", "http://127.0.0.1:9")}, lambda _: {BTC: a_market()}).of(VENUE)


def raised(call: Callable[[], object]) -> DomainError:
    with pytest.raises(DomainError) as told:
        call()
    assert told.value.__suppress_context__
    assert "CANARY" not in f"{told.value!r} {told.value}"
    return told.value


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_an_error_that_no_rule_knows_is_an_instruction_without_text(
    template: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = clone_for(template, Credentials("key", CANARY))

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(client, "fetch", fail)
    venue = CcxtVenue(client)
    assert isinstance(raised(lambda: venue.set_position_mode(PositionMode.HEDGE)), Ambiguous)
    assert isinstance(raised(lambda: venue.balance(NOW)), RetryLater)


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_a_key_that_cannot_sign_is_fatal_and_nothing_is_sent(
    template: Any, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = clone_for(template, Credentials("key", CANARY))

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(client, "hmac", fail)
    monkeypatch.setattr(client, "fetch", lambda *_, **__: pytest.fail("a request was sent"))
    venue = CcxtVenue(client)
    for call in (lambda: venue.set_position_mode(PositionMode.HEDGE), lambda: venue.balance(NOW)):
        told = raised(call)
        assert isinstance(told, Fatal)
        assert told.code == "KEY_UNUSABLE"


def test_a_pem_whose_numbers_are_no_key_is_fatal(template: Any) -> None:
    """A PEM of the right form may hold numbers that do not belong together; only signing shows that."""
    numbers = [0, (1 << 2_047) + 1, 65_537, 3, 5, 7, 11, 13, 17]
    secret = _pem(b"".join(b"\x02" + _length(value := n.to_bytes(n.bit_length() // 8 + 1)) + value for n in numbers))
    venue = CcxtVenue(clone_for(template, Credentials("key", secret)))
    told = raised(lambda: venue.balance(NOW))
    assert isinstance(told, Fatal)
    assert told.code == "KEY_UNUSABLE"


def _length(value: bytes) -> bytes:
    return bytes([len(value)]) if len(value) < 128 else b"\x82" + len(value).to_bytes(2)


def _pem(inside: bytes) -> str:
    body = b64encode(b"\x30" + _length(inside) + inside).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"
