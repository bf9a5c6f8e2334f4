"""Funding: every eight hours of market time longs pay shorts, or the other way round, by a rate that an operator sets.

"Introduction to Binance Futures Funding Rates": the amount is the position's notional at the mark price times the rate. A
positive rate is paid by longs. The times are 00:00, 08:00 and 16:00 UTC.
"""

from __future__ import annotations

from dataclasses import replace

from paper_exchange.accounts.account import ZERO, Account, Income, IncomeEntry, IncomeKind, Outcome
from paper_exchange.accounts.fees import MONEY_STEP
from paper_exchange.markets.quotes import Quotes

FUNDING_INTERVAL_MS = 8 * 3_600_000


def next_funding_ms(market_ms: int) -> int:
    return (market_ms // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS


def funding_times(account: Account, quotes: Quotes) -> list[int]:
    """The funding times since the account was evaluated, if any market that it may hold has ever had a rate."""
    symbols = {symbol for symbol, _ in account.held}
    symbols |= {order.symbol for order in account.orders.values()} | {algo.symbol for algo in account.algo_orders.values()}
    if not any(quotes.pays_funding(symbol) for symbol in symbols):
        return []
    return list(range(next_funding_ms(account.evaluated_ms), quotes.now_ms + 1, FUNDING_INTERVAL_MS))


def settle_funding(account: Account, quotes: Quotes, wall_ms: int) -> Outcome:
    """Pay or receive for every open position at the view's moment, which in wall time was `wall_ms`.

    An isolated position pays from its own wallet.
    """
    entries: list[IncomeEntry] = []
    after = account
    for symbol, side in account.held:
        rate = quotes.funding_rate(symbol)
        if not rate:
            continue
        position, asset = after.position(symbol, side), quotes.spec(symbol).quote
        amount = -position.amount * quotes.mark_price(symbol) * rate
        amount = amount.quantize(MONEY_STEP)
        entries.append(IncomeEntry(symbol, amount, asset))
        after = replace(after, balances={**after.balances, asset: after.balances.get(asset, ZERO) + amount})
        if after.settings_of(symbol).isolated:
            after = after.with_position(symbol, side, replace(position, isolated_wallet=position.isolated_wallet + amount))
    if not entries:
        return Outcome(account)
    after, income_id = after.next_id(len(entries))
    income = Income(
        income_id=income_id,
        kind=IncomeKind.FUNDING_FEE,
        entries=tuple(entries),
        time_ms=wall_ms,
        market_ms=quotes.now_ms,
    )
    return Outcome(after.dated(wall_ms), incomes=(income,))
