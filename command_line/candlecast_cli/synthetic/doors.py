"""The doors of a run: the webhook as senders use it, the paper exchange as its operator and its customers do."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Credentials
from candlecast.signals.authentication import SIGNATURE_PREFIX, sign
from candlecast_cli.https import Https

MAX_TOLD_CHARACTERS = 300
UNREADABLE = "ANSWER_UNREADABLE"
SIGNAL_ID = re.compile(r"[0-9a-f]{32}")

PAPER_ACCOUNT = "candlecast-synthetic"
BALANCES = {"USDT": "100000", "USDC": "100000"}  # a run costs some 0.10 in fees: enough for a million of them
OWN_SYMBOL = "SYNTHUSDT"
OWN_MARKET = {"symbol": OWN_SYMBOL, "base": "SYNTH", "quote": "USDT", "tick_size": "0.01", "step_size": "0.001"}
OWN_PRICE = "100"
OWN_CANDLES = 60
# Long before any recorded candle: a market whose candles lie after the clock has no price, and spoils the list of all prices.
OWN_CANDLES_FROM_MS = 1_262_304_000_000
MINUTE_MS = 60_000
RECEIVE_WINDOW_MS = 30_000  # the clock of a build machine may be off by seconds
EXISTS = frozenset({"ACCOUNT_EXISTS", "KEY_EXISTS"})


class Webhook(Protocol):
    """The webhook of a source."""

    def send(self, source_id: str, secret: str, body: Mapping[str, object]) -> str:
        """Send a message; the signal's id. Raises `Reject` for a refusal, `RetryLater` where a sender may send the same again."""
        ...


class PaperDoor(Protocol):
    """The paper exchange, as far as a run needs it. Every method raises `RetryLater` if it does not answer."""

    def open_account(self) -> Credentials:
        """The keys of the run's paper account, which is opened if there is none. Raises `Reject`."""
        ...

    def symbols(self) -> frozenset[str]:
        """The venue's symbols of all listed markets."""
        ...

    def open_market(self) -> None:
        """List a market of the run's own, whose price stands still, and start the market clock. Raises `Reject`."""
        ...

    def price(self, symbol: str) -> Decimal | None:
        """The last price; None for a market without one."""
        ...

    def filled(self, symbol: str, client_order_id: str) -> Decimal | None:
        """The quantity of an order that has been filled whole; None for any other."""
        ...

    def held(self) -> Mapping[str, Decimal]:
        """Symbol to the amount that the paper account holds; nothing else is named."""
        ...

    def open_orders(self) -> frozenset[str]:
        """Client ids of the paper account's open orders, conditional ones too."""
        ...


class HttpWebhook:
    """`Webhook` over HTTPS, signed as a sender signs that can."""

    def __init__(self, base_url: str, https: Https, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._https = https
        self._clock = clock

    def send(self, source_id: str, secret: str, body: Mapping[str, object]) -> str:
        raw, timestamp = json.dumps(body).encode(), str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Candlecast-Timestamp": timestamp,
            "X-Candlecast-Signature": SIGNATURE_PREFIX + sign(secret, timestamp, raw),
        }
        status, answer = self._https.ask("POST", f"{self._base_url}/webhooks/{source_id}", headers, raw)
        known = answer if isinstance(answer, dict) else {}
        if status == HTTPStatus.ACCEPTED:
            signal_id = known.get("signal_id")
            if isinstance(signal_id, str) and SIGNAL_ID.fullmatch(signal_id):
                return signal_id
            raise Reject(UNREADABLE, "202 without the id of a signal")
        raise _refusal(status, known)


