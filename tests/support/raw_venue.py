"""Binance USD-M as bytes: `adapters/ccxt/` with ccxt's own class above a session whose answers a test writes.

The answers are typed in from the venue's documents and from recordings of real accounts. They have the fields of each endpoint,
so a test changes one field and says the effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.ccxt.session import Answer
from candlecast.adapters.ccxt.venue import CcxtVenue, CcxtVenues
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.ports.venue import Credentials
from tests.support.builders import BTC, NOW, a_market, an_intent

NOW_MS = int(NOW.timestamp() * 1000)
MINUTE_MS = 60_000
ENTRY_ID, STOP_ID = 4_087_922_044, 2_146_760
FUTURES = "/fapi/v"
SPOT = "/sapi/"  # where the rights of a key are told
Json = dict[str, Any] | list[Any]


def entry() -> Intent:
    return an_intent(LegKind.ENTRY)


def stop() -> Intent:
    return an_intent(LegKind.STOP_LOSS)


def an_order(**changes: Any) -> dict[str, Any]:
    """The entry, filled, as the order endpoint shows it."""
    return {
        "orderId": ENTRY_ID,
        "symbol": "BTCUSDT",
        "status": "FILLED",
        "clientOrderId": entry().client_order_id,
        "price": "0.00",
        "avgPrice": "100.00000",
        "origQty": "10.000",
        "executedQty": "10.000",
        "cumQty": "10.000",
        "cumQuote": "1000.00000",
        "timeInForce": "GTC",
        "type": "MARKET",
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "stopPrice": "0.00",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": "MARKET",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "updateTime": NOW_MS,
        **changes,
    }


def an_algo_order(**changes: Any) -> dict[str, Any]:
    """The stop, waiting for its trigger, as the endpoint of conditional orders shows it."""
    return {
        "algoId": STOP_ID,
        "clientAlgoId": stop().client_order_id,
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": "10.000",
        "algoStatus": "NEW",
        "actualOrderId": "",
        "actualPrice": "0.00000",
        "triggerPrice": "90.000",
        "price": "0.000",
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": True,
        "createTime": NOW_MS,
        "updateTime": NOW_MS,
        "triggerTime": 0,
        "goodTillDate": 0,
        **changes,
    }


def a_position(**changes: Any) -> dict[str, Any]:
    """The position that the entry has opened, as v3 of positionRisk shows it."""
    return {
        "symbol": "BTCUSDT",
        "positionSide": "BOTH",
        "positionAmt": "10.000",
        "entryPrice": "100.0",
        "breakEvenPrice": "100.05",
        "markPrice": "101.50000000",
        "unRealizedProfit": "15.00000000",
        "liquidationPrice": "64.98753790",
        "isolatedMargin": "0",
        "notional": "1015.00000000",
        "marginAsset": "USDT",
        "isolatedWallet": "0",
        "initialMargin": "7.59405208",
        "maintMargin": "2.43009666",
        "positionInitialMargin": "7.59405208",
        "openOrderInitialMargin": "0",
        "adl": 2,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": NOW_MS,
        **changes,
    }


def a_trade(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": 12_345_678,
        "orderId": ENTRY_ID,
        "side": "BUY",
        "price": "100.00",
        "qty": "10.000",
        "realizedPnl": "0",
        "quoteQty": "1000.00000",
        "commission": "0.40000000",
        "commissionAsset": "USDT",
        "time": NOW_MS,
        "positionSide": "BOTH",
        "buyer": True,
        "maker": False,
        **changes,
    }


def an_account(**changes: Any) -> dict[str, Any]:
    """Margins and balances as v3 of the account endpoint shows them, shortened to one asset."""
    return {
        "totalInitialMargin": "7.59482199",
        "totalMaintMargin": "2.43034303",
        "totalWalletBalance": "9999.60000000",
        "totalUnrealizedProfit": "15.00000000",
        "totalMarginBalance": "10014.60000000",
        "totalPositionInitialMargin": "7.59482199",
        "totalOpenOrderInitialMargin": "0.00000000",
        "totalCrossWalletBalance": "9999.60000000",
        "totalCrossUnPnl": "15.00000000",
        "availableBalance": "9998.65949928",
        "maxWithdrawAmount": "9998.65949928",
        "assets": [{"asset": "USDT", "walletBalance": "9999.6", "marginBalance": "10014.6", "availableBalance": "9998.6"}],
        "positions": [],
        **changes,
    }


def an_income(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "incomeType": "FUNDING_FEE",
        "income": "-0.10000000",
        "asset": "USDT",
        "time": NOW_MS,
        "info": "FUNDING_FEE",
        "tranId": 8_886_774,
        "tradeId": "",
        **changes,
    }


def some_klines(count: int = 3) -> list[list[Any]]:
    """Candles of a minute; the last one closes at NOW."""
    opens = range(NOW_MS - count * MINUTE_MS, NOW_MS, MINUTE_MS)
    prices = ["100.0", "101.0", "99.0", "100.5", "12.000"]
    return [[opened, *prices, opened + MINUTE_MS - 1, "1206.0", 7, "6.0", "603.0", "0"] for opened in opens]


def some_funding_rates(count: int = 2) -> list[dict[str, Any]]:
    """Settlements every eight hours, the last one a minute before NOW; Binance settles some milliseconds late."""
    times = [NOW_MS - MINUTE_MS - 8 * 60 * MINUTE_MS * back for back in reversed(range(count))]
    return [
        {"symbol": "BTCUSDT", "fundingTime": at + 4, "fundingRate": "-0.00012345", "markPrice": "101.50000000"} for at in times
    ]


def some_rights(**changes: Any) -> dict[str, Any]:
    """The rights of a key that is bound to an address and may trade futures alone; options are an example of a right beside."""
    rights = {
        "ipRestrict": True,
        "createTime": NOW_MS,
        "enableReading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableFutures": True,
        "enableVanillaOptions": False,
    }
    return {**rights, **changes}


def honest_answers() -> dict[tuple[str, str], Json]:
    """The venue's answer to each of our requests while the entry and its stop are in force."""
    done = {"code": 200, "msg": "success"}
    return {
        ("POST", "order"): an_order(),
        ("GET", "order"): an_order(),
        ("DELETE", "order"): an_order(status="CANCELED", executedQty="0.000", avgPrice="0.00", cumQuote="0.00"),
        ("POST", "algoOrder"): an_algo_order(),
        ("GET", "algoOrder"): an_algo_order(),
        ("DELETE", "algoOrder"): {"algoId": STOP_ID, "clientAlgoId": stop().client_order_id, "code": "200", "msg": "success"},
        ("GET", "openOrders"): [],
        ("GET", "openAlgoOrders"): [an_algo_order()],
        ("GET", "userTrades"): [a_trade()],
        ("GET", "positionRisk"): [a_position()],
        ("GET", "account"): an_account(),
        ("GET", "income"): [an_income()],
        ("GET", "commissionRate"): {
            "symbol": "BTCUSDT",
            "makerCommissionRate": "0.000200",
            "takerCommissionRate": "0.000400",
            "rpiCommissionRate": "0.00005",
        },
        ("GET", "leverageBracket"): [
            {
                "symbol": "BTCUSDT",
                "notionalCoef": 1.5,
                "brackets": [
                    {
                        "bracket": 1,
                        "initialLeverage": 75,
                        "notionalCap": 10_000,
                        "notionalFloor": 0,
                        "maintMarginRatio": 0.0065,
                        "cum": 0,
                    },
                    {
                        "bracket": 2,
                        "initialLeverage": 50,
                        "notionalCap": 50_000,
                        "notionalFloor": 10_000,
                        "maintMarginRatio": 0.01,
                        "cum": 35,
                    },
                    {
                        "bracket": 3,
                        "initialLeverage": 1,
                        "notionalCap": 2**63 - 1,
                        "notionalFloor": 50_000,
                        "maintMarginRatio": 0.5,
                        "cum": 9,
                    },
                ],
            }
        ],
        ("GET", "account/apiRestrictions"): some_rights(),
        ("POST", "marginType"): done,
        ("POST", "positionSide/dual"): done,
        ("POST", "leverage"): {"leverage": 5, "maxNotionalValue": "1000000", "symbol": "BTCUSDT"},
        ("GET", "klines"): some_klines(),
        ("GET", "ticker/bookTicker"): {
            "symbol": "BTCUSDT",
            "bidPrice": "101.40",
            "bidQty": "12.000",
            "askPrice": "101.60",
            "askQty": "9.000",
            "time": NOW_MS,
        },
        ("GET", "premiumIndex"): {
            "symbol": "BTCUSDT",
            "markPrice": "101.50000000",
            "indexPrice": "101.49000000",
            "estimatedSettlePrice": "101.48000000",
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": NOW_MS,
            "time": NOW_MS,
        },
        ("GET", "fundingRate"): some_funding_rates(),
        ("GET", "time"): {"serverTime": NOW_MS},
    }


