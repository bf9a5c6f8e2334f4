"""Binance USD-M beneath ccxt: its class, signing and parsing are real, only the network is not.

One account, one market, a price that stands still. As the venue does, it takes a client id again once the first order has closed,
so a blind resend executes twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.crash_points.faults import (
    CANCEL_FAULTS,
    ORDER_FAULTS,
    QUESTION_FAULTS,
    RESTING_ORDER_FAULTS,
    Crash,
    Fault,
    Script,
)

LATE = timedelta(seconds=14)  # within the receive window (5 s) and the venue's processing time-out (10 s)
HIDDEN = timedelta(seconds=20)  # a look-up before the settle window's end proves nothing
FEE = Decimal("0.0005")
STEP = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the venue has it; `trigger` is a conditional one's. It is seen by look-ups from `visible_at` on."""

    venue_id: int
    client_id: str
    side: str
    quantity: Decimal
    filled: Decimal
    status: str
    reduce_only: bool
    placed_at: datetime
    visible_at: datetime
    kind: str = "MARKET"
    trigger: Decimal | None = None


@dataclass(slots=True)
class Book:
    """What the venue knows: state of the explored world."""

    orders: tuple[Order, ...] = ()
    arriving: tuple[tuple[datetime, tuple[tuple[str, str], ...]], ...] = ()
    net: Decimal = Decimal(0)


