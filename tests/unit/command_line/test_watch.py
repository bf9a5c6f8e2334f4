"""`candlecast watch`: a message makes it fetch, a gap or a silence too, and without a connection it polls and says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from candlecast.domain.live.change import AccountChange, message
from candlecast.domain.live.connection import Topic
from candlecast_cli.api import ApiRefused
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.watch import command, follow
from candlecast_cli.watch.chain import Chain, News
from candlecast_cli.watch.follow import Follow
from candlecast_cli.watch.screens import Board, Lines
from candlecast_cli.watch.sockets import ConnectionLost, Socket, connector
from candlecast_cli.watch.subjects import VIEWS, Subject
from functions.api.schemas.receipts import DecidedOrderView
from functions.api.schemas.trading import OrderView, PositionView
from tests.unit.command_line.running import run
from tests.unit.command_line.serving import Server, serving

DOWN = CommandFailed("API_UNREACHABLE", "no answer")


def told(before: int, sequence: int, *orders: str, account: str = "a") -> str:
    change = AccountChange(tenant_id="t", account_id=account, before=before, sequence=sequence, orders=orders)
    return json.dumps(message(change, (Topic.ORDERS,)))


# -- the chain ---------------------------------------------------------------------------------------------------------------


def test_a_client_notices_what_it_has_missed_and_drops_what_it_knows() -> None:
    chain = Chain()
    taken = [
        (told(3, 5, "o"), News.MISSED),  # the first of an account: nobody knows what was before
        (told(5, 6, "o"), News.CHANGED),
        (told(6, 7), News.NOTHING),  # a version without this topic
        (told(8, 9, "o"), News.MISSED),
        (told(7, 8, "o"), News.NOTHING),  # late, and fetched already
        (told(5, 9, "o"), News.NOTHING),  # a repeat
        (told(8, 11, "o"), News.CHANGED),  # several versions; one is known
        (told(1, 2, "o", account="b"), News.MISSED),
    ]
    assert [(text, chain.take(text)) for text, _ in taken] == taken


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", b"\xff", '{"account_id": [], "from": 1, "sequence": 2, "changes": []}'])
def test_a_text_that_is_no_message_is_a_gap(text: str | bytes) -> None:
    assert Chain().take(text) is News.MISSED


# -- following ---------------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """An API, sockets and a clock of the test's; a socket is a list of texts with their times; None ends it."""

    sockets: list[list[tuple[float, str | None]]] = field(default_factory=list)
    failing: Callable[[str, float], Exception | None] = lambda _path, _at: None
    at: float = 0.0
    fetched: list[float] = field(default_factory=list)
    tickets: list[float] = field(default_factory=list)
    sent: list[tuple[float, str]] = field(default_factory=list)
    shown: list[Any] = field(default_factory=list)
    states: list[tuple[str, float | None]] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        self._fail(path)
        self.fetched.append(round(self.at, 1))
        return {"items": [{"order_id": f"at {self.at:.0f}"}]}

    def post(self, path: str, body: Any) -> dict[str, Any]:
        self._fail(path)
        assert body == {"topics": ["orders"]}
        self.tickets.append(round(self.at, 1))
        return {"url": "wss://live.example.test/live?ticket=x"}

    def _fail(self, path: str) -> None:
        error = self.failing(path, self.at)
        if error is not None:
            raise error

    def show(self, items: Any) -> None:
        self.shown.append(items)

    def tell(self, state: str, age_seconds: float | None) -> None:
        self.states.append((state, age_seconds))

    @contextmanager
    def connect(self, _url: str) -> Iterator[Socket]:
        if not self.sockets:
            raise ConnectionLost("refused with 403")
        yield _Scripted(self, self.sockets.pop(0))

    def run(self, seconds: float, connect: Any = True) -> None:
        api: Any = self
        Follow(api, Subject.ORDERS, self.connect if connect else None, self, seconds, self.now, self.sleep)()


@dataclass
class _Scripted:
    world: World
    script: list[tuple[float, str | None]]

    def receive(self, seconds: float) -> str | None:
        if self.script and self.script[0][0] <= self.world.at + seconds:
            at, text = self.script.pop(0)
            self.world.at = max(at, self.world.at)
            if text is None:
                raise ConnectionLost("closed by the platform")
            return text
        self.world.at += seconds
        return None

    def send(self, text: str) -> None:
        self.world.sent.append((round(self.world.at), text))


def test_it_fetches_at_the_connection_once_it_is_known_and_then_when_something_changes() -> None:
    world = World([[(20.0, told(1, 2, "o")), (20.1, told(2, 3, "o")), (30.0, told(3, 4)), (40.0, told(4, 5, "o"))]])
    world.run(45)
    assert world.fetched == [0.0, 0.0, 10.0, 20.2, 40.2]
    assert {state for state, _ in world.states} == {"live"}


def test_a_connection_that_is_silent_is_kept_open_and_fetches_once_a_minute() -> None:
    world = World([[]])
    world.run(500)
    assert world.sent == [(240, "still here"), (480, "still here")]
    assert world.fetched == [0.0, 0.0, *(10.0 + 60 * number for number in range(9))]


