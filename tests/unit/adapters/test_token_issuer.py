"""The probe of the token issuer: its document must name where its keys are, within a bound of bytes, without a redirect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from candlecast.adapters.token_issuer import MAX_BYTES, TokenIssuerProbe
from candlecast.domain.values.errors import RetryLater

GOOD = json.dumps({"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys"}).encode()


class Issuer(ThreadingHTTPServer):
    status, body, asked = 200, GOOD, ""


class Answering(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked = self.path
        self.send_response(self.server.status)
        self.send_header("Location", "/pool/elsewhere")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def probe(issuer: Issuer) -> TokenIssuerProbe:
    return TokenIssuerProbe(f"http://127.0.0.1:{issuer.server_port}/pool/")


def test_an_issuer_answers_with_the_address_of_its_keys(issuer: Issuer) -> None:
    probe(issuer).check()
    assert issuer.asked == "/pool/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, GOOD),
        (302, GOOD),
        (204, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"jwks_uri": 7}'),
        (200, GOOD + b" " * MAX_BYTES),
    ],
)
def test_anything_else_is_no_answer(issuer: Issuer, status: int, body: bytes) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(RetryLater, match="ISSUER_UNAVAILABLE"):
        probe(issuer).check()


def test_an_issuer_that_takes_no_connection_is_no_answer(issuer: Issuer) -> None:
    closed = probe(issuer)
    issuer.shutdown()
    issuer.server_close()
    with pytest.raises(RetryLater, match="ISSUER_UNAVAILABLE"):
        closed.check()
