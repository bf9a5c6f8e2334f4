"""Run the venue on its own, in memory: `python -m paper_exchange --port 8770`, operator's key in PAPER_OPERATOR_KEY."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time

import uvicorn

from paper_exchange.exchange import Exchange
from paper_exchange.http.app import create_app
from paper_exchange.operator.key import OperatorKey
from paper_exchange.store.memory import MemoryStore

KEY_VARIABLE = "PAPER_OPERATOR_KEY"
KEEP_ALIVE_SECONDS = (
    60  # uvicorn's 5 close connections while callers pause; one closed as an order comes leaves its outcome unknown
)


def main(arguments: list[str]) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="paper_exchange", description="A venue that speaks Binance USD-M futures' REST dialect."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8770)
    parser.add_argument("--operator-key", default="", help=f"better given as {KEY_VARIABLE}, which no process list shows")
    options = parser.parse_args(arguments)
    operator_key = options.operator_key or os.environ.get(KEY_VARIABLE, "")
    if not operator_key:
        parser.error(f"an operator's key is needed: --operator-key or {KEY_VARIABLE}")

    def wall_clock() -> int:
        return time.time_ns() // 1_000_000

    key = OperatorKey(lambda: operator_key, wall_clock)
    app = create_app(Exchange(MemoryStore(), wall_clock), key, lambda: secrets.token_hex(32))
    # no access log: a query string holds a signature
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        access_log=False,
        log_level="warning",
        lifespan="off",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
