"""Charges of a venue for orders and positions, against the estimates that were booked (decision 0077)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.orders.position import Position
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.venue.reports import VenueTrade

HIGHEST_FEE = Decimal("0.05")  # of the notional: a hundred times what Binance's lowest tier pays, so more is no fee
PRICES_AGREE = Decimal(2)  # executions within half and twice the booked amount: an average is rounded, and not to another price
HIGHEST_FUNDING = Decimal(1)  # of the notional at the entry: Binance pays 4 per cent at most, of a price that may have multiplied
NOTICED_WITHIN = timedelta(minutes=2)  # a fill may be noticed so much later than it was: two looks at open orders


class ChargeKind(StrEnum):
    """FEE of an order's executions; FUNDING of a held position."""

    FEE = "FEE"
    FUNDING = "FUNDING"


@dataclass(frozen=True, kw_only=True)
class DueFee:
    """The fills of an order as they were booked, with an estimated fee, until the venue's executions are read."""

    trade_id: str
    """The trade, or the trade that the position becomes."""
    market: str
    """Unified symbol of the order's market."""
    quantity: Decimal
    """Base units that are booked as filled."""
    notional: Decimal
    """Quantity times price of these fills, in quote units."""
    fee: Decimal
    """The estimate in quote units."""
    booked_at: datetime
    """When the newest fill was booked (UTC)."""
    closes: bool = False
    """Whether the order reduces the position."""


@dataclass(frozen=True, kw_only=True)
class ClosedPosition:
    """A position with nothing left, kept until everything that was charged for it has been read."""

    position: Position
    closed_by: str
    """As in the trade."""
    closed_at: datetime
    """As in the trade."""

    def awaits_funding(self, read_until: datetime | None, interval: timedelta) -> bool:
        """Whether a payment may have been made for the position that has not been read."""
        return is_paid_between(unread_since(self.position, read_until), self.closed_at, interval)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """An amount as it was paid. `price` is the quote units for a unit of `asset`, by which it was converted."""

    asset: str
    amount: Decimal
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A fee or a funding payment that corrects a position or a trade. Costs are above zero for a fee, below for funding."""

    kind: ChargeKind
    trade_id: str
    """The trade, or the trade that the position becomes."""
    subscription_id: str
    """Whose results change."""
    market: str
    """Unified symbol."""
    amount: Decimal
    """The whole fee of the order, or the payment, in quote units."""
    correction: Decimal
    """The change of the trade's profit after fees and funding, in quote units."""
    paid: tuple[Paid, ...] = ()
    """The amount by asset."""
    venue_order_id: str | None = None
    """The order of a fee."""
    charged_at: datetime | None = None
    """The time of a funding payment at the venue (UTC)."""


@dataclass(frozen=True, kw_only=True)
class ChargedFee:
    """The executions of one order together: `fee` in quote units, and the amounts that it is made of."""

    quantity: Decimal
    notional: Decimal
    fee: Decimal
    paid: tuple[Paid, ...] = field(default=())

    @staticmethod
    def of(trades: Sequence[VenueTrade], prices: Mapping[str, Decimal]) -> ChargedFee:
        """`prices` has the quote units for a unit of each asset that fees were paid in."""
        amounts = dict[str, Decimal]()
        for trade in trades:
            amounts[trade.fee_asset] = amounts.get(trade.fee_asset, ZERO) + trade.fee_paid
        return ChargedFee(
            quantity=sum((trade.quantity for trade in trades), ZERO),
            notional=sum((trade.quantity * trade.price for trade in trades), ZERO),
            fee=sum((amount * prices[asset] for asset, amount in amounts.items()), ZERO),
            paid=tuple(Paid(asset=asset, amount=amount, price=prices[asset]) for asset, amount in sorted(amounts.items())),
        )


def is_plausible(due: DueFee, charged: ChargedFee) -> bool:
    """Whether the executions of an order can be those of the fills that were booked; a broken answer must move no result."""
    if abs(charged.fee) > HIGHEST_FEE * charged.notional:
        return False
    return due.notional == 0 or due.notional <= PRICES_AGREE * charged.notional <= PRICES_AGREE**2 * due.notional


def unread_since(position: Position, read_until: datetime | None) -> datetime:
    """From when on payments for a position have not been read."""
    since = position.opened_at - NOTICED_WITHIN
    return since if read_until is None else max(since, read_until)


def is_paid_between(since: datetime, until: datetime, interval: timedelta) -> bool:
    """Whether a time of funding lies behind `since` and not behind `until`; an interval of zero: any time may be one."""
    if until <= since:
        return False
    return not interval or int(until.timestamp() // interval.total_seconds()) > int(since.timestamp() // interval.total_seconds())


def corrected(position: Position, due: DueFee, charged: ChargedFee) -> Position:
    """The position with an order's real fee and prices in place of those that were booked."""
    fees, moved = position.fees + charged.fee - due.fee, charged.notional - due.notional
    if due.closes:
        return replace(position, fees=fees, exit_notional=position.exit_notional + moved)
    return replace(position, fees=fees, entry_price=position.entry_price + moved / position.opened_quantity)
