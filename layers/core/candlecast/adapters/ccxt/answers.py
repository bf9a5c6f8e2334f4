"""A venue's answer is data only if it has the documented shape. Each answer is checked here before ccxt reads it.

ccxt believes what it gets. An empty body, a page of HTML and `{}` become an empty list of positions, or an order that is open and
has no id. Here an answer must be JSON of the right kind with the fields that we act on. Numbers are finite and within bounds,
words are known, and ids and symbols are those that were asked about.

Shapes are those of https://developers.binance.com/docs/derivatives/usds-margined-futures, as each endpoint's page shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import ccxt

from candlecast.domain.values.timeframe import Timeframe

MAX_ROWS = 10_000  # several times the most that any endpoint lists: 1,500 candles, a few hundred markets, 1,000 trades
LARGEST = 10**15  # of any number: in base units, in quote units, or a price; a thousand times the largest turnover of a day
FIRST_MS, LAST_MS = 1_500_000_000_000, 4_102_444_800_000  # 2017 to 2100: seconds or microseconds are no milliseconds
MAX_ID = 2**63 - 1
HIGHEST_FEE_RATE = 0.05  # of the notional: a hundred times what Binance's lowest tier pays, so more is no rate
HIGHEST_CAP = 10**19  # of a position; the last bracket of some markets ends at the largest whole number of 64 bits
HIGHEST_COEFFICIENT = 100  # of an account's own brackets: many times what Binance's documents show
MAX_TEXT = 100  # characters of a name or an id; Binance gives up to 36
AVERAGE_BETWEEN = 0.5, 2.0  # price times quantity, as a part of the quote amount: an average is rounded, and not to another price
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?", re.ASCII)
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)

SIDES = frozenset({"BUY", "SELL"})
POSITION_SIDES = frozenset({"BOTH", "LONG", "SHORT"})
ORDER_STATES = frozenset(
    {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH", "NEW_INSURANCE", "NEW_ADL"}
)
FILLED_STATES = frozenset({"FILLED", "PARTIALLY_FILLED"})
KEY_RIGHTS = (
    "ipRestrict",
    "enableReading",
    "enableWithdrawals",
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableFutures",
)
ALGO_STATES = frozenset({"NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "REJECTED", "EXPIRED"})

Asked = Mapping[str, Any]
Check = Callable[[Asked, Any], None]


class AnswerUnusable(ccxt.BadResponse):  # type: ignore[misc]
    """An answer without the documented shape. The text names a field of ours, and nothing that the venue sent."""


def checked(venue_class: type) -> Callable[..., Any]:
    """The method `request` of a ccxt class whose answers are checked; raises `AnswerUnusable`."""

    def request(
        self: Any, path: str, api: Any = "public", method: str = "GET", params: Asked | None = None, config: Any = None
    ) -> Any:
        asked = params or {}
        answer = venue_class.request(self, path, api, method, asked, config or {})  # type: ignore[attr-defined]
        check_answer(method, path, asked, answer, is_futures=str(api[0]).startswith("fapi"))
        return answer

    return request


def check_answer(method: str, path: str, asked: Asked, answer: Any, *, is_futures: bool = True) -> None:
    """Raise `AnswerUnusable` unless an answer has the shape of its endpoint at Binance; of an unknown endpoint: any JSON."""
    try:
        if not isinstance(answer, dict | list):
            _refuse("no JSON")
        check = (_CHECKS if is_futures else _SPOT_CHECKS).get((method, path))
        if check is not None:
            check(asked, answer)
    except _Unfit as unfit:
        raise AnswerUnusable(f"{method} {path}: {unfit}") from None


class _Unfit(Exception):
    """The name of a field that is missing or cannot be."""


def _refuse(what: str) -> NoReturn:
    raise _Unfit(what)


# -- parts of an answer ------------------------------------------------------------------------------------------------------


def _fields(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        _refuse("no object")
    return answer


def _rows(answer: Any) -> list[Any]:
    if not isinstance(answer, list) or len(answer) > MAX_ROWS:
        _refuse("no list")
    return answer


def _number(fields: Mapping[str, Any], name: str) -> float:
    """A finite number within bounds, as text or as JSON's own."""
    value: Any = fields.get(name)
    if type(value) is str:
        if not _NUMBER.fullmatch(value):
            _refuse(name)
    elif type(value) not in (int, float) or not -LARGEST < value < LARGEST:  # NaN and infinity compare as neither
        _refuse(name)
    return float(value)


