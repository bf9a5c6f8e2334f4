"""Call python-binance and Binance's older connector: `binance_connectors.py URL KEY SECRET`, JSON by method on stdout.

Neither checks an answer, so a call that returns has read it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from binance.client import Client
from binance.um_futures import UMFutures

BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "45000"}
MARKET = {**BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def python_binance(url: str, key: str, secret: str) -> dict[str, Callable[[], Any]]:
    """The futures methods of python-binance."""
    client = Client(key, secret, ping=False)
    client.FUTURES_URL = f"{url}/fapi"
    return {
        "futures_ping": client.futures_ping,
        "futures_time": client.futures_time,
        "futures_exchange_info": client.futures_exchange_info,
        "futures_order_book": lambda: client.futures_order_book(**BTC),
        "futures_recent_trades": lambda: client.futures_recent_trades(**BTC),
        "futures_aggregate_trades": lambda: client.futures_aggregate_trades(**BTC),
        "futures_klines": lambda: client.futures_klines(**BTC, interval="5m"),
        "futures_continuous_klines": lambda: client.futures_continuous_klines(
            pair="BTCUSDT", contractType="PERPETUAL", interval="5m"
        ),
        "futures_mark_price": lambda: client.futures_mark_price(**BTC),
        "futures_funding_rate": lambda: client.futures_funding_rate(**BTC),
        "futures_ticker": lambda: client.futures_ticker(**BTC),
        "futures_orderbook_ticker": lambda: client.futures_orderbook_ticker(**BTC),
        "futures_create_order": lambda: client.futures_create_order(**MARKET),
        "futures_create_order limit": lambda: client.futures_create_order(**LIMIT, newClientOrderId="one"),
        "futures_create_test_order": lambda: client.futures_create_test_order(**LIMIT),
        "futures_place_batch_order": lambda: client.futures_place_batch_order(batchOrders=[dict(LIMIT)]),
        "futures_get_order": lambda: client.futures_get_order(**BTC, origClientOrderId="one"),
        "futures_get_open_orders": lambda: client.futures_get_open_orders(**BTC),
        "futures_cancel_order": lambda: client.futures_cancel_order(**BTC, origClientOrderId="one"),
        "futures_cancel_all_open_orders": lambda: client.futures_cancel_all_open_orders(**BTC),
        "futures_account": client.futures_account,
        "futures_account_balance": client.futures_account_balance,
        "futures_account_trades": lambda: client.futures_account_trades(**BTC),
        "futures_position_information": lambda: client.futures_position_information(**BTC),
        "futures_income_history": client.futures_income_history,
        "futures_leverage_bracket": client.futures_leverage_bracket,
        "futures_get_position_mode": client.futures_get_position_mode,
        "futures_get_multi_assets_mode": client.futures_get_multi_assets_mode,
    }


def connector(url: str, key: str, secret: str) -> dict[str, Callable[[], Any]]:
    """The methods of binance-futures-connector."""
    client = UMFutures(key=key, secret=secret, base_url=url)
    placed: dict[str, Any] = {}

    def new_order() -> None:
        placed.update(client.new_order(**LIMIT))  # without a name of its own, so that no other order has the same

    return {
        "ping": client.ping,
        "time": client.time,
        "exchange_info": client.exchange_info,
        "depth": lambda: client.depth(**BTC),
        "trades": lambda: client.trades(**BTC),
        "historical_trades": lambda: client.historical_trades(**BTC),
        "agg_trades": lambda: client.agg_trades(**BTC),
        "klines": lambda: client.klines("BTCUSDT", "5m"),
        "mark_price": lambda: client.mark_price("BTCUSDT"),
        "funding_rate": lambda: client.funding_rate("BTCUSDT"),
        "ticker_24hr_price_change": lambda: client.ticker_24hr_price_change("BTCUSDT"),
        "book_ticker": lambda: client.book_ticker("BTCUSDT"),
        "new_order": new_order,
        "new_order_test": lambda: client.new_order_test(**LIMIT),
        "query_order": lambda: client.query_order("BTCUSDT", orderId=placed["orderId"]),
        "get_open_orders": lambda: client.get_open_orders("BTCUSDT", orderId=placed["orderId"]),
        "cancel_order": lambda: client.cancel_order("BTCUSDT", orderId=placed["orderId"]),
        "countdown_cancel_order": lambda: client.countdown_cancel_order("BTCUSDT", 0),
        "get_all_orders": lambda: client.get_all_orders("BTCUSDT"),
        "get_account_trades": lambda: client.get_account_trades("BTCUSDT"),
        "balance": client.balance,
        "account": client.account,
        "get_position_risk": client.get_position_risk,
        "get_income_history": client.get_income_history,
        "leverage_brackets": client.leverage_brackets,
        "adl_quantile": client.adl_quantile,
        "commission_rate": lambda: client.commission_rate("BTCUSDT"),
    }


def main(url: str, key: str, secret: str) -> dict[str, str]:
    """Every call's result, `read` or its failure."""
    found: dict[str, str] = {}
    for name, call in {**python_binance(url, key, secret), **connector(url, key, secret)}.items():
        try:
            call()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"[:300]
        else:
            found[name] = "read"
    return found


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:4]), sys.stdout)
