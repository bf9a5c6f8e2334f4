"""The paper exchange over real HTTP, and ccxt's own class pointed at it, for the contract tests."""

from __future__ import annotations

import gzip
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ccxt
import httpx
import uvicorn
from fastapi import FastAPI

from paper_exchange.exchange import Exchange
from paper_exchange.http.app import create_app
from paper_exchange.operator.key import OperatorKey
from paper_exchange.store.memory import MemoryStore
from paper_exchange.store.store import PaperStore
from tests.support.waiting import until

OPERATOR_KEY = "operator-key-of-the-tests"
MINUTE_MS = 60_000
START_MS = 1_640_995_200_000  # 2022-01-01T00:00:00Z
BTC = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick_size": "0.10", "step_size": "0.001", "min_notional": "100"}
BTC_SYMBOL = "BTC/USDT:USDT"
PATIENCE_SECONDS = 120  # limit for a request that hangs; everything here answers at once, as far as the machine lets it
WITHOUT_TLS = False  # plain HTTP: reading the world's certificates for each client takes 20 ms


@dataclass(slots=True)
class ServedApp:
    """The application that the server runs: made once, since working out its routes takes longer than most tests do."""

    app: FastAPI | None = None

    def stand_for(self, fresh: FastAPI) -> None:
        """Answer from now on as the fresh application would, out of its state."""
        if self.app is None:
            self.app = fresh
        self.app.state = fresh.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Run an ASGI application under uvicorn in a thread; yields its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=PATIENCE_SECONDS,  # a busy machine stalls longer than the usual five seconds
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE_SECONDS)
        listener.close()


@dataclass(slots=True)
class WallClock:
    """The time that the venue and its clients agree on: real time with an offset, or a moment at which it stands."""

    offset_ms: int = 0
    stands_at_ms: int | None = None

    def __call__(self) -> int:
        real = time.time_ns() // 1_000_000 if self.stands_at_ms is None else self.stands_at_ms
        return real + self.offset_ms

    def stand_at_a_minute(self) -> None:
        """Stand still at the beginning of a minute: no interval ends within a test, however long it takes."""
        self.stands_at_ms = self() - self() % MINUTE_MS


@dataclass(slots=True)
class PaperVenue:
    """A fresh venue and its operator."""

    base_url: str
    served: ServedApp
    store: PaperStore = field(default_factory=MemoryStore)
    wall_clock: WallClock = field(default_factory=WallClock)
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        exchange = Exchange(self.store, self.wall_clock)
        key = OperatorKey(lambda: OPERATOR_KEY, self.wall_clock)
        self.served.stand_for(create_app(exchange, key, lambda: secrets.token_hex(32)))
        headers = {"X-Operator-Key": OPERATOR_KEY}
        self.http = httpx.Client(base_url=self.base_url, headers=headers, timeout=PATIENCE_SECONDS, verify=WITHOUT_TLS)

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """An operator's request that must succeed; returns the parsed answer."""
        answer = self.http.request(method, f"/operator{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def load(self, closes: Sequence[str | tuple[str, str, str, str]], market: dict[str, Any] = BTC, interval: str = "1m") -> None:
        """List a market with candles from START_MS on: a close alone makes a flat candle, a tuple is open, high, low, close."""
        self.operate("PUT", "/markets", {"markets": [market]})
        length = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS}[interval]
        rows = []
        for index, candle in enumerate(closes):
            prices = (candle,) * 4 if isinstance(candle, str) else candle
            rows.append([START_MS + index * length, *prices, "10"])
        packed = gzip.compress(json.dumps(rows).encode())
        answer = self.http.post(
            f"/operator/markets/{market['symbol']}/candles",
            params={"interval": interval, "restart": True},
            content=packed,
            headers={"Content-Encoding": "gzip"},
        )
        assert answer.is_success, answer.text

    def set_minute(self, minute: int, *, rewind: bool = False) -> None:
        """Set the market clock to so many minutes after START_MS."""
        self.operate("PUT", "/clock", {"now_ms": START_MS + minute * MINUTE_MS, "rewind": rewind})

    def open_account(self, balance: str = "10000", account_id: str = "") -> dict[str, str]:
        issued: dict[str, str] = self.operate("POST", "/accounts", {"account_id": account_id, "balances": {"USDT": balance}})
        return issued

    def client(self, keys: dict[str, str] | None = None, **options: Any) -> Any:
        """ccxt's class for the venue, every URL moved to this one."""
        credentials = {"apiKey": keys["api_key"], "secret": keys["api_secret"]} if keys else {}
        patience = {"enableRateLimit": False, "timeout": 1_000 * PATIENCE_SECONDS}
        client = ccxt.binanceusdm({**patience, "options": {"fetchCurrencies": False}, **credentials, **options})
        client.urls["api"] = {name: self._moved(url) for name, url in client.urls["api"].items()}
        if self.wall_clock.stands_at_ms is not None:
            client.milliseconds = self.wall_clock
        return client

    def _moved(self, url: str) -> str:
        return self.base_url + "/" + url.split("/", 3)[3]

    def book(self, kind: str, limit: int = 200) -> list[dict[str, Any]]:
        """All rows of a kind, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.http.get(f"/operator/book/{kind}", params={"cursor": cursor, "limit": limit}).json()
            rows.extend(page["rows"])
            cursor = page["next_cursor"]
        return rows
