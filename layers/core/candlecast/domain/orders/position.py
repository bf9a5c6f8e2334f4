"""A position that a subscription holds, and the trade that it becomes once it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.limits.limits import ClosingLimits
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal
from candlecast.domain.values.terms import PositionSide


def position_key(subscription_id: str, market: str) -> str:
    """Key of a subscription's position in a market within its account."""
    return f"{subscription_id}|{market}"


def place_of(market: str, side: PositionSide | None) -> str:
    """Where a venue keeps what is held: in a market, or in hedge mode on one side of it."""
    return market if side is None else f"{market}|{side}"


def market_of(place: str) -> str:
    """The market of such a place."""
    return place.partition("|")[0]


def tighter(side: PositionSide, one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The stop of two that is reached first; None only if there is none."""
    given = [stop for stop in (one, other) if stop is not None]
    return max(given, key=lambda stop: stop * side.sign, default=None)


@dataclass(frozen=True, kw_only=True)
class StopRules:
    """How the stop of a position follows the market; every part is optional. `domain/reconcile/protect.py` acts on it.

    It stays `trail_percent` or `trail_distance` (quote units) behind the best price, from a profit of `activation_percent` on; it
    goes to break-even once the price has moved `break_even_after_r` times the distance of the first stop, or once a first part
    has been closed (`break_even_after_target`).
    """

    trail_percent: Decimal | None = None
    trail_distance: Decimal | None = None
    activation_percent: Decimal | None = None
    break_even_after_r: Decimal | None = None
    break_even_after_target: bool = False

    @property
    def trails(self) -> bool:
        return self.trail_percent is not None or self.trail_distance is not None

    def behind(self, best: Decimal, side: PositionSide) -> Decimal | None:
        """Where a stop stands that trails `best`; None if none does."""
        if self.trail_distance is not None:
            return best - side.sign * self.trail_distance
        return None if self.trail_percent is None else best * (1 - side.sign * self.trail_percent / 100)


@dataclass(frozen=True, kw_only=True)
class Position:
    """What one subscription holds in one market; money in quote units.

    `opened_quantity` is all that was ever bought into it, `quantity` what is left; `exit_notional` what the closed part brought;
    `signal_issued_at` is when the opening signal was issued, so that an older exit cannot close it; `limits_to_close` is what the
    reconciler closes it by. `entry_intent_id` is the entry that opened it, `adds` how many further ones have grown it;
    `stop_price` is where its stop must stand now, `initial_stop` where it stood first, `best_price` the best that was seen.
    """

    tenant_id: str
    account_id: str
    subscription_id: str
    strategy_id: str
    market: str
    side: PositionSide
    quantity: Decimal
    opened_quantity: Decimal
    entry_price: Decimal
    entry_intent_id: str
    signal_id: str
    correlation_id: str
    opened_at: datetime
    signal_issued_at: datetime
    stop_price: Decimal | None = None
    exit_notional: Decimal = ZERO
    fees: Decimal = ZERO
    limits_to_close: ClosingLimits | None = None
    pool_id: str | None = None  # its entry's
    adds: int = 0
    stop_rules: StopRules | None = None
    initial_stop: Decimal | None = None
    best_price: Decimal | None = None
    stop_moved_at: datetime | None = None

    def __post_init__(self) -> None:
        require_decimal("quantity", self.quantity, non_negative=True)
        require_decimal("entry_price", self.entry_price, positive=True)
        if self.quantity > self.opened_quantity:
            raise InvalidValue("a position cannot hold more than was opened")

    @property
    def key(self) -> str:
        return position_key(self.subscription_id, self.market)

    @property
    def notional(self) -> Decimal:
        """What is held, at its entry price."""
        return self.quantity * self.entry_price

    def unrealised_pnl(self, price: Decimal) -> Decimal:
        """Profit of what is held at `price`, before fees."""
        return (price - self.entry_price) * self.quantity * self.side.sign

    def grown(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Position:
        """The position after more of its entry was filled; the entry price is the average."""
        total = self.opened_quantity + quantity
        average = (self.entry_price * self.opened_quantity + price * quantity) / total
        return replace(self, quantity=self.quantity + quantity, opened_quantity=total, entry_price=average, fees=self.fees + fee)

    def added(self, quantity: Decimal, price: Decimal, fee: Decimal, stop: Decimal | None, *, begins: bool) -> Position:
        """The position after some of a further entry was filled; `begins` for its first fill. A stop is never loosened by it."""
        grown = self.grown(quantity, price, fee)
        return replace(grown, adds=self.adds + begins, stop_price=tighter(self.side, self.stop_price, stop))

    def reduced(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Position:
        """The position after `quantity` of it was closed at `price`; raises `InvalidValue` beyond what is held."""
        if quantity > self.quantity:
            raise InvalidValue("an exit cannot close more than is held", code="EXIT_EXCEEDS_POSITION")
        return replace(
            self,
            quantity=self.quantity - quantity,
            exit_notional=self.exit_notional + quantity * price,
            fees=self.fees + fee,
        )


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A round trip: a position from its opening to its close. `pnl` is before fees; `net_pnl` after; quote units."""

    trade_id: str
    tenant_id: str
    account_id: str
    subscription_id: str
    strategy_id: str
    market: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    opened_at: datetime
    closed_at: datetime
    closed_by: str
    pool_id: str | None = None  # its entry's

    @property
    def net_pnl(self) -> Decimal:
        return self.pnl - self.fees

    @staticmethod
    def of(closed: Position, closed_by: str, at: datetime) -> Trade:
        """The trade that a position with nothing left has become; its id is the opening intent's.

        `closed_by` is the leg that closed it last, or CLOSED_OUTSIDE or LIQUIDATED if none of ours did.
        """
        pnl = (closed.exit_notional - closed.entry_price * closed.opened_quantity) * closed.side.sign
        return Trade(
            trade_id=closed.entry_intent_id,
            tenant_id=closed.tenant_id,
            account_id=closed.account_id,
            subscription_id=closed.subscription_id,
            strategy_id=closed.strategy_id,
            market=closed.market,
            side=closed.side,
            quantity=closed.opened_quantity,
            entry_price=closed.entry_price,
            exit_price=closed.exit_notional / closed.opened_quantity,
            pnl=pnl,
            fees=closed.fees,
            opened_at=closed.opened_at,
            closed_at=at,
            closed_by=closed_by,
            pool_id=closed.pool_id,
        )
