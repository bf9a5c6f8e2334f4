"""Maintenance margin of one position by brackets, and the price at which the venue liquidates it.

Formula: Binance, "How to Calculate Liquidation Price of USDS-M Futures Contracts", for one position alone:

    (wallet + cumulative - side x quantity x entry) / (quantity x rate - side x quantity)

The bracket is that of the notional at this price. A cross position stands on the whole wallet. An isolated position stands on the
initial margin of its held quantity. The paper exchange has the same formula, and nothing of candlecast may import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from candlecast.domain.orders.position import Position
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal
from candlecast.domain.values.terms import MarginMode

LIQUIDATION_FEE = Decimal("0.0125")  # of the notional; `liquidationFee` in Binance's exchangeInfo
CODE = "BRACKETS_INVALID"


@dataclass(frozen=True, slots=True)
class Bracket:
    """From the notional `floor` on, maintenance is `rate` of the notional less `cumulative`."""

    floor: Decimal
    rate: Decimal
    cumulative: Decimal


@dataclass(frozen=True, slots=True)
class Margin:
    """The venue's brackets, lowest first, and its fee for a liquidation as a share of the notional."""

    brackets: tuple[Bracket, ...]
    fee: Decimal = LIQUIDATION_FEE

    @staticmethod
    def of(rates: tuple[tuple[Decimal, Decimal], ...], fee: Decimal = LIQUIDATION_FEE) -> Margin:
        """Make brackets from pairs of floor and rate; `cumulative` follows, because maintenance does not jump at a floor.

        Raises `InvalidValue` (BRACKETS_INVALID) unless floors and rates rise, the first floor is 0, and rates lie within 0 and 1.
        """
        floors, shares = [floor for floor, _ in rates], [rate for _, rate in rates]
        rising = all(low < high for values in (floors, shares) for low, high in pairwise(values))
        if not rates or floors[0] != 0 or not rising or not 0 < shares[0] <= shares[-1] < 1:
            raise InvalidValue("brackets begin at 0, and their floors and rates rise", code=CODE)
        require_decimal("liquidation fee", fee, non_negative=True)
        made = [Bracket(floors[0], shares[0], ZERO)]
        for floor, rate in rates[1:]:
            before = made[-1]
            made.append(Bracket(floor, rate, before.cumulative + floor * (rate - before.rate)))
        return Margin(tuple(made), fee)

    def liquidation_price(self, position: Position, wallet: Decimal) -> Decimal | None:
        """The price at which `wallet` and profit no longer exceed the maintenance margin; None if no price does that."""
        side, quantity = position.side.sign, position.quantity
        for number, bracket in enumerate(self.brackets):
            price = (wallet + bracket.cumulative - side * quantity * position.entry_price) / (quantity * (bracket.rate - side))
            notional = quantity * price
            last = number + 1 == len(self.brackets)
            if notional >= bracket.floor and (last or notional <= self.brackets[number + 1].floor):
                return price if price > 0 else None
        return None


def wallet_of(position: Position, settings: Settings, cash: Decimal) -> Decimal:
    """The money that a position may lose: all cash, or the initial margin if it is isolated."""
    return cash if settings.margin_mode is MarginMode.CROSS else min(cash, position.notional / settings.leverage)