class HttpPaperDoor:
    """`PaperDoor` over HTTPS: accounts and markets by the operator's door, everything else signed as any customer does.

    The paper account's keys follow from the operator's key, which opens all of the exchange. So no run has to remember keys, and
    keys of the paper exchange can trade nowhere else.
    """

    def __init__(self, base_url: str, operator_key: str, https: Https, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._operator_key = operator_key
        self._https = https
        self._clock = clock
        self._keys = Credentials(self._derived("api key"), self._derived("api secret"))

    def open_account(self) -> Credentials:
        keys = {"api_key": self._keys.api_key, "api_secret": self._keys.api_secret}
        new = {"account_id": PAPER_ACCOUNT, "balances": BALANCES}
        if self._operate("POST", "/accounts", {**new, **keys}, EXISTS) in EXISTS and not self._takes_keys():
            # of another operator's key, which was rotated since
            self._operate("POST", f"/accounts/{PAPER_ACCOUNT}/keys", keys, EXISTS)
            if not self._takes_keys():
                raise Reject("PAPER_KEYS_REFUSED", f"the paper exchange refuses the keys of its account {PAPER_ACCOUNT}")
        return self._keys

    def symbols(self) -> frozenset[str]:
        rows = _rows(self._public("/fapi/v1/exchangeInfo"), "symbols")
        return frozenset(_text(row, "symbol") for row in rows)

    def open_market(self) -> None:
        self._operate("PUT", "/markets", {"markets": [OWN_MARKET]})
        candles = [[OWN_CANDLES_FROM_MS + number * MINUTE_MS, *[OWN_PRICE] * 4, "1"] for number in range(OWN_CANDLES)]
        self._operate("POST", f"/markets/{OWN_SYMBOL}/candles?interval=1m&restart=true", candles)
        self._operate("PUT", "/clock", {"mode": "wall"})

    def price(self, symbol: str) -> Decimal | None:
        try:
            return _number(self._public(f"/fapi/v1/ticker/price?symbol={quote(symbol)}"), "price")
        except Reject:
            return None

    def filled(self, symbol: str, client_order_id: str) -> Decimal | None:
        try:
            order = self._signed("/fapi/v1/order", symbol=symbol, origClientOrderId=client_order_id)
        except Reject:  # not there yet
            return None
        return _number(order, "executedQty") if _text(order, "status") == "FILLED" else None

    def held(self) -> Mapping[str, Decimal]:
        rows = _rows({"rows": self._signed("/fapi/v3/positionRisk")}, "rows")
        amounts = {_text(row, "symbol"): _number(row, "positionAmt") for row in rows}
        return {symbol: amount for symbol, amount in amounts.items() if amount}

    def open_orders(self) -> frozenset[str]:
        plain = _rows({"rows": self._signed("/fapi/v1/openOrders")}, "rows")
        conditional = _rows({"rows": self._signed("/fapi/v1/openAlgoOrders")}, "rows")
        return frozenset([_text(row, "clientOrderId") for row in plain] + [_text(row, "clientAlgoId") for row in conditional])

    def _derived(self, name: str) -> str:
        return hmac.new(self._operator_key.encode(), f"candlecast synthetic {name}".encode(), hashlib.sha256).hexdigest()

    def _takes_keys(self) -> bool:
        try:
            self.held()
        except Reject:
            return False
        return True

    def _operate(self, method: str, path: str, body: Any, expected: frozenset[str] = frozenset()) -> str:
        """The code of a refusal that is `expected`; empty if the operator's request was carried out."""
        headers = {"X-Operator-Key": self._operator_key, "Content-Type": "application/json"}
        url = f"{self._base_url}/operator{path}"
        try:
            self._taken(*self._https.ask(method, url, headers, json.dumps(body).encode()))
        except Reject as error:
            if error.code not in expected:
                raise
            return error.code
        return ""

    def _public(self, path: str) -> Any:
        return self._taken(*self._https.ask("GET", self._base_url + path, {}))

    def _signed(self, path: str, **parameters: str) -> Any:
        stamp = {"recvWindow": RECEIVE_WINDOW_MS, "timestamp": round(self._clock.now().timestamp() * 1000)}
        payload = urlencode({**parameters, **stamp}, quote_via=quote)
        signature = hmac.new(self._keys.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        url = f"{self._base_url}{path}?{payload}&signature={signature}"
        return self._taken(*self._https.ask("GET", url, {"X-MBX-APIKEY": self._keys.api_key}))

    @staticmethod
    def _taken(status: int, answer: Any) -> Any:
        """The answer of a request that was taken. Raises `Reject` with the exchange's code, `RetryLater` for 5xx and 429."""
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        raise _refusal(status, answer if isinstance(answer, dict) else {})


def _refusal(status: int, answer: Mapping[str, Any]) -> Reject | RetryLater:
    """The refusal in an answer, with the door's own code; 5xx and 429 may be asked again."""
    code = str(answer.get("code", f"HTTP_{status}"))
    told = answer.get("detail") or answer.get("message") or answer.get("msg") or "no reason was told"
    text = str(told)[:MAX_TOLD_CHARACTERS]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return RetryLater(code, text, after_seconds=1)
    return Reject(code, text)


def _rows(answer: Any, name: str) -> list[Any]:
    rows = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise RetryLater(UNREADABLE, f"no list of {name}", after_seconds=1)
    return rows


def _text(row: Any, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, str):
        raise RetryLater(UNREADABLE, f"no {name}", after_seconds=1)
    return value


def _number(row: Any, name: str) -> Decimal:
    try:
        number = Decimal(_text(row, name))
    except InvalidOperation:
        raise RetryLater(UNREADABLE, f"{name} is no number", after_seconds=1) from None
    if not number.is_finite():
        raise RetryLater(UNREADABLE, f"{name} is no number", after_seconds=1)
    return number