def _not_negative(fields: Mapping[str, Any], name: str) -> float:
    value = _number(fields, name)
    if value < 0:
        _refuse(name)
    return value


def _positive(fields: Mapping[str, Any], name: str) -> float:
    value = _number(fields, name)
    if value <= 0:
        _refuse(name)
    return value


def _optional(fields: Mapping[str, Any], name: str) -> float | None:
    return None if fields.get(name) in (None, "") else _number(fields, name)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        _refuse(name)
    return value


def _word(fields: Mapping[str, Any], name: str, words: frozenset[str]) -> str:
    value = fields.get(name)
    if type(value) is not str or value not in words:
        _refuse(name)
    return value


def _id(fields: Mapping[str, Any], name: str) -> str:
    """A whole number, as JSON's own or as text."""
    value = fields.get(name)
    if type(value) is int:
        if not 0 < value <= MAX_ID:
            _refuse(name)
    elif type(value) is not str or not _DIGITS.fullmatch(value):
        _refuse(name)
    return str(value)


def _moment(fields: Mapping[str, Any], name: str) -> int:
    value = int(_id(fields, name))
    if not FIRST_MS <= value <= LAST_MS:
        _refuse(name)
    return value


def _same(asked: Asked, parameter: str, answered: str) -> None:
    """An answer is about what was asked, where that was named."""
    if parameter in asked and str(asked[parameter]) != answered:
        _refuse(parameter)


# -- orders ------------------------------------------------------------------------------------------------------------------


def _order(asked: Asked, answer: Any) -> None:
    order = _fields(answer)
    _same(asked, "symbol", _text(order, "symbol"))
    _same(asked, "orderId", _id(order, "orderId"))
    client_order_id = _text(order, "clientOrderId")
    _same(asked, "newClientOrderId", client_order_id)
    _same(asked, "origClientOrderId", client_order_id)
    _same(asked, "side", _word(order, "side", SIDES))
    status = _word(order, "status", ORDER_STATES)
    quantity, executed = _not_negative(order, "origQty"), _not_negative(order, "executedQty")
    if executed > quantity > 0 or (executed > 0 and status == "NEW") or (executed == 0 and status in FILLED_STATES):
        _refuse("executedQty")
    if executed > 0:
        _average(order, executed)


def _average(order: Mapping[str, Any], executed: float) -> None:
    """An average price, a quote amount, or both; they agree, but for rounding."""
    average, amount = _optional(order, "avgPrice") or 0.0, _optional(order, "cumQuote") or 0.0
    least, most = AVERAGE_BETWEEN
    if average < 0 or amount < 0 or average + amount == 0:
        _refuse("avgPrice")
    if average and amount and not least * amount <= average * executed <= most * amount:
        _refuse("cumQuote")


def _algo(asked: Asked, answer: Any) -> None:
    order = _fields(answer)
    _same(asked, "symbol", _text(order, "symbol"))
    _same(asked, "algoId", _id(order, "algoId"))
    _same(asked, "clientAlgoId", _text(order, "clientAlgoId"))
    _same(asked, "side", _word(order, "side", SIDES))
    _word(order, "algoStatus", ALGO_STATES)
    _optional(order, "triggerPrice")
    if (_optional(order, "quantity") or 0.0) < 0:
        _refuse("quantity")
    if order.get("actualOrderId") not in (None, "", 0):
        _id(order, "actualOrderId")


def _cancelled_algo(asked: Asked, answer: Any) -> None:
    told = _fields(answer)
    _same(asked, "algoId", _id(told, "algoId"))
    _same(asked, "clientAlgoId", _text(told, "clientAlgoId"))
    _done(asked, answer)


def _done(_: Asked, answer: Any) -> None:
    """`{"code": 200, "msg": "success"}`; errors have become exceptions of ccxt before."""
    if str(_fields(answer).get("code")) != "200":
        _refuse("code")


