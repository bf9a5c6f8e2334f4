"""The weight that a request takes from its address's budget: "Request Weight" of each endpoint in the venue's documentation.

A placed or amended order weighs nothing; it counts in its account's order limits instead (conditional ones too, since the
change log of 2026-06-20).
"""

from __future__ import annotations

from paper_exchange.requests.requests import Parameters
from paper_exchange.requests.signature import Call

DEFAULT_WEIGHT = 1  # what most endpoints weigh
ORDER_REQUESTS = frozenset({"POST /fapi/v1/order", "PUT /fapi/v1/order", "POST /fapi/v1/algoOrder"})
WEIGHTS = {
    "POST /fapi/v1/order": 0,
    "PUT /fapi/v1/order": 0,
    "POST /fapi/v1/algoOrder": 0,
    "GET /fapi/v2/account": 5,
    "GET /fapi/v3/account": 5,
    "GET /fapi/v2/balance": 5,
    "GET /fapi/v3/balance": 5,
    "GET /fapi/v2/positionRisk": 5,
    "GET /fapi/v3/positionRisk": 5,
    "GET /fapi/v1/symbolConfig": 5,
    "GET /fapi/v1/allOrders": 5,
    "GET /fapi/v1/allAlgoOrders": 5,
    "GET /fapi/v1/userTrades": 5,
    "GET /fapi/v1/commissionRate": 20,
    "GET /fapi/v1/income": 30,
    "GET /fapi/v1/positionSide/dual": 30,
}
WITH_AND_WITHOUT_SYMBOL = {
    "GET /fapi/v1/openOrders": (1, 40),
    "GET /fapi/v1/openAlgoOrders": (1, 40),
    "GET /fapi/v1/forceOrders": (20, 50),
    "GET /fapi/v1/ticker/price": (1, 2),
    "GET /fapi/v2/ticker/price": (1, 2),
    "GET /fapi/v1/ticker/bookTicker": (2, 5),
    "GET /fapi/v1/ticker/24hr": (1, 40),
}
KLINES = "GET /fapi/v1/klines"
KLINES_WITHOUT_LIMIT = 500
KLINES_WEIGHTS = ((100, 1), (500, 2), (1_001, 5))  # below so many candles; more weigh KLINES_MOST
KLINES_MOST = 10


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


def weight_of(call: Call) -> int:
    """The request's weight; a limit that is no number weighs like none, since the request will be refused for it."""
    name = name_of(call)
    if name == KLINES:
        return _klines_weight(call.parameters)
    if name in WITH_AND_WITHOUT_SYMBOL:
        one, all_symbols = WITH_AND_WITHOUT_SYMBOL[name]
        return one if "symbol" in call.parameters else all_symbols
    return WEIGHTS.get(name, DEFAULT_WEIGHT)


def _klines_weight(parameters: Parameters) -> int:
    text = parameters.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() else KLINES_WITHOUT_LIMIT
    return next((weight for below, weight in KLINES_WEIGHTS if limit < below), KLINES_MOST)