def test_a_lost_connection_polls_says_so_and_comes_back_with_a_fresh_ticket() -> None:
    world = World([[(30.0, None)], []])
    world.run(60)
    assert world.tickets == [0.0, 31.0]
    polling = [(state, age) for state, age in world.states if state != "live"]
    assert polling
    assert {state for state, _ in polling} == {"polling every 5 s, not live (closed by the platform)"}
    assert world.fetched[:4] == [0.0, 0.0, 10.0, 30.0]
    assert 31.0 in world.fetched, "at the new connection"


def test_while_nothing_opens_it_polls_every_few_seconds_and_tries_less_and_less() -> None:
    world = World()
    world.run(200)
    assert world.tickets == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0, 183.0]
    between = [later - earlier for earlier, later in zip(world.fetched, world.fetched[1:], strict=False)]
    assert max(between) <= 6
    assert {state for state, _ in world.states} == {"polling every 5 s, not live (refused with 403)"}


def test_without_the_extra_it_polls_and_names_the_extra() -> None:
    world = World()
    world.run(20, connect=False)
    assert world.tickets == []
    assert len(world.fetched) >= 4
    assert "[live]" in world.states[0][0]


def test_what_was_shown_stays_with_its_age_while_the_api_does_not_answer() -> None:
    world = World(failing=lambda _path, at: DOWN if at >= 5 else None)
    world.run(60)
    assert len(world.shown) == len(world.fetched)
    assert max(world.fetched) < 5
    state, age = world.states[-1]
    assert state == "polling every 5 s, not live (API_UNREACHABLE)"
    assert age is not None
    assert age > 50


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_stays_ends_the_command(status: int) -> None:
    refused = ApiRefused("TOKEN_REFUSED", "no", status, {})
    with pytest.raises(ApiRefused):
        World(failing=lambda _path, _at: refused).run(60)


def test_a_busy_api_is_asked_again() -> None:
    busy = ApiRefused("STORE_UNAVAILABLE", "no", 503, {})
    world = World([[]], failing=lambda path, at: busy if path == follow.TICKETS and at < 3 else None)
    world.run(10)
    assert world.tickets == [3.0]
    assert world.states[-1][0] == "live"


# -- the command -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(command, "connector", lambda: None)
    monkeypatch.setattr(follow, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.02)
    with serving() as made:
        monkeypatch.setenv("CANDLECAST_API_URL", made.url)
        monkeypatch.setenv("CANDLECAST_TOKEN", "header.payload.signature")
        yield made


def test_a_pipe_gets_each_change_once(server: Server) -> None:
    for state in ("OPEN", "OPEN", "FILLED"):
        server.answer("GET /v1/orders", 200, {"items": [{"order_id": "o-1", "state": state}], "next_cursor": None})
    done = run("watch", "orders", "--json", "--for", "0.5")
    assert done.exit_code == 0, done.output
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert [line["items"][0]["state"] for line in lines] == ["OPEN", "FILLED"]
    assert "polling every" in done.stderr


@pytest.mark.parametrize(("subject", "path"), [("orders", "orders"), ("positions", "positions"), ("signals", "receipts")])
def test_each_subject_has_its_table(server: Server, subject: str, path: str) -> None:
    item = {"market": "BTC/USDT:USDT", "reason": {"code": "MAX_LEVERAGE"}, "quantity": "1", "filled_quantity": "0"}
    server.answer(f"GET /v1/{path}", 200, {"items": [item]})
    done = run("watch", subject, "--for", "0.1")
    assert done.exit_code == 0, done.output
    assert "BTC/USDT:USDT" in done.stdout
    assert subject == "positions" or "MAX_LEVERAGE" in done.stdout


def test_another_subject_is_refused(server: Server) -> None:
    assert run("watch", "balances").exit_code == ExitCode.USAGE


def test_a_terminals_table_shows_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with Board(Subject.ORDERS) as board:
        board.show([{"market": "\x1b[31mBTC"}])
        board.tell("live", 3.2)
    shown = capsys.readouterr().out
    assert "\x1b[31mBTC" not in shown
    assert "live; as of 3 s ago" in shown


def test_lines_say_a_state_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(Subject.ORDERS, as_json=False)
    for _ in range(3):
        lines.tell("live", None)
    assert capsys.readouterr().err.count("live; nothing shown yet") == 1


@pytest.mark.parametrize(
    ("subject", "model"),
    [(Subject.ORDERS, OrderView), (Subject.POSITIONS, PositionView), (Subject.SIGNALS, DecidedOrderView)],
)
def test_each_column_is_a_field_of_the_api(subject: Subject, model: Any) -> None:
    asked: set[str] = set()

    class Item(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.add(name)
            return default

    VIEWS[subject].rows([Item()])
    assert asked <= set(model.model_fields)


def test_the_package_is_an_extra() -> None:
    assert connector() is None, "the development environment does without"
