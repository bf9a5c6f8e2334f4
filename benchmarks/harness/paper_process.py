"""The paper exchange in a process of its own, so that a benchmark measures the caller and not the venue."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from candlecast.ports.venue import Credentials
from tests.support.processes import free_port

START_SECONDS = 300.0  # limit for a start that hangs; a good start takes one or two
POLL_SECONDS = 0.05
STOP_SECONDS = 60.0
REQUEST_SECONDS = 120.0
FIRST_OPEN_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z, any minute would do
MINUTE_MS = 60_000
FLAT_MINUTES = 60  # of history before the clock stands still.
# A benchmark measures the speed of a caller, which would reach the documented limits (300 orders in 10 s) within a second.
WIDE_LIMITS = {"weight_per_minute": 1_000_000, "orders_per_ten_seconds": 1_000_000, "orders_per_minute": 1_000_000}
ORDER_PATH = "/fapi/v1/order"
MANY = 1_000_000_000  # more orders than any run makes
MARKET = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick_size": "0.10", "step_size": "0.001", "min_notional": "5"}


@dataclass(frozen=True, slots=True)
class PaperProcess:
    """A venue that runs alone, in memory, with one market whose price stands still."""

    base_url: str
    operator: httpx.Client

    def open_account(self) -> Credentials:
        """Keys of a new account that is never short of money."""
        answer = self._operate("POST", "/accounts", {"balances": {"USDT": "1000000"}})
        return Credentials(answer["api_key"], answer["api_secret"])

    def stand_at(self, price: str) -> None:
        """List the market at this price, stop the clock, and let callers order without end."""
        rows = [[FIRST_OPEN_MS + minute * MINUTE_MS, price, price, price, price, "10"] for minute in range(FLAT_MINUTES)]
        self._operate("PUT", "/markets", {"markets": [MARKET]})
        self._operate("POST", f"/markets/{MARKET['symbol']}/candles?interval=1m&restart=true", rows)
        self._operate("PUT", "/limits", WIDE_LIMITS)
        self._operate("PUT", "/clock", {"mode": "stepped", "now_ms": FIRST_OPEN_MS + FLAT_MINUTES * MINUTE_MS})

    def delay_orders(self, milliseconds: int) -> None:
        """Answer every order this late, as a venue at some distance does."""
        slow = {"kind": "slow", "path": ORDER_PATH, "count": MANY, "executed": True, "delay_ms": milliseconds}
        self._operate("POST", "/faults", slow)

    def _operate(self, method: str, path: str, body: Any) -> Any:
        answer = self.operator.request(method, f"/operator{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def paper_process() -> Iterator[PaperProcess]:
    """Start the process, wait until the exchange answers, and end the process."""
    key, port = secrets.token_hex(16), free_port()
    command = [sys.executable, "-m", "paper_exchange", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "PAPER_OPERATOR_KEY": key})  # noqa: S603
    base_url = f"http://127.0.0.1:{port}"
    operator = httpx.Client(base_url=base_url, headers={"X-Operator-Key": key}, timeout=REQUEST_SECONDS, trust_env=False)
    try:
        _wait(operator, process)
        yield PaperProcess(base_url, operator)
    finally:
        operator.close()
        process.terminate()
        process.wait(STOP_SECONDS)


def _wait(operator: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            operator.get("/fapi/v1/ping").raise_for_status()
        except httpx.HTTPError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise RuntimeError("the paper exchange did not start")
