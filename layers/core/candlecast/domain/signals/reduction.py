"""The part of a position that an exit closes: a share of the held quantity as the exit is sent, or a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """A share or a quantity, never both. Raises `InvalidValue` (REDUCTION_INVALID; INVALID_VALUE for zero, NaN and the like)."""

    share: Decimal | None = None
    """Share of the held quantity, above 0 and below 1. None: a quantity."""
    quantity: Decimal | None = None
    """Base units, above 0; never more than is held. None: a share."""

    def __post_init__(self) -> None:
        if (self.share is None) == (self.quantity is None):
            raise InvalidValue("a reduction is a share or a quantity", code="REDUCTION_INVALID")
        given = self.share if self.share is not None else self.quantity
        require_decimal("reduction", given, positive=True)
        if self.share is not None and self.share >= 1:
            raise InvalidValue("a reduction leaves something: its share is below 1", code="REDUCTION_INVALID")

    def of(self, held: Decimal, market: Market | None) -> Decimal:
        """Base units to close of `held`, rounded down to the market's step.

        Zero if no order of the market is so small. All of it if the rest would be too small for an order: nothing could close or
        protect the rest. All of it also in a market that nobody knows any more.
        """
        if market is None:
            return held
        wanted = self.quantity if self.share is None else held * self.share
        part = market.round_quantity(held if wanted is None else min(held, wanted))
        least = smallest_order(market)
        if part < least:
            return ZERO
        return held if held - part < least else part

    def after(self, filled: Decimal) -> Reduction | None:
        """The rest once `filled` of a quantity was closed; None if nothing is left. A share was never sent, and is whole."""
        if self.quantity is None:
            return self
        return Reduction(quantity=self.quantity - filled) if filled < self.quantity else None


def smallest_order(market: Market) -> Decimal:
    """Base units of the smallest order that the market takes."""
    return max(market.min_quantity, market.quantity_step)