class Answer:
    """As much of a `requests` response as ccxt reads."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code, self.text, self.reason = status, json.dumps(body), "told to"
        self.headers: dict[str, str] = {}
        self.content, self.encoding = self.text.encode(), "utf-8"

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(f"{self.status_code}", response=self)  # type: ignore[arg-type]


@dataclass(slots=True)
class FakeVenue:
    """Answers in place of ccxt's HTTP session. `price` is the one of the only market."""

    now: Callable[[], datetime]
    script: Script = field(default_factory=Script)
    book: Book = field(default_factory=Book)
    price: Decimal = Decimal(100)
    keys: set[str] = field(default_factory=set)
    on_order: Callable[..., None] = field(default=lambda *_, **__: None)

    def request(self, method: str, url: str, data: Any = None, headers: Any = None, **_: Any) -> Answer:
        """One HTTP request."""
        self.keys.add(str((headers or {}).get("X-MBX-APIKEY")))
        self.arrive()
        parts = urlsplit(url)
        text = "&".join(part for part in (parts.query, data.decode() if isinstance(data, bytes) else data) if part)
        return self._route(method, parts.path.split("/", 3)[-1], dict(parse_qsl(text)))

    def arrive(self) -> None:
        """Let come into the book what is due by now."""
        due = [what for at, what in self.book.arriving if at <= self.now()]
        self.book.arriving = tuple((at, what) for at, what in self.book.arriving if at > self.now())
        for what in due:
            self._place(dict(what), self.now())

    def _route(self, method: str, path: str, asked: dict[str, str]) -> Answer:
        if method == "POST" and path in ("order", "algoOrder"):
            return self._order(asked)
        if method == "DELETE":
            return self._cancel(asked)
        if self.script.at(f"ask for {path}", QUESTION_FAULTS) is Fault.LOST_TIMEOUT:
            raise requests.exceptions.ReadTimeout("told to")
        return Answer(*self._read(path, asked))

    # -- orders ------------------------------------------------------------------------------------------------------------

    def _order(self, asked: dict[str, str]) -> Answer:
        market = "triggerPrice" not in asked
        is_entry = asked.get("reduceOnly") != "true"
        self.on_order(asked.get("newClientOrderId") or asked["clientAlgoId"], entry=is_entry)
        fault = self.script.at(
            f"place {asked['side']} {asked.get('type')}", ORDER_FAULTS if market and is_entry else RESTING_ORDER_FAULTS
        )
        now = self.now()
        if fault is Fault.REJECTED:
            return Answer(400, {"code": -2019, "msg": "Margin is insufficient."})
        if fault is Fault.RATE_LIMITED:
            return Answer(429, {"code": -1003, "msg": "Too many requests."})
        if fault is Fault.LOST_TIMEOUT:
            raise requests.exceptions.ReadTimeout("told to")
        if fault is Fault.LOST_1007:
            return Answer(408, {"code": -1007, "msg": "Timeout waiting for response from backend server."})
        if fault is Fault.LATE_TIMEOUT:
            self.book.arriving += ((now + LATE, tuple(asked.items())),)
            raise requests.exceptions.ReadTimeout("told to")
        visible_at = now + HIDDEN if fault is Fault.HIDDEN_TIMEOUT else now
        placed = self._place(asked, visible_at, part=fault is Fault.PARTLY_FILLED)
        if fault is Fault.CRASH_AFTER:
            raise Crash("after an order")
        if fault in (Fault.EXECUTED_TIMEOUT, Fault.HIDDEN_TIMEOUT):
            raise requests.exceptions.ReadTimeout("told to")
        if fault is Fault.EXECUTED_5XX:
            return Answer(503, {"code": -1000, "msg": "An unknown error occurred."})
        if fault is Fault.EXECUTED_1007:
            return Answer(408, {"code": -1007, "msg": "Timeout waiting for response from backend server."})
        if placed is None:
            return Answer(400, {"code": -2022, "msg": "ReduceOnly Order is rejected."})
        return Answer(200, _algo(placed) if placed.trigger is not None else self._shown(placed))

    def _place(self, asked: dict[str, str], visible_at: datetime, *, part: bool = False) -> Order | None:
        """Take an order into the book; a reduce-only one takes at most what is held, and nothing if nothing is."""
        now, quantity = self.now(), Decimal(asked["quantity"])
        reduces = asked.get("reduceOnly") == "true"
        sign = 1 if asked["side"] == "BUY" else -1
        client_id = asked.get("newClientOrderId") or asked["clientAlgoId"]
        made = Order(
            venue_id=len(self.book.orders) + 1,
            client_id=client_id,
            side=asked["side"],
            quantity=quantity,
            filled=Decimal(0),
            status="NEW",
            reduce_only=reduces,
            placed_at=now,
            visible_at=visible_at,
            kind=asked["type"],
            trigger=Decimal(asked["triggerPrice"]) if "triggerPrice" in asked else None,
        )
        if made.trigger is None:
            held = max(-sign * self.book.net, Decimal(0))
            if reduces and held == 0:
                return None
            taken = min(quantity, held) if reduces else quantity
            taken = taken / 2 // STEP * STEP if part else taken
            made = replace(made, filled=taken, status="EXPIRED" if part else "FILLED")
            self.book.net += sign * taken
        self.book.orders += (made,)
        return made

    def _cancel(self, asked: dict[str, str]) -> Answer:
        fault = self.script.at("cancel an order", CANCEL_FAULTS)
        if fault is Fault.LOST_TIMEOUT:
            raise requests.exceptions.ReadTimeout("told to")
        wanted = asked.get("clientAlgoId") or asked.get("origClientOrderId")
        found = next((o for o in self.book.orders if o.client_id == wanted and o.status == "NEW"), None)
        if found is not None:
            self.book.orders = tuple(replace(o, status="CANCELED") if o is found else o for o in self.book.orders)
        if fault is Fault.CRASH_AFTER:
            raise Crash("after a cancellation")
        if fault is Fault.EXECUTED_TIMEOUT:
            raise requests.exceptions.ReadTimeout("told to")
        if found is None:
            return Answer(400, {"code": -2011, "msg": "Unknown order sent."})
        return Answer(200, {"algoId": found.venue_id, "clientAlgoId": found.client_id, "code": "200", "msg": "success"})

    # -- questions ---------------------------------------------------------------------------------------------------------

    def _read(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        if path in ("order", "algoOrder"):
            return self._find(path, asked)
        visible = [order for order in self.book.orders if order.visible_at <= self.now()]
        if path == "openOrders":
            return 200, []
        if path == "openAlgoOrders":
            return 200, [_algo(o) for o in visible if o.trigger is not None and o.status == "NEW"]
        if path == "userTrades":
            return 200, [self._trade(o) for o in visible if o.filled and self._is_asked_for(o, asked)]
        if path == "positionRisk":
            return 200, [self._position()] if self.book.net else []
        if path == "account":
            return 200, self._account()
        if path in ("leverage", "marginType"):
            return 200, {"code": 200, "msg": "success", "leverage": 10, "symbol": "BTCUSDT"}
        raise AssertionError(f"nothing answers {path}")

    def _find(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        wanted = asked.get("origClientOrderId") or asked.get("clientAlgoId")
        by_id = asked.get("orderId") or asked.get("algoId")
        for order in reversed(self.book.orders):
            matches = order.client_id == wanted if wanted else str(order.venue_id) == by_id
            if matches and order.visible_at <= self.now() and (order.trigger is not None) == (path == "algoOrder"):
                return 200, _algo(order) if path == "algoOrder" else self._shown(order)
        return 400, {"code": -2013, "msg": "Order does not exist."}

    def _is_asked_for(self, order: Order, asked: dict[str, str]) -> bool:
        if "orderId" in asked:
            return str(order.venue_id) == asked["orderId"]
        return _milliseconds(order.placed_at) >= int(asked.get("startTime", 0))

    def _shown(self, order: Order) -> dict[str, Any]:
        return {
            "orderId": order.venue_id,
            "symbol": "BTCUSDT",
            "status": order.status,
            "clientOrderId": order.client_id,
            "price": "0",
            "avgPrice": str(self.price if order.filled else 0),
            "origQty": str(order.quantity),
            "executedQty": str(order.filled),
            "cumQty": str(order.filled),
            "cumQuote": str(order.filled * self.price),
            "timeInForce": "GTC",
            "type": "MARKET",
            "origType": "MARKET",
            "reduceOnly": order.reduce_only,
            "closePosition": False,
            "side": order.side,
            "positionSide": "BOTH",
            "stopPrice": "0",
            "time": _milliseconds(order.placed_at),
            "updateTime": _milliseconds(order.placed_at),
        }

    def _trade(self, order: Order) -> dict[str, Any]:
        return {
            "symbol": "BTCUSDT",
            "id": order.venue_id,
            "orderId": order.venue_id,
            "side": order.side,
            "price": str(self.price),
            "qty": str(order.filled),
            "quoteQty": str(order.filled * self.price),
            "realizedPnl": "0",
            "commission": str(order.filled * self.price * FEE),
            "commissionAsset": "USDT",
            "time": _milliseconds(order.placed_at),
            "positionSide": "BOTH",
            "buyer": order.side == "BUY",
            "maker": False,
        }

    def _position(self) -> dict[str, Any]:
        return {
            "symbol": "BTCUSDT",
            "positionSide": "BOTH",
            "positionAmt": str(self.book.net),
            "entryPrice": str(self.price),
            "breakEvenPrice": str(self.price),
            "markPrice": str(self.price),
            "unRealizedProfit": "0",
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": str(self.book.net * self.price),
            "marginAsset": "USDT",
            "isolatedWallet": "0",
            "initialMargin": "0",
            "maintMargin": "0",
            "positionInitialMargin": "0",
            "openOrderInitialMargin": "0",
            "adl": 0,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": 0,
        }

    def _account(self) -> dict[str, Any]:
        return {"totalMarginBalance": "10000", "availableBalance": "10000", "totalWalletBalance": "10000", "assets": [], "positions": []}


def _algo(order: Order) -> dict[str, Any]:
    return {
        "algoId": order.venue_id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": "BTCUSDT",
        "side": order.side,
        "positionSide": "BOTH",
        "timeInForce": "GTC",
        "quantity": str(order.quantity),
        "algoStatus": order.status,
        "actualOrderId": "",
        "actualPrice": "0",
        "triggerPrice": str(order.trigger),
        "price": "0",
        "workingType": "CONTRACT_PRICE",
        "closePosition": False,
        "priceProtect": False,
        "reduceOnly": order.reduce_only,
        "createTime": _milliseconds(order.placed_at),
        "updateTime": _milliseconds(order.placed_at),
        "triggerTime": 0,
        "goodTillDate": 0,
    }


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