def _leverage(asked: Asked, answer: Any) -> None:
    told = _fields(answer)
    _same(asked, "symbol", _text(told, "symbol"))
    if "leverage" in asked and _number(told, "leverage") != float(asked["leverage"]):
        _refuse("leverage")


def _each(check: Check, key: str) -> Check:
    """A list of rows without repeats; an empty one is an answer, too."""

    def each(asked: Asked, answer: Any) -> None:
        rows = _rows(answer)
        for row in rows:
            check(asked, row)
        if len({row[key] for row in rows}) != len(rows):
            _refuse(key)

    return each


# -- the account -------------------------------------------------------------------------------------------------------------


def _trade(asked: Asked, answer: Any) -> None:
    trade = _fields(answer)
    _same(asked, "symbol", _text(trade, "symbol"))
    _same(asked, "orderId", _id(trade, "orderId"))
    _id(trade, "id")
    _word(trade, "side", SIDES)
    if "positionSide" in trade:
        _word(trade, "positionSide", POSITION_SIDES)
    _positive(trade, "price")
    _positive(trade, "qty")
    _number(trade, "commission")
    _text(trade, "commissionAsset")
    if _moment(trade, "time") < int(asked.get("startTime") or 0):
        _refuse("time")


def _positions(asked: Asked, answer: Any) -> None:
    """By market and side; a market that was asked for is named by its row also when nothing is held there."""
    rows = _rows(answer)
    for row in rows:
        _position(asked, row)
    if len({(row["symbol"], row["positionSide"]) for row in rows}) != len(rows) or ("symbol" in asked and not rows):
        _refuse("symbol")


def _position(asked: Asked, answer: Any) -> None:
    position = _fields(answer)
    _same(asked, "symbol", _text(position, "symbol"))
    side, amount = _word(position, "positionSide", POSITION_SIDES), _number(position, "positionAmt")
    if (amount < 0 and side == "LONG") or (amount > 0 and side == "SHORT"):
        _refuse("positionAmt")
    if amount:
        _positive(position, "entryPrice")
    for name in ("markPrice", "liquidationPrice", "unRealizedProfit", "notional"):
        _optional(position, name)


def _account(_: Asked, answer: Any) -> None:
    account = _fields(answer)
    _number(account, "totalMarginBalance")
    _number(account, "availableBalance")
    assets = _rows(account.get("assets"))
    for asset in assets:
        _text(_fields(asset), "asset")
        _number(asset, "marginBalance")
    if len({asset["asset"] for asset in assets}) != len(assets):
        _refuse("asset")


def _incomes(asked: Asked, answer: Any) -> None:
    """Of the kind and the span that were asked for. A number is unique among incomes of one kind; rows do not repeat."""
    rows = _rows(answer)
    for row in rows:
        income = _fields(row)
        _same(asked, "incomeType", _text(income, "incomeType"))
        if not isinstance(income.get("symbol"), str) or len(income["symbol"]) > MAX_TEXT:  # a transfer has none
            _refuse("symbol")
        _number(income, "income")
        _text(income, "asset")
        _id(income, "tranId")
        if not int(asked.get("startTime") or 0) <= _moment(income, "time") <= int(asked.get("endTime") or LAST_MS):
            _refuse("time")
    if len({(row["incomeType"], row["tranId"], row["symbol"], row["asset"]) for row in rows}) != len(rows):
        _refuse("tranId")


def _fee_rates(asked: Asked, answer: Any) -> None:
    told = _fields(answer)
    _same(asked, "symbol", _text(told, "symbol"))
    for name in ("makerCommissionRate", "takerCommissionRate"):
        if abs(_number(told, name)) > HIGHEST_FEE_RATE:
            _refuse(name)


def _leverage_brackets(_: Asked, answer: Any) -> None:
    """Of each symbol once."""
    rows = _rows(answer)
    for row in rows:
        _text(_fields(row), "symbol")
        if not 0 < (_optional(row, "notionalCoef") or 1.0) <= HIGHEST_COEFFICIENT:
            _refuse("notionalCoef")
        for bracket in _rows(row.get("brackets")):
            _positive(_fields(bracket), "initialLeverage")
            cap = bracket.get("notionalCap")
            if type(cap) not in (int, float) or not 0 < cap <= HIGHEST_CAP:
                _refuse("notionalCap")
    if len({row["symbol"] for row in rows}) != len(rows):
        _refuse("symbol")


