"""Liquidation of a position that can no longer be carried: its price, and the venue's action at that price.

The price is the venue's formula ("How to Calculate Liquidation Price of USDS-M Futures Contracts"), for the sides of a symbol
together:

    (WB - TMM + UPNL + cum - sum(amount * entry)) / (sum(|amount| * MMR) - sum(amount))

WB is the wallet without the part that is set apart for isolated positions. TMM and UPNL are maintenance margin and unrealised
profit of the other cross positions. An isolated position is alone: WB is its own wallet, TMM and UPNL are zero. The bracket (MMR,
cum) is the one of the position at the mark price.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from paper_exchange.accounts.account import (
    ZERO,
    Account,
    Income,
    IncomeEntry,
    IncomeKind,
    OrderKind,
    OrderStatus,
    Outcome,
    PositionSide,
)
from paper_exchange.accounts.funding import funding_times
from paper_exchange.accounts.margin import position_margin, set_apart
from paper_exchange.errors import VenueError
from paper_exchange.markets.quotes import Quotes
from paper_exchange.matching.matching import VenueOrder, close_by_venue

LIQUIDATION_FEE = Decimal("0.0125")  # of the notional; exchangeInfo's liquidationFee
CLIENT_ID_PREFIX = "autoclose-"  # how the venue's own liquidation orders are told from anybody's
LIQUIDATION = VenueOrder(CLIENT_ID_PREFIX, OrderKind.LIMIT, "IOC")
ROUGHLY = Decimal("0.03")  # of gross notional: more than fees, spread and brackets can add to a loss between two looks


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A price at which positions of a symbol are taken over: one side if they are isolated, all that are cross together.

    `since_ms` is the market time of the latest fill that had a part in the price.
    """

    symbol: str
    sides: tuple[PositionSide, ...]
    price: Decimal
    above: bool
    since_ms: int = 0


def liquidations(account: Account, quotes: Quotes) -> list[Liquidation]:
    """The liquidation price of every open position that has one."""
    found: list[Liquidation] = []
    for symbol in sorted({symbol for symbol, _ in account.held}):
        held = tuple(side for other, side in account.held if other == symbol)
        groups = [(side,) for side in held] if account.settings_of(symbol).isolated else [held]
        found.extend(due for sides in groups if (due := _liquidation(account, symbol, sides, quotes)) is not None)
    return found


def liquidation_price(account: Account, symbol: str, side: PositionSide, quotes: Quotes) -> Decimal:
    """The mark price at which the position is liquidated, all other prices as they are; zero if there is none."""
    if not account.position(symbol, side).amount:
        return ZERO
    held = tuple(other for name, other in account.held if name == symbol)
    due = _liquidation(account, symbol, (side,) if account.settings_of(symbol).isolated else held, quotes)
    return ZERO if due is None else due.price


def _liquidation(account: Account, symbol: str, sides: tuple[PositionSide, ...], quotes: Quotes) -> Liquidation | None:
    spec = quotes.spec(symbol)
    isolated = account.settings_of(symbol).isolated
    wallet = set_apart(account, symbol, sides[0]) if isolated else _cross_spare(account, symbol, quotes)
    slope = ZERO
    for side in sides:
        position = account.position(symbol, side)
        bracket = spec.bracket_of(abs(position.amount) * quotes.mark_price(symbol))
        wallet += bracket.cumulative - position.amount * position.entry_price
        slope += abs(position.amount) * bracket.maintenance_rate - position.amount
    price = wallet / slope if slope else ZERO
    counted = [(symbol, side) for side in sides] if isolated else account.held
    since_ms = max(account.position(*key).market_ms for key in counted)
    return Liquidation(symbol, sides, price, slope > 0, since_ms) if price > 0 else None


def _cross_spare(account: Account, symbol: str, quotes: Quotes) -> Decimal:
    """WB - TMM + UPNL: the most that cross positions of this symbol can lose."""
    asset = quotes.spec(symbol).quote
    spare = account.balances.get(asset, ZERO)
    for other, side in account.held:
        if quotes.spec(other).quote != asset:
            continue
        if account.settings_of(other).isolated:
            spare -= set_apart(account, other, side)
        elif other != symbol:
            margin = position_margin(account, other, quotes, side)
            spare += margin.unrealized - margin.maintenance
    return spare


def at_risk(account: Account, quotes: Quotes) -> set[str]:
    """The symbols whose every candle must be looked at, because somebody might be liquidated; none, nearly always.

    A bound, not an estimate. All positions, and all orders that could open a position, are taken at once at the worst price of
    the candles to be looked at. A symbol that passes cannot be liquidated, in any order of fills.
    """
    exposures = _exposures(account) if quotes.liquidates else {}
    extremes = {symbol: _extremes(symbol, account.evaluated_ms, quotes) for symbol in exposures}
    if not any(moved for _, _, moved in extremes.values()):
        return set()
    times = funding_times(account, quotes)
    losses = sum((set_apart(account, symbol, side) for symbol, side in account.held), ZERO)
    for symbol, entries in exposures.items():
        low, high, _ = extremes[symbol]
        spec = quotes.spec(symbol)
        paid = sum((abs(quotes.at(at_ms).funding_rate(symbol)) for at_ms in times), ROUGHLY)
        for amount, price in entries:
            entry, worst, notional = price or (high if amount > 0 else low), low if amount > 0 else high, abs(amount) * high
            losses += max(ZERO, amount * (entry - worst))
            losses += notional * (paid + spec.bracket_of(notional).maintenance_rate)
    wallets = [account.balances.get(quotes.spec(symbol).quote, ZERO) for symbol in exposures]
    isolated = [symbol for symbol in exposures if account.settings_of(symbol).isolated]
    far = all(_is_far(account, symbol, *extremes[symbol][:2], quotes) for symbol in isolated)
    return set() if far and losses < min(wallets) else set(exposures)


