"""Arithmetic of a net position: the effects of a fill on the position, its entry price and the wallet."""

from __future__ import annotations

from decimal import Decimal

from paper_exchange.accounts.account import ZERO, Position


def apply_fill(position: Position, signed_quantity: Decimal, price: Decimal, now_ms: int) -> tuple[Position, Decimal]:
    """The position after a fill of `signed_quantity` (negative sells), and the profit that it realised.

    Adding averages the entry price; reducing keeps it and realises the difference; going through zero does both, the rest opens
    at `price`.
    """
    amount = position.amount + signed_quantity
    if position.amount == 0 or (position.amount > 0) == (signed_quantity > 0):
        cost = abs(position.amount) * position.entry_price + abs(signed_quantity) * price
        return Position(amount, cost / abs(amount), now_ms), ZERO
    closed = min(abs(position.amount), abs(signed_quantity))
    direction = 1 if position.amount > 0 else -1
    realized = (price - position.entry_price) * closed * direction
    if amount == 0:
        return Position(ZERO, ZERO, now_ms), realized
    entry = position.entry_price if (amount > 0) == (position.amount > 0) else price
    return Position(amount, entry, now_ms), realized


def reducible(position: Position, side_sign: int, quantity: Decimal) -> Decimal:
    """How much of `quantity` on that side only reduces the position; zero if it would open or add."""
    if position.amount * side_sign >= 0:
        return ZERO
    return min(quantity, abs(position.amount))