def _key_rights(_: Asked, answer: Any) -> None:
    """Rights are JSON's true and false. A right that is not told must not pass for one that the key lacks."""
    told = _fields(answer)
    for name in KEY_RIGHTS:
        if type(told.get(name)) is not bool:
            _refuse(name)


# -- public data -------------------------------------------------------------------------------------------------------------


def _klines(asked: Asked, answer: Any) -> None:
    """In the order of their opening, none before the start that was asked for, each a whole interval from its boundary."""
    interval, before = asked.get("interval"), int(asked.get("startTime") or 0) - 1
    length = Timeframe(interval).milliseconds if interval in set(Timeframe) else None
    for row in _rows(answer):
        if not isinstance(row, list) or len(row) < 7:
            _refuse("kline")
        opened, closed = row[0], row[6]
        if type(opened) is not int or type(closed) is not int or not max(before + 1, FIRST_MS) <= opened <= LAST_MS:
            _refuse("openTime")
        if opened <= before or (length is not None and (opened % length or closed - opened + 1 != length)):
            _refuse("closeTime")
        if not all(type(value) is str and _NUMBER.fullmatch(value) for value in row[1:6]):
            _refuse("price")
        before = opened


def _best_prices(asked: Asked, answer: Any) -> None:
    told = _fields(answer)
    _same(asked, "symbol", _text(told, "symbol"))
    if _positive(told, "bidPrice") > _positive(told, "askPrice"):
        _refuse("askPrice")


def _mark_price(asked: Asked, answer: Any) -> None:
    told = _fields(answer)
    _same(asked, "symbol", _text(told, "symbol"))
    _positive(told, "markPrice")
    if abs(_optional(told, "lastFundingRate") or 0.0) > 1:
        _refuse("lastFundingRate")


def _funding_rates(asked: Asked, answer: Any) -> None:
    """Of the market and within the time that were asked for, in the order of their settlement."""
    before, until = int(asked.get("startTime") or FIRST_MS) - 1, int(asked.get("endTime") or LAST_MS)
    for row in map(_fields, _rows(answer)):
        _same(asked, "symbol", _text(row, "symbol"))
        settled = row.get("fundingTime")
        if type(settled) is not int or not before < settled <= until:
            _refuse("fundingTime")
        if abs(_number(row, "fundingRate")) >= 1:
            _refuse("fundingRate")
        before = settled


def _markets(_: Asked, answer: Any) -> None:
    rows = _rows(_fields(answer).get("symbols"))
    if not rows:
        _refuse("symbols")
    for row in rows:
        _text(_fields(row), "symbol")


def _server_time(_: Asked, answer: Any) -> None:
    _moment(_fields(answer), "serverTime")


_CHECKS: Mapping[tuple[str, str], Check] = {
    ("POST", "order"): _order,
    ("GET", "order"): _order,
    ("DELETE", "order"): _order,
    ("POST", "algoOrder"): _algo,
    ("GET", "algoOrder"): _algo,
    ("DELETE", "algoOrder"): _cancelled_algo,
    ("GET", "openOrders"): _each(_order, "orderId"),
    ("GET", "openAlgoOrders"): _each(_algo, "algoId"),
    ("POST", "marginType"): _done,
    ("POST", "positionSide/dual"): _done,
    ("POST", "leverage"): _leverage,
    ("GET", "userTrades"): _each(_trade, "id"),
    ("GET", "positionRisk"): _positions,
    ("GET", "account"): _account,
    ("GET", "income"): _incomes,
    ("GET", "commissionRate"): _fee_rates,
    ("GET", "leverageBracket"): _leverage_brackets,
    ("GET", "klines"): _klines,
    ("GET", "ticker/bookTicker"): _best_prices,
    ("GET", "premiumIndex"): _mark_price,
    ("GET", "fundingRate"): _funding_rates,
    ("GET", "exchangeInfo"): _markets,
    ("GET", "time"): _server_time,
}
_SPOT_CHECKS: Mapping[tuple[str, str], Check] = {("GET", "account/apiRestrictions"): _key_rights}
