"""The paper exchange's book over random orders and prices: no money appears and none is lost.

Equity is counted twice. The exchange counts from average entry prices. The law counts from the cash of each fill, from fees
and from incomes, without any entry price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from paper_exchange.accounts.account import ZERO, Account, Outcome, PositionSide, SymbolSettings
from paper_exchange.accounts.isolated import move_margin
from paper_exchange.accounts.margin import asset_margin
from paper_exchange.errors import VenueError
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.quotes import Stamp
from paper_exchange.matching.conditional import cancel_some_algo_orders, place_algo_order
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.reduce_only import expire_some
from paper_exchange.matching.resting import cancel_some_orders
from paper_exchange.matching.triggers import bring_up_to_date, is_up_to_date
from paper_exchange.requests.requests import parse_algo_order, parse_order
from tests.support.quotes import AHEAD_MS, MINUTE_MS, ListedQuotes, market

pytestmark = pytest.mark.slow

SYMBOLS = ("BTCUSDT", "ETHUSDT")
FIRST = Decimal(1_000)  # of either market, so that both matter alike
TICK, STEP = Decimal("0.1"), Decimal("0.001")
MINUTES = 500  # of candles: funding comes at minute 480
ROUNDING = Decimal("1e-12")  # of an average entry price with 28 digits, over all fills

CONDITIONAL = ("STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP", "TRAILING_STOP_MARKET")
moves = st.lists(st.integers(-60, 60), min_size=20, max_size=20)  # per mille of a candle, again and again
quantities = st.sampled_from(["0.001", "0.1", "0.5", "1", "2.5", "7"])
prices = st.integers(-50, 50)  # per mille away from the last price
sides = st.sampled_from(["BUY", "SELL"])
flags = st.booleans()
orders = st.fixed_dictionaries(
    {
        "do": st.just("order"),
        "symbol": st.sampled_from(SYMBOLS),
        "side": sides,
        "kind": st.sampled_from(
            ["MARKET", "LIMIT", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP", "TRAILING_STOP_MARKET"]
        ),
        "quantity": quantities,
        "away": prices,
        "reduces": flags,
        "lifetime": st.sampled_from(["GTC", "GTC", "IOC", "FOK", "GTX"]),
        "position": st.sampled_from(["LONG", "SHORT"]),
        "ratio": st.sampled_from([None, "0.3"]),
        "working": st.sampled_from(["CONTRACT_PRICE", "MARK_PRICE"]),
    }
)
others = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["wait", "wait", "wait", "cancel", "margin"]),
        "symbol": st.sampled_from(SYMBOLS),
        "minutes": st.sampled_from([1, 2, 5, 240]),
        "position": st.sampled_from(["LONG", "SHORT"]),
        "amount": st.sampled_from(["5", "-5", "200"]),
    }
)
steps = st.lists(st.one_of(orders, others), min_size=3, max_size=40)
worlds = st.fixed_dictionaries(
    {
        "balance": st.sampled_from([150, 2_000, 100_000]),
        "leverage": st.sampled_from([1, 5, 20, 125]),
        "isolated": flags,
        "hedged": flags,
        "rate": st.sampled_from(["0", "0.001", "-0.003"]),
        "ratio": st.sampled_from(["1", "1.02", "0.97"]),
        "share": st.sampled_from(["0", "0.4"]),
        "moves": moves,
    }
)


def quotes_of(world: Mapping[str, Any]) -> ListedQuotes:
    """Two markets that mirror each other, with fees, a spread and, perhaps, funding and a mark apart."""
    rules = {"taker_fee": Decimal("0.0005"), "maker_fee": Decimal("0.0002"), "half_spread_bps": Decimal(3)}
    specs = {name: market(name, **rules, volume_share=Decimal(world["share"])) for name in SYMBOLS}
    bars: dict[str, list[Bar]] = {}
    for sign, symbol in zip((1, -1), SYMBOLS, strict=True):
        last, found = FIRST, []
        for minute in range(MINUTES):
            after = max(tick(last * (1000 + sign * world["moves"][minute % 20]) / 1000), TICK)
            high, low = tick(max(last, after) * Decimal("1.004")), max(tick(min(last, after) * Decimal("0.996")), TICK)
            found.append(Bar(minute * MINUTE_MS, last, max(high, last, after), min(low, last, after), after, Decimal(10)))
            last = after
        bars[symbol] = found
    return ListedQuotes(bars, MINUTE_MS, specs, Decimal(world["rate"]), Decimal(world["ratio"]))


def tick(price: Decimal) -> Decimal:
    return price // TICK * TICK


def parameters_of(step: Mapping[str, Any], account: Account, quotes: ListedQuotes) -> dict[str, str]:
    """The step as a client of the dialect would send it."""
    last = quotes.last_price(step["symbol"])
    price = str(max(tick(last * (1000 + step["away"]) / 1000), TICK))
    found = {"symbol": step["symbol"], "side": step["side"], "type": step["kind"], "quantity": step["quantity"]}
    if account.hedged:
        found["positionSide"] = step["position"]
    elif step["reduces"]:
        found["reduceOnly"] = "true"
    if step["kind"] == "LIMIT":
        return {**found, "price": price, "timeInForce": step["lifetime"]}
    if step["kind"] == "MARKET":
        return found
    found |= {"algoType": "CONDITIONAL", "workingType": step["working"]}
    if step["kind"] == "TRAILING_STOP_MARKET":
        return {**found, "callbackRate": "1.5"}
    return {**found, "triggerPrice": price} | ({"price": price} if step["kind"] == "STOP" else {})


def take(account: Account, step: Mapping[str, Any], quotes: ListedQuotes) -> Outcome:
    """One step of a client; a refusal changes nothing."""
    stamp = Stamp("key-of-the-tests", AHEAD_MS + quotes.now_ms)
    side = PositionSide(step["position"]) if account.hedged else PositionSide.BOTH
    try:
        if step["do"] == "cancel":
            done = cancel_some_orders(account, step["symbol"], stamp.wall_ms)
            return done.then(cancel_some_algo_orders(done.account, step["symbol"], stamp.wall_ms))
        if step["do"] == "margin":
            return move_margin(account, step["symbol"], side, Decimal(step["amount"]), quotes, stamp)
        parameters = parameters_of(step, account, quotes)
        if "algoType" in parameters:
            return place_algo_order(account, parse_algo_order(parameters), quotes, stamp)[0]
        ratio = None if step["ratio"] is None else Decimal(step["ratio"])
        return place_order(account, parse_order(parameters), quotes, stamp, ratio)[0]
    except VenueError:
        return Outcome(account)


def settled(account: Account, quotes: ListedQuotes) -> Outcome:
    outcome = bring_up_to_date(account, quotes, quotes.dated)
    while not is_up_to_date(outcome.account, quotes):
        outcome = outcome.then(bring_up_to_date(outcome.account, quotes, quotes.dated))
    return outcome


def check_money(start: Decimal, history: Outcome, quotes: ListedQuotes) -> None:
    """Cash of the fills, fees and incomes make up the wallet and the equity; amounts make up the positions."""
    account = history.account
    fees, realized = sum((fill.fee for fill in history.fills), ZERO), sum((fill.realized for fill in history.fills), ZERO)
    incomes = sum((entry.amount for income in history.incomes for entry in income.entries), ZERO)
    assert abs(account.balances["USDT"] - (start + realized - fees + incomes)) < ROUNDING
    cash = start - fees + incomes
    held: dict[tuple[str, PositionSide], Decimal] = {}
    for fill in history.fills:
        signed = fill.quantity * fill.side.sign
        cash -= signed * fill.price
        held[fill.symbol, fill.position_side] = held.get((fill.symbol, fill.position_side), ZERO) + signed
    assert {key: amount for key, amount in held.items() if amount} == {key: account.position(*key).amount for key in account.held}
    worth = cash + sum((amount * quotes.mark_price(symbol) for (symbol, _), amount in held.items()), ZERO)
    assert abs(asset_margin(account, "USDT", quotes).balance - worth) < ROUNDING


def check_orders(history: Outcome) -> None:
    """Fills and orders tell the same, and nothing fills beyond its quantity."""
    executed: dict[int, Decimal] = {}
    for fill in history.fills:
        assert fill.quantity > 0
        assert fill.fee >= 0
        executed[fill.order_id] = executed.get(fill.order_id, ZERO) + fill.quantity
    ended = {order.order_id: order for order in history.orders}
    assert len(ended) == len(history.orders)
    for order_id, quantity in executed.items():
        order = ended.get(order_id) or history.account.orders[order_id]
        assert order.executed == quantity <= order.quantity
    for side in history.account.sides:
        for symbol in SYMBOLS:
            amount = history.account.position(symbol, side).amount
            assert (side is not PositionSide.LONG or amount >= 0) and (side is not PositionSide.SHORT or amount <= 0)


@settings(max_examples=300, deadline=None)
@given(worlds, steps)
def test_no_money_appears_and_none_is_lost(world: dict[str, Any], wanted: list[dict[str, Any]]) -> None:
    quotes, start = quotes_of(world), Decimal(world["balance"])
    symbol_settings = {symbol: SymbolSettings(world["leverage"], world["isolated"]) for symbol in SYMBOLS}
    account = Account(account_id="tester", created_ms=0, balances={"USDT": start}, evaluated_ms=MINUTE_MS)
    history = Outcome(replace(account, settings=symbol_settings, hedged=world["hedged"]))
    for step in wanted:
        if step["do"] == "wait":
            quotes = quotes.at(min(quotes.now_ms + step["minutes"] * MINUTE_MS, MINUTES * MINUTE_MS))
            history = history.then(settled(history.account, quotes))
        else:
            done = take(history.account, step, quotes)
            history = history.then(done).then(expire_some(done.account))
        check_money(start, history, quotes)
        check_orders(history)
    event(f"fills: {min(len(history.fills), 5)}")
    event(f"incomes: {sorted({str(income.kind) for income in history.incomes})}")


@settings(max_examples=100, deadline=None)
@given(worlds, steps)
def test_the_moments_of_the_looks_change_nothing(world: dict[str, Any], wanted: list[dict[str, Any]]) -> None:
    quotes, start = quotes_of(world), Decimal(world["balance"])
    symbol_settings = {symbol: SymbolSettings(world["leverage"], world["isolated"]) for symbol in SYMBOLS}
    first = Account(account_id="tester", created_ms=0, balances={"USDT": start}, evaluated_ms=MINUTE_MS)
    account = replace(first, settings=symbol_settings, hedged=world["hedged"])
    for step in wanted:
        if step["do"] != "wait":
            done = take(account, step, quotes)
            account = done.then(expire_some(done.account)).account
            continue
        until_ms = min(quotes.now_ms + step["minutes"] * MINUTE_MS, MINUTES * MINUTE_MS)
        often = Outcome(account)
        for at_ms in range(quotes.now_ms + MINUTE_MS, until_ms + 1, MINUTE_MS):
            often = often.then(settled(often.account, quotes.at(at_ms)))
        quotes = quotes.at(until_ms)
        once = settled(account, quotes)
        for part in ("fills", "incomes", "orders", "algo_orders"):
            assert getattr(once, part) == getattr(often, part)
        assert replace(once.account, evaluated_symbol="") == replace(often.account, evaluated_symbol="")
        account = once.account