def _extremes(symbol: str, after_ms: int, quotes: Quotes) -> tuple[Decimal, Decimal, bool]:
    """The lowest and highest price since then, last or mark, and whether any candle has closed.

    The price at the beginning is among them.
    """
    bars = quotes.closed_bars(symbol, after_ms)
    prices = [price for bar in bars for price in (bar.low, bar.high)]
    try:
        prices.append(quotes.at(after_ms).last_price(symbol))
    except VenueError:  # the clock was set back to before the first candle
        prices.append(quotes.last_price(symbol))
    ratios = [Decimal(1), *quotes.mark_ratios(symbol, after_ms)]
    return min(prices) * min(ratios), max(prices) * max(ratios), bool(bars)


def _exposures(account: Account) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """By symbol: signed amounts with their entry prices; zero where an order may open at any price."""
    found: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for symbol, side in account.held:
        position = account.position(symbol, side)
        found.setdefault(symbol, []).append((position.amount, position.entry_price))
    for order in account.orders.values():
        if not order.reduce_only:
            found.setdefault(order.symbol, []).append((order.remaining * order.side.sign, order.price))
    for algo in account.algo_orders.values():
        if not algo.only_reduces:
            found.setdefault(algo.symbol, []).append((algo.quantity * algo.side.sign, ZERO))
    return found


def _is_far(account: Account, symbol: str, low: Decimal, high: Decimal, quotes: Quotes) -> bool:
    """Whether an isolated symbol's candles stay on the safe side of every price at which it could be liquidated."""
    opens = any(order.symbol == symbol and not order.reduce_only for order in account.orders.values())
    opens = opens or any(algo.symbol == symbol and not algo.only_reduces for algo in account.algo_orders.values())
    if opens:
        return False
    own = [due for due in liquidations(account, quotes) if due.symbol == symbol]
    return all(high * (1 + ROUGHLY) < due.price if due.above else low * (1 - ROUGHLY) > due.price for due in own)


def liquidate(account: Account, due: Liquidation, price: Decimal, quotes: Quotes, wall_ms: int) -> Outcome:
    """One step of a liquidation: the next order that is in its way expires; when there is none, the next position is taken.

    As at the venue, open orders go first ("Order has expired when the account was liquidated"). These are the orders of the
    symbol, or of the whole account if it is cross. Steps are small so that any number of them fits the store's transactions.
    """
    isolated = account.settings_of(due.symbol).isolated
    for order in account.orders.values():
        if not isolated or (order.symbol == due.symbol and order.position_side in due.sides):
            expired = replace(order, status=OrderStatus.EXPIRED, updated_ms=wall_ms, market_ms=quotes.now_ms)
            return Outcome(account.without_order(order.order_id), orders=(expired,))
    return take_over(account, due.symbol, due.sides[0], price, quotes, wall_ms)


def take_over(account: Account, symbol: str, side: PositionSide, price: Decimal, quotes: Quotes, wall_ms: int) -> Outcome:
    """Close a position by the venue's own order and keep its margin.

    The order looks as forceOrders shows one: LIMIT, IOC, a client id that begins with `autoclose-`. An isolated position costs
    what was set apart for it. A cross one pays the liquidation fee, at most what there is. A wallet below zero is made whole by
    the insurance fund once no cross position is left that could be taken for it.
    """
    spec, position = quotes.spec(symbol), account.position(symbol, side)
    # the venue keeps the clearance below, and no commission
    outcome = close_by_venue(account, symbol, side, LIQUIDATION, price, quotes, wall_ms)
    after, realized = outcome.account, outcome.fills[0].realized
    wallet = after.balances.get(spec.quote, ZERO)
    if account.settings_of(symbol).isolated:
        clearance = max(-set_apart(account, symbol, side) - realized, -wallet)
    else:
        fee = min(abs(position.amount) * price * LIQUIDATION_FEE, max(ZERO, wallet))
        left = any(quotes.spec(other).quote == spec.quote for other, _ in after.held)
        clearance = -fee if wallet > 0 or left else -wallet
    return outcome.then(_cleared(after, symbol, spec.quote, clearance, quotes, wall_ms))


def _cleared(account: Account, symbol: str, asset: str, amount: Decimal, quotes: Quotes, wall_ms: int) -> Outcome:
    if not amount:
        return Outcome(account)
    account, income_id = account.next_id()
    income = Income(
        income_id=income_id,
        kind=IncomeKind.INSURANCE_CLEAR,
        entries=(IncomeEntry(symbol, amount, asset),),
        time_ms=wall_ms,
        market_ms=quotes.now_ms,
    )
    wallet = account.balances.get(asset, ZERO) + amount
    cleared = replace(account, balances={**account.balances, asset: wallet}).dated(wall_ms)
    return Outcome(cleared, incomes=(income,))