@dataclass(slots=True)
class RawVenue:
    """The session that ccxt is given. `say` writes an answer; `asked` has each request as (method, endpoint, parameters)."""

    answers: dict[tuple[str, str], Json] = field(default_factory=honest_answers)
    mutate: Callable[[str, str, bytes], tuple[int, bytes]] = lambda _, __, body: (200, body)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    bodies: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)

    def say(self, method: str, endpoint: str, answer: Json) -> None:
        self.answers[method, endpoint] = answer

    def say_bytes(self, body: bytes, status: int = 200, *, method: str | None = None) -> None:
        """Give these bytes for every request (of a method)."""
        self.bodies = {key: (status, body) for key in self.answers if method in (None, key[0])}

    def request(self, method: str, url: str, *, data: bytes | None = None, **_: Any) -> Answer:
        split = urlsplit(url)
        endpoint = split.path.removeprefix(FUTURES).removeprefix(SPOT).partition("/")[2]
        parameters = dict(parse_qsl(f"{split.query}&{(data or b'').decode()}"))
        self.asked.append((method, endpoint, parameters))
        status, body = self.bodies.get((method, endpoint)) or (
            200,
            json.dumps(self._answer(method, endpoint, parameters)).encode(),
        )
        if status == 200:
            status, body = self.mutate(method, endpoint, body)
        return Answer(status, "", {"Content-Type": "application/json"}, body)

    def _answer(self, method: str, endpoint: str, parameters: Mapping[str, str]) -> Json:
        answer = self.answers[method, endpoint]
        if endpoint == "positionRisk" and "symbol" in parameters and not answer:
            return [a_position(positionAmt="0.000", entryPrice="0.0", notional="0", unRealizedProfit="0.00000000")]
        return answer

    def close(self) -> None:
        """There is no connection."""

    def connect(self) -> CcxtVenue:
        """The adapter, as the executor gets it."""
        return CcxtVenues(self.templates()).connect("paper", "account-1", "1", Credentials("key", "secret"))

    def market_data(self) -> CcxtMarketData:
        return CcxtMarketData(self.templates())

    def templates(self) -> Templates:
        """Templates whose clients speak to this venue."""
        made = _templates()
        made.of("paper").session = self
        return made


@cache
def _templates() -> Templates:
    markets = {BTC: a_market()}
    return Templates({"paper": ("binanceusdm", "http://venue.test")}, lambda _: markets)
