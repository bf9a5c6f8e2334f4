"""Call every method of Binance's own SDK that the venue answers, and parse each answer: `binance_sdk.py URL KEY SECRET`.

JSON by method on stdout: `parsed`, or the failure. The SDK's models are strict: a number where the venue has text is an error.
"""

from __future__ import annotations

import inspect
import json
import sys
from enum import Enum
from typing import Any, get_args, get_type_hints

from binance_common.configuration import ConfigurationRestAPI
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures

BTC = {"symbol": "BTCUSDT"}
PAIR = {"pair": "BTCUSDT", "interval": "5m"}
CANDLES = {**BTC, "interval": "5m"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01}
STOP = {**BTC, "algo_type": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "quantity": 0.01, "trigger_price": 40_000.0}
# The venue refuses the third of each list, which is an answer of its own shape.
BATCH = [{**LIMIT, "price": price, "new_client_order_id": name} for name, price in (("first", 45_000.0), ("second", 44_000.0))]
BATCH.append({**LIMIT, "price": 1.0, "new_client_order_id": "third"})
AMENDMENTS = [
    {**BTC, "side": "BUY", "quantity": 0.02, "price": 43_000.0, "orig_client_order_id": name}
    for name in ("first", "second", "third")
]

# In the order of the calls, since some need what others left. Names that end in a number are further calls of the method.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("test_connectivity", {}),
    ("check_server_time", {}),
    ("exchange_information", {}),
    ("order_book", {**BTC, "limit": 5}),
    ("recent_trades_list", BTC),
    ("old_trades_lookup", BTC),
    ("compressed_aggregate_trades_list", BTC),
    ("kline_candlestick_data", CANDLES),
    ("continuous_contract_kline_candlestick_data", {**PAIR, "contract_type": "PERPETUAL"}),
    ("index_price_kline_candlestick_data", PAIR),
    ("mark_price_kline_candlestick_data", CANDLES),
    ("premium_index_kline_data", CANDLES),
    ("mark_price", BTC),
    ("mark_price 2", {}),
    ("get_funding_rate_history", BTC),
    ("get_funding_rate_info", {}),
    ("ticker24hr_price_change_statistics", BTC),
    ("ticker24hr_price_change_statistics 2", {}),
    ("symbol_price_ticker", BTC),
    ("symbol_price_ticker_v2", {}),
    ("symbol_order_book_ticker", BTC),
    ("symbol_order_book_ticker 2", {}),
    ("change_margin_type", {**BTC, "margin_type": "ISOLATED"}),
    ("change_initial_leverage", {**BTC, "leverage": 10}),
    ("new_order", {**BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01, "new_order_resp_type": "RESULT"}),
    ("new_order 2", {**LIMIT, "price": 45_000.0, "new_client_order_id": "resting"}),
    ("test_order", {**LIMIT, "price": 45_000.0}),
    ("modify_order", {**BTC, "side": "BUY", "quantity": 0.02, "price": 44_000.0, "orig_client_order_id": "resting"}),
    ("get_order_modify_history", {**BTC, "orig_client_order_id": "resting"}),
    ("query_order", {**BTC, "orig_client_order_id": "resting"}),
    ("query_current_open_order", {**BTC, "orig_client_order_id": "resting"}),
    ("current_all_open_orders", BTC),
    ("all_orders", BTC),
    ("account_trade_list", BTC),
    ("auto_cancel_all_open_orders", {**BTC, "countdown_time": 0}),
    ("cancel_order", {**BTC, "orig_client_order_id": "resting"}),
    ("cancel_all_open_orders", BTC),
    ("place_multiple_orders", {"batch_orders": BATCH}),
    ("modify_multiple_orders", {"batch_orders": AMENDMENTS}),
    ("cancel_multiple_orders", {**BTC, "orig_client_order_id_list": ["first", "second", "nobody"]}),
    ("new_algo_order", {**STOP, "client_algo_id": "stop"}),
    ("query_algo_order", {"client_algo_id": "stop"}),
    ("current_all_algo_open_orders", BTC),
    ("query_all_algo_orders", BTC),
    ("cancel_algo_order", {"client_algo_id": "stop"}),
    ("cancel_all_algo_open_orders", BTC),
    ("modify_isolated_position_margin", {**BTC, "amount": 10.0, "type": 1}),
    ("get_position_margin_change_history", BTC),
    ("position_information_v2", BTC),
    ("position_information_v3", BTC),
    ("position_adl_quantile_estimation", BTC),
    ("account_information_v2", {}),
    ("account_information_v3", {}),
    ("futures_account_balance_v2", {}),
    ("futures_account_balance_v3", {}),
    ("futures_account_configuration", {}),
    ("symbol_configuration", BTC),
    ("notional_and_leverage_brackets", BTC),
    ("user_commission_rate", BTC),
    ("query_user_rate_limit", {}),
    ("get_current_multi_assets_mode", {}),
    ("get_current_position_mode", {}),
    ("get_income_history", {}),
    ("users_force_orders", {}),
]


def main(url: str, key: str, secret: str) -> dict[str, str]:
    """Every call's result."""
    configuration = ConfigurationRestAPI(api_key=key, api_secret=secret, base_path=url, timeout=120_000, retries=0)
    api = DerivativesTradingUsdsFutures(config_rest_api=configuration).rest_api
    found: dict[str, str] = {}
    for name, arguments in CALLS:
        method = getattr(api, name.partition(" ")[0])
        try:
            answer = method(**typed(method, arguments)).data()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"[:500]
        else:
            found[name] = "parsed" if answer is not None else "nothing"
    return found


def typed(method: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Text as the enumerations that the SDK wants."""
    hints = get_type_hints(inspect.unwrap(method))
    result = dict(arguments)
    for name, value in arguments.items():
        kinds = [kind for kind in get_args(hints[name]) if isinstance(kind, type) and issubclass(kind, Enum)]
        if kinds:
            result[name] = next(member for member in kinds[0] if member.value == value).value
    return result


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:4]), sys.stdout)
