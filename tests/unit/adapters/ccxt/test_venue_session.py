"""The HTTP session that ccxt is given: one request, one connection, errors that ccxt knows, and nothing carried over."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import ccxt
import pytest

from candlecast.adapters.ccxt.clients import clone_for, make_template
from candlecast.adapters.ccxt.errors import instruction
from candlecast.adapters.ccxt.session import MAX_IDLE_SECONDS, VenueSession
from candlecast.adapters.xray.trace import working_on
from candlecast.domain.values.errors import Ambiguous, RetryLater
from candlecast.ports.venue import Credentials
from tests.support.fakes.xray import HEADER, listening

ORDER = (
    '{"orderId":1,"symbol":"BTCUSDT","clientOrderId":"a","side":"BUY",'
    '"status":"NEW","origQty":"1","executedQty":"0","avgPrice":"0"}'
)
SHORT_SECONDS = 0.05


class Venue(ThreadingHTTPServer):
    """Gives the answer that was set last, and remembers every request."""

    daemon_threads = True
    status = 200
    headers: ClassVar[dict[str, str]] = {}
    body = ORDER.encode()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.callers: set[Any] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.status, self.body, self.headers = status, body, headers  # type: ignore[misc]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Venue

    def do_POST(self) -> None:
        sent = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(sent.get("content-length", 0)))
        self.server.asked.append((self.command, self.path, sent, body))
        self.server.callers.add(self.client_address)
        if self.server.status == 0:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        for name, value in {**self.server.headers, "Content-Length": str(len(self.server.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST  # noqa: N815 - the base class names them so

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def venue() -> Iterator[Venue]:
    with Venue() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(venue: Venue) -> Iterator[Any]:
    made = clone_for(make_template("binanceusdm", venue.url), Credentials("key", "secret"))
    yield made
    made.session.close()


def place(client: Any) -> Any:
    return client.fapiPrivatePostOrder({"symbol": "BTCUSDT"})


def test_requests_of_all_accounts_use_one_connection_and_carry_nothing_over(venue: Venue, client: Any) -> None:
    venue.answers(200, ORDER.encode(), **{"Set-Cookie": "who=one"})
    other = clone_for(client, Credentials("other", "secret"))
    for each in (client, other, client):
        assert place(each)["orderId"] == 1
    assert len(venue.callers) == 1
    assert [sent["x-mbx-apikey"] for _, _, sent, _ in venue.asked] == ["key", "other", "key"]
    assert not any("cookie" in sent for _, _, sent, _ in venue.asked)


def test_a_connection_that_was_idle_for_long_is_not_trusted_with_an_order(venue: Venue) -> None:
    seconds = [0.0]
    session = VenueSession(lambda: seconds[0])
    for at, connections in ((0.0, 1), (MAX_IDLE_SECONDS, 1), (2 * MAX_IDLE_SECONDS + 1, 2), (2 * MAX_IDLE_SECONDS + 2, 2)):
        seconds[0] = at
        assert session.request("POST", venue.url, timeout=60).status_code == 200
        assert len(venue.callers) == connections
    session.close()


def test_the_request_is_sent_as_ccxt_has_signed_it(venue: Venue, client: Any) -> None:
    place(client)
    client.fapiPrivateGetOrder({"symbol": "BTCUSDT"})
    (method, path, sent, body), (asked, question, _, nothing) = venue.asked
    assert (method, path) == ("POST", "/fapi/v1/order")
    assert sent["content-type"] == "application/x-www-form-urlencoded"
    assert b"symbol=BTCUSDT" in body
    assert b"&signature=" in body
    assert (asked, nothing) == ("GET", b"")
    assert question.startswith("/fapi/v1/order?")
    assert "&signature=" in question


def test_a_compressed_answer_is_read(venue: Venue, client: Any) -> None:
    venue.answers(200, gzip.compress(ORDER.encode()), **{"Content-Encoding": "gzip"})
    assert place(client)["status"] == "NEW"


def test_headers_of_an_answer_are_known_whatever_its_status(venue: Venue, client: Any) -> None:
    venue.answers(429, b'{"code":-1003,"msg":"too many"}', **{"Retry-After": "7"})
    with pytest.raises(ccxt.BaseError) as refused:
        place(client)
    told = instruction(refused.value, client.last_response_headers)
    assert isinstance(told, RetryLater)
    assert (told.code, told.after_seconds) == ("RATE_LIMITED", 7)


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_a_success_that_is_no_answer_leaves_the_outcome_unknown(venue: Venue, client: Any, status: int) -> None:
    venue.answers(status, b"" if status == 204 else ORDER.encode())
    with pytest.raises(ccxt.NetworkError) as taken:
        place(client)
    assert isinstance(instruction(taken.value, {}), Ambiguous)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_leaves_the_outcome_unknown(venue: Venue, client: Any, status: int) -> None:
    venue.answers(status, Location=f"{venue.url}/elsewhere")
    with pytest.raises(ccxt.NetworkError) as refused:
        place(client)
    assert isinstance(instruction(refused.value, {}), Ambiguous)
    assert [path for _, path, _, _ in venue.asked] == ["/fapi/v1/order"]


def test_a_connection_that_is_closed_without_an_answer_leaves_the_outcome_unknown(venue: Venue, client: Any) -> None:
    venue.answers(0)
    with pytest.raises(ccxt.NetworkError) as lost:
        place(client)
    assert isinstance(instruction(lost.value, None), Ambiguous)
    assert len(venue.asked) == 1, "nothing is sent twice"


def test_an_answer_that_does_not_come_leaves_the_outcome_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = clone_for(
            make_template("binanceusdm", f"http://127.0.0.1:{silent.getsockname()[1]}"), Credentials("key", "secret")
        )
        client.timeout = SHORT_SECONDS * 1_000
        with pytest.raises(ccxt.RequestTimeout) as lost:
            place(client)
    assert isinstance(instruction(lost.value, None), Ambiguous)


def test_a_request_that_no_connection_was_made_for_may_be_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = clone_for(make_template("binanceusdm", f"http://127.0.0.1:{port}"), Credentials("key", "secret"))
    with pytest.raises(ccxt.NetworkError) as refused:
        place(client)
    told = instruction(refused.value, None)
    assert isinstance(told, RetryLater)
    assert told.code == "VENUE_UNREACHABLE"


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    manager = VenueSession().manager
    pool: Any = manager.connection_from_url("https://venue.example")
    assert pool.cert_reqs == "CERT_REQUIRED"
    assert pool.ca_certs


def test_a_request_is_a_part_of_the_trace_without_its_signature(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as daemon:
        with working_on("order_executor", HEADER):
            VenueSession().request("POST", f"{venue.url}/fapi/v1/order?signature=secret", timeout=5)
        (segment,) = daemon.documents()
    (told,) = segment["subsegments"]
    assert told["namespace"] == "remote"
    assert told["http"] == {
        "request": {"method": "POST", "url": f"{venue.url}/fapi/v1/order"},
        "response": {"status": 200},
    }
