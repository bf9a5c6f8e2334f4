"""Programs that others wrote, against the paper exchange: their environments, their requests, a market that moves for them."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from tests.support.paper_venue import BTC, MINUTE_MS, PaperVenue, ServedApp, serve
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
ETH = {"symbol": "ETHUSDT", "base": "ETH", "quote": "USDT", "tick_size": "0.01", "step_size": "0.001", "min_notional": "20"}
MARKETS = {"BTCUSDT": BTC, "ETHUSDT": ETH}
FIRST_PRICES = {"BTCUSDT": Decimal(50_000), "ETHUSDT": Decimal(3_000)}
HISTORY = 600  # candles before a program starts; freqtrade asks for 499
WICK = Decimal("0.0005")  # each candle goes a little beyond its open and its close, so that orders at the touch fill


def environment(name: str) -> Path:
    """The Python of an environment of its own, made if it is not there."""
    subprocess.run(["/bin/sh", "infra/local/bootstrap.sh", name], cwd=ROOT, check=True)  # noqa: S603 - our own script
    return ROOT / ".venvs" / name / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the venue saw it, with the status and the body of a refusal."""

    method: str
    path: str
    status: int
    body: bytes

    @property
    def code(self) -> int:
        """The venue's code of a refusal."""
        return int(json.loads(self.body)["code"])


@dataclass(slots=True)
class Recording:
    """The venue's application with an eye on the requests; an operator's are not kept."""

    served: ServedApp = field(default_factory=ServedApp)
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        status, body = 0, b""

        async def keep(message: Any) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")
            await send(message)

        await self.served(scope, receive, keep)
        if not str(scope["path"]).startswith("/operator"):
            self.requests.append(Request(scope["method"], scope["path"], status, body if status >= 400 else b""))

    def count(self, method: str, path: str) -> int:
        return sum(1 for request in self.requests if (request.method, request.path) == (method, path) and request.status == 200)

    def refused(self) -> list[Request]:
        return [request for request in self.requests if request.status != 200]


@dataclass(slots=True)
class MovingMarket:
    """A venue whose clock is stepped in real time, minute by minute: a test says where the price goes next."""

    venue: PaperVenue
    recording: Recording
    prices: dict[str, Decimal] = field(default_factory=lambda: dict(FIRST_PRICES))
    minute_ms: int = 0

    def begin(self) -> None:
        """List the markets with their history until this minute."""
        self.minute_ms = self.venue.wall_clock() // MINUTE_MS * MINUTE_MS
        self.venue.operate("PUT", "/markets", {"markets": list(MARKETS.values())})
        for symbol, price in self.prices.items():
            opens = range(self.minute_ms - HISTORY * MINUTE_MS, self.minute_ms, MINUTE_MS)
            self._load(symbol, [self._candle(symbol, opened, price, price) for opened in opens], restart=True)
        self.venue.operate("PUT", "/clock", {"now_ms": self.minute_ms})

    def move(self, **changes: str) -> None:
        """Wait for the end of the minute, then close its candle: a named price changes by a fraction, the others stand still."""
        until(lambda: self.venue.wall_clock() >= self.minute_ms + MINUTE_MS)
        for symbol, before in self.prices.items():
            tick = Decimal(MARKETS[symbol]["tick_size"])
            after = (before * (1 + Decimal(changes.get(symbol, "0")))).quantize(tick, ROUND_HALF_EVEN)
            self._load(symbol, [self._candle(symbol, self.minute_ms, before, after)])
            self.prices[symbol] = after
        self.minute_ms += MINUTE_MS
        self.venue.operate("PUT", "/clock", {"now_ms": self.minute_ms})

    def _candle(self, symbol: str, opened: int, before: Decimal, after: Decimal) -> list[Any]:
        tick = Decimal(MARKETS[symbol]["tick_size"])
        high = (max(before, after) * (1 + WICK)).quantize(tick, ROUND_HALF_EVEN)
        low = (min(before, after) * (1 - WICK)).quantize(tick, ROUND_HALF_EVEN)
        return [opened, *(str(price) for price in (before, high, low, after)), "100"]

    def _load(self, symbol: str, rows: Iterable[list[Any]], *, restart: bool = False) -> None:
        answer = self.venue.http.post(
            f"/operator/markets/{symbol}/candles",
            params={"interval": "1m", "restart": restart},
            content=gzip.compress(json.dumps(list(rows)).encode()),
            headers={"Content-Encoding": "gzip"},
        )
        assert answer.is_success, answer.text


@contextmanager
def moving_market() -> Iterator[MovingMarket]:
    """A venue of its own with two markets; the recording sees every request of a tenant."""
    recording = Recording()
    with serve(recording) as base_url:
        venue = PaperVenue(base_url, recording.served)
        try:
            market = MovingMarket(venue, recording)
            market.begin()
            yield market
        finally:
            venue.http.close()
