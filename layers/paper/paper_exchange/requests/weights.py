"""The weight that a request takes from its address's budget: "Request Weight" of each endpoint in the venue's documentation.

A placed or amended order weighs nothing; it counts in its account's order limits instead (conditional ones too, since the
change log of 2026-06-20).
"""

from __future__ import annotations

import re

from paper_exchange.requests.requests import Parameters
from paper_exchange.requests.signature import Call

LIMIT = re.compile(r"[0-9]{1,9}", re.ASCII)  # more digits than any limit has, and few enough for Python to read
DEFAULT_WEIGHT = 1  # what most endpoints weigh
WEIGHTS = {
    "POST /fapi/v1/order": 0,
    "PUT /fapi/v1/order": 0,
    "POST /fapi/v1/algoOrder": 0,
    "POST /fapi/v1/batchOrders": 5,
    "PUT /fapi/v1/batchOrders": 5,
    "POST /fapi/v1/countdownCancelAll": 10,
    "GET /fapi/v1/accountConfig": 5,
    "GET /fapi/v1/adlQuantile": 5,
    "GET /fapi/v1/multiAssetsMargin": 30,
    "GET /fapi/v1/feeBurn": 30,
    "GET /fapi/v1/fundingInfo": 0,
    "GET /fapi/v1/trades": 5,
    "GET /fapi/v1/historicalTrades": 200,
    "GET /fapi/v1/aggTrades": 20,
    "GET /sapi/v1/capital/config/getall": 10,
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
    "GET /fapi/v1/premiumIndex": (1, 10),
}
KLINES = frozenset(
    f"GET /fapi/v1/{name}" for name in ("klines", "continuousKlines", "indexPriceKlines", "markPriceKlines", "premiumIndexKlines")
)
WITHOUT_LIMIT = 500  # of candles and of levels of the book
KLINES_WEIGHTS = ((100, 1), (500, 2), (1_001, 5))  # below so many candles; more weigh KLINES_MOST
KLINES_MOST = 10
DEPTH = "GET /fapi/v1/depth"
DEPTH_WEIGHTS = ((51, 2), (101, 5), (501, 10))  # below so many levels; more weigh DEPTH_MOST
DEPTH_MOST = 20
# An order counts once in ten seconds and once in the minute; a batch of up to five counts as five, and as one.
ORDER_COUNTS = {
    "POST /fapi/v1/order": (1, 1),
    "PUT /fapi/v1/order": (1, 1),
    "POST /fapi/v1/algoOrder": (1, 1),
    "POST /fapi/v1/batchOrders": (5, 1),
    "PUT /fapi/v1/batchOrders": (5, 1),
}


def name_of(call: Call) -> str:
    return f"{call.method} {call.path}"


def weight_of(call: Call) -> int:
    """The request's weight; a limit that is no number weighs like none, since the request will be refused for it."""
    name = name_of(call)
    if name in KLINES:
        return _weight_by(KLINES_WEIGHTS, KLINES_MOST, call.parameters)
    if name == DEPTH:
        return _weight_by(DEPTH_WEIGHTS, DEPTH_MOST, call.parameters)
    if name in WITH_AND_WITHOUT_SYMBOL:
        one, all_symbols = WITH_AND_WITHOUT_SYMBOL[name]
        return one if "symbol" in call.parameters else all_symbols
    return WEIGHTS.get(name, DEFAULT_WEIGHT)


def _weight_by(weights: tuple[tuple[int, int], ...], most: int, parameters: Parameters) -> int:
    text = parameters.get("limit", "")
    limit = int(text) if LIMIT.fullmatch(text) else WITHOUT_LIMIT
    return next((weight for below, weight in weights if limit < below), most)
