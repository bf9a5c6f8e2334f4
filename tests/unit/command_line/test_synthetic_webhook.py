"""The webhook of a run over HTTP: signed as the intake checks it; each answer is a signal, a retry or a refusal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.signals.authentication import WebhookRequest, is_authentic
from candlecast_cli.https import Https
from candlecast_cli.synthetic.doors import HttpWebhook
from tests.support.fakes.clock import FakeClock

SECRET = "secret-of-the-source"
SIGNAL = "0123456789abcdef" * 2
BODY = {"action": "LONG", "market": "BTC/USDT:USDT", "price": "100"}


@dataclass
class Gateway:
    """Answers each request with the next of `answers`, and keeps what it was sent."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            made.requests.append(
                (self.path, {key.lower(): value for key, value in self.headers.items()}, self.rfile.read(length))
            )
            status, body = made.answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


def send(gateway: Gateway) -> str:
    return HttpWebhook(gateway.url + "/", Https(), FakeClock()).send("synthetic", SECRET, BODY)


def answering(gateway: Gateway, status: int, **body: Any) -> None:
    gateway.answers.append((status, json.dumps(body).encode()))


def test_a_message_is_signed_and_carries_no_secret(gateway: Gateway) -> None:
    answering(gateway, 202, signal_id=SIGNAL)
    assert send(gateway) == SIGNAL
    ((path, headers, body),) = gateway.requests
    assert (path, json.loads(body)) == ("/webhooks/synthetic", BODY)
    request = WebhookRequest(
        source_id="synthetic",
        body=body,
        timestamp=headers["x-candlecast-timestamp"],
        signature=headers["x-candlecast-signature"],
    )
    assert is_authentic(request, [SECRET], FakeClock().now())
    assert not is_authentic(request, ["another secret"], FakeClock().now())
    assert SECRET not in f"{path}{headers}{body!r}"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_after_which_senders_send_again_is_no_end(gateway: Gateway, status: int) -> None:
    answering(gateway, status, code="TRY_AGAIN", detail="send it again")
    with pytest.raises(RetryLater):
        send(gateway)


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHENTICATED"), (422, "UNKNOWN_MARKET")])
def test_a_refusal_is_final_with_its_own_code(gateway: Gateway, status: int, code: str) -> None:
    answering(gateway, status, code=code, detail="no")
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"signal_id": 7}', b'{"signal_id": "../x"}'])
def test_an_acceptance_without_a_signals_id_is_not_believed(gateway: Gateway, body: bytes) -> None:
    gateway.answers.append((202, body))
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == "ANSWER_UNREADABLE"


def test_a_refusal_of_the_gateway_itself_has_its_status(gateway: Gateway) -> None:
    gateway.answers.append((403, b'{"message": "Forbidden"}'))
    with pytest.raises(Reject) as refused:
        send(gateway)
    assert refused.value.code == "HTTP_403"
