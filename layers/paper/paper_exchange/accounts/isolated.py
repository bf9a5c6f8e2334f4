"""Margin that is moved by hand between the wallet and an isolated position: "Modify Isolated Position Margin"."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.accounts.account import ZERO, Account, MarginChange, Outcome, PositionSide
from paper_exchange.accounts.margin import asset_margin, position_margin, set_apart
from paper_exchange.markets.quotes import Quotes, Stamp


def move_margin(account: Account, symbol: str, side: PositionSide, amount: Decimal, quotes: Quotes, stamp: Stamp) -> Outcome:
    """Add margin to an isolated position, or take some out if the amount is negative.

    Raises `VenueError` with -4049 for a cross position and -4054 for none. It has -4050 when too little margin is free. It has
    -4051 when the position would keep less than its initial margin and its loss.
    """
    if not account.settings_of(symbol).isolated:
        raise errors.margin_not_isolated()
    position = account.position(symbol, side)
    if not position.amount:
        raise errors.no_position_for_margin()
    asset = quotes.spec(symbol).quote
    if amount > 0 and amount > asset_margin(account, asset, quotes).available:
        raise errors.cross_balance_insufficient()
    margin, wallet = position_margin(account, symbol, quotes, side), set_apart(account, symbol, side) + amount
    if amount < 0 and wallet + min(margin.unrealized, ZERO) < margin.initial:
        raise errors.isolated_balance_insufficient()
    account, change_id = account.next_id()
    change = MarginChange(
        change_id=change_id, symbol=symbol, position_side=side, amount=amount, asset=asset, time_ms=stamp.wall_ms
    )
    after = account.with_position(symbol, side, replace(position, isolated_wallet=wallet))
    return Outcome(after.dated(stamp.wall_ms), margin_changes=(change,))
