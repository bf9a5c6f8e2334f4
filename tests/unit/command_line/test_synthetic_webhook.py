"""The webhook of a run over HTTP: signed as the intake checks it; each answer is a signal, a retry or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.signals.authentication import WebhookRequest, is_authentic
from candlecast_cli.https import Https
from candlecast_cli.synthetic.doors import HttpWebhook
from tests.support.fakes.clock import FakeClock
from tests.unit.command_line.serving import Server, serving

SECRET = "secret-of-the-source"
SIGNAL = "0123456789abcdef" * 2
ASKED = "POST /webhooks/synthetic"
BODY = {"action": "LONG", "market": "BTC/USDT:USDT", "price": "100"}


@pytest.fixture
def gateway() -> Iterator[Server]:
    with serving() as server:
        yield server


def send(gateway: Server) -> str:
    return HttpWebhook(gateway.url + "/", Https(), FakeClock()).send("synthetic", SECRET, BODY)


def answering(gateway: Server, status: int, **body: Any) -> None:
    gateway.answer(ASKED, status, body)


def test_a_message_is_signed_and_carries_no_secret(gateway: Server) -> None:
    answering(gateway, 202, signal_id=SIGNAL)
    assert send(gateway) == SIGNAL
    (sent,) = gateway.requests
    assert sent.json == BODY
    request = WebhookRequest(
        source_id="synthetic",
        body=sent.body,
        timestamp=sent.headers["x-candlecast-timestamp"],
        signature=sent.headers["x-candlecast-signature"],
    )
    assert is_authentic(request, [SECRET], FakeClock().now())
    assert not is_authentic(request, ["another secret"], FakeClock().now())
    assert SECRET not in f"{sent.path}{sent.headers}{sent.body!r}"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_after_which_senders_send_again_is_no_end(gateway: Server, status: int) -> None:
    answering(gateway, status, code="TRY_AGAIN", detail="send it again")
    with pytest.raises(RetryLater):
        send(gateway)


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHENTICATED"), (422, "UNKNOWN_MARKET")])
def test_a_refusal_is_final_with_its_own_code(gateway: Server, status: int, code: str) -> None:
    answering(gateway, status, code=code, detail="no")
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"signal_id": 7}', b'{"signal_id": "../x"}'])
def test_an_acceptance_without_a_signals_id_is_not_believed(gateway: Server, body: bytes) -> None:
    gateway.answer(ASKED, 202, body)
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == "ANSWER_UNREADABLE"


def test_a_refusal_of_the_gateway_itself_has_its_status(gateway: Server) -> None:
    gateway.answer(ASKED, 403, {"message": "Forbidden"})
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == "HTTP_403"
