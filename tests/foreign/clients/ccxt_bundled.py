"""Run the tests that ccxt has in its package against a venue: `ccxt_bundled.py URL KEY SECRET`, JSON by method on stdout.

ccxt's own program reads skips and keys from files outside of its package and ends the process. This one calls the same tests,
each by itself, and skips none of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import ccxt

SYMBOL, CODE = "BTC/USDT:USDT", "USDT"
PUBLIC: dict[str, list[Any]] = {
    "loadMarkets": [],
    "features": [],
    "afterConstruct": [],
    "fetchCurrencies": [],
    "fetchTicker": [SYMBOL],
    "fetchTickers": [SYMBOL],
    "fetchLastPrices": [SYMBOL],
    "fetchOHLCV": [SYMBOL],
    "fetchTrades": [SYMBOL],
    "fetchOrderBook": [SYMBOL],
    "fetchL2OrderBook": [SYMBOL],
    "fetchOrderBooks": [],
    "fetchStatus": [],
    "fetchMarkets": [],
    "fetchFundingRateHistory": [SYMBOL],
    "fetchOpenInterestHistory": [SYMBOL],
    "fetchLiquidations": [SYMBOL],
}
PRIVATE: dict[str, list[Any]] = {
    "signIn": [],
    "fetchBalance": [],
    "fetchAccounts": [],
    "fetchTransactionFees": [],
    "fetchTradingFee": [SYMBOL],
    "fetchTradingFees": [],
    "fetchOrders": [SYMBOL],
    "fetchOpenOrders": [SYMBOL],
    "fetchClosedOrders": [SYMBOL],
    "fetchMyTrades": [SYMBOL],
    "fetchLeverageTiers": [[SYMBOL]],
    "fetchMarketLeverageTiers": [SYMBOL],
    "fetchLedger": [CODE],
    "fetchLedgerEntry": [CODE],
    "fetchDeposits": [CODE],
    "fetchWithdrawals": [CODE],
    "fetchTransfers": [CODE],
    "fetchBorrowInterest": [CODE, SYMBOL],
    "fetchMarginMode": [SYMBOL],
    "fetchMarginModes": [SYMBOL],
    "fetchMyLiquidations": [SYMBOL],
    "fetchPositions": [SYMBOL],
    "createOrder": [SYMBOL],
}


def main(url: str, key: str, secret: str) -> dict[str, str]:
    """By method: `passed`, why there is no test, or the first line of the failure."""
    folder = Path(ccxt.__file__).parent / "test"
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["tests_init.py", "binanceusdm", "--sync", "--info"]
    import tests_sync

    exchange: Any = ccxt.binanceusdm({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.urls["api"] = {name: f"{url}/{was.split('/', 3)[3]}" for name, was in exchange.urls["api"].items()}
    tests = tests_sync.testMainClass()
    tests.parse_cli_args_and_props()
    tests.import_files(exchange)
    found: dict[str, str] = {}
    for public, methods in ((True, PUBLIC), (False, PRIVATE)):
        for method, arguments in methods.items():
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    tests.test_method(method, exchange, arguments, public)
            except Exception as error:
                found[method] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            else:
                text = said.getvalue()
                kind = next(
                    (kind for kind in ("UNSUPPORTED_TEST", "UNIMPLEMENTED_TEST", "SKIPPED_TEST") if kind in text), "passed"
                )
                found[method] = kind
    return found


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:4]), sys.stdout)
