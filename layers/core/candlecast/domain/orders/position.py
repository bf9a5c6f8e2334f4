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
from candlecast.domain.venue.reports import StopTrigger


def position_key(subscription_id: str, market: str) -> str:
    """Key of a subscription's position in a market within its account."""
    return f"{subscription_id}|{market}"


def unattributed(side: PositionSide) -> str:
    """The subscription under which an account holds a position whose own nobody knows after a restore of the table."""
    return f"unattributed-{side.value.lower()}"


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

    The stop stays `trail_percent` or `trail_distance` (quote units) behind the best price, from a profit of `activation_percent`
    on. It goes to break-even once the price has moved `break_even_after_r` times the distance of the first stop. With
    `break_even_after_target`, it also goes to break-even once a first part has been closed.
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
    """The position of one subscription in one market.

    Prices and money in quote units, quantities in base units, times in UTC.
    Raises `InvalidValue` for a quantity below 0 or above `opened_quantity`, and for an entry price of 0 or below.
    """

    tenant_id: str
    """The user who holds the position."""
    account_id: str
    """The account that holds the position."""
    subscription_id: str
    """The subscription that the position belongs to."""
    strategy_id: str
    """The strategy of the opening signal."""
    market: str
    """Unified symbol, such as BTC/USDT:USDT."""
    side: PositionSide
    """Long or short."""
    quantity: Decimal
    """Base units still held, zero or more."""
    opened_quantity: Decimal
    """Base units ever bought into the position (sold, for a short)."""
    entry_price: Decimal
    """Average price of all fills of entries, above 0."""
    entry_intent_id: str
    """Id of the entry that opened the position; its stops and targets name the entry as their bracket."""
    signal_id: str
    """The opening signal."""
    correlation_id: str
    """Id that all log lines and messages of the opening signal share."""
    opened_at: datetime
    """Time at which the first fill was recorded."""
    signal_issued_at: datetime
    """Issue time of the opening signal, so that an older exit cannot close the position."""
    stop_price: Decimal | None = None
    """Price at which the stop must stand now; None for a position without a stop."""
    exit_notional: Decimal = ZERO
    """Proceeds of the closed part: the sum of quantity times price, before fees."""
    fees: Decimal = ZERO
    """Fees of all fills, entries and exits."""
    limits_to_close: ClosingLimits | None = None
    """Limits by which the reconciler closes the position; None without such limits."""
    pool_id: str | None = None
    """The organisation in whose pool the entry is reserved; None without a pool."""
    adds: int = 0
    """How many further entries have added to the position."""
    stop_rules: StopRules | None = None
    """How the stop follows the market; None if the stop stays where it is."""
    stop_trigger: StopTrigger | None = None
    """The trigger of the stops; None: as the venue has it."""
    initial_stop: Decimal | None = None
    """Price of the first stop, whose distance `break_even_after_r` counts in; None without a first stop."""
    best_price: Decimal | None = None
    """Best price seen since the opening, noted in steps; None before the first step."""
    stop_moved_at: datetime | None = None
    """Time of the last move of the stop; None before the first."""
    strategy_version: str | None = None
    """Hash of the code and parameters that gave the opening signal; None where nobody has told."""
    capital: Decimal | None = None
    """The subscription's capital at the opening, in quote units; None for a position that was opened before that was kept."""
    funding: Decimal = ZERO
    """Funding received less funding paid, in quote units."""
    own_trade_id: str | None = None
    """Id of the trade if it is not the entry's: an entry that fills on opens further positions. None: the entry's."""

    def __post_init__(self) -> None:
        require_decimal("quantity", self.quantity, non_negative=True)
        require_decimal("entry_price", self.entry_price, positive=True)
        if self.quantity > self.opened_quantity:
            raise InvalidValue("a position cannot hold more than was opened")

    @property
    def key(self) -> str:
        return position_key(self.subscription_id, self.market)

    @property
    def trade_id(self) -> str:
        """Id of the trade that the position becomes."""
        return self.own_trade_id or self.entry_intent_id

    @property
    def notional(self) -> Decimal:
        """The held quantity at its entry price."""
        return self.quantity * self.entry_price

    def is_beyond_stop(self, price: Decimal | None) -> bool:
        """Whether the market at `price` has reached the stop; not without a stop, nor at an unknown price."""
        return price is not None and self.stop_price is not None and (price - self.stop_price) * self.side.sign <= 0

    def unrealised_pnl(self, price: Decimal) -> Decimal:
        """Profit of the held quantity at `price`, before fees."""
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
    """A round trip: a position from its opening to its close. Prices and money in quote units, quantities in base units."""

    trade_id: str
    """Id of the opening entry; an id of its own for each further position that the same entry has opened."""
    tenant_id: str
    """The user who held the position."""
    account_id: str
    """The account that held the position."""
    subscription_id: str
    """The subscription that the position belonged to; its track record counts the trade."""
    strategy_id: str
    """The strategy of the opening signal; its track record counts the trade."""
    market: str
    """Unified symbol, such as BTC/USDT:USDT."""
    side: PositionSide
    """Long or short."""
    quantity: Decimal
    """Base units bought into the position (sold, for a short)."""
    entry_price: Decimal
    """Average price of the entries."""
    exit_price: Decimal
    """Average price of the exits."""
    pnl: Decimal
    """Profit before fees and funding; below 0 for a loss."""
    fees: Decimal
    """Fees of entries and exits."""
    opened_at: datetime
    """Time at which the first fill was recorded (UTC)."""
    closed_at: datetime
    """Time at which the last fill was recorded (UTC)."""
    closed_by: str
    """Name of the leg that closed the last part; a reason of `ClosedBy` (LIQUIDATED, SETTLED) if no leg of ours did."""
    pool_id: str | None = None
    """The organisation in whose pool the entry was reserved; None without a pool."""
    capital: Decimal | None = None
    """The subscription's capital at the opening, in quote units; None where that was not kept."""
    venue: str | None = None
    """Venue of the account; a record counts only trades of its own venue. None in trades from before that was kept."""
    funding: Decimal = ZERO
    """Funding received less funding paid, in quote units."""
    entry_intent_id: str | None = None
    """Id of the opening entry if it is not the trade's; None: the trade's."""
    strategy_version: str | None = None
    """Version of the strategy that opened the position; None in trades from before that was kept."""
    signal_id: str | None = None
    """The opening signal; None in trades from before that was kept."""

    @property
    def entry(self) -> str:
        """Id of the opening entry."""
        return self.entry_intent_id or self.trade_id

    @property
    def net_pnl(self) -> Decimal:
        return self.pnl - self.fees + self.funding

    @staticmethod
    def of(closed: Position, closed_by: str, at: datetime, venue: str | None = None) -> Trade:
        """The trade that a position with nothing left has become.

        `venue` is the account's. `closed_by` is the leg that closed it last, or the reason if none of ours did.
        """
        pnl = (closed.exit_notional - closed.entry_price * closed.opened_quantity) * closed.side.sign
        return Trade(
            trade_id=closed.trade_id,
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
            capital=closed.capital,
            venue=venue,
            funding=closed.funding,
            entry_intent_id=None if closed.own_trade_id is None else closed.entry_intent_id,
            strategy_version=closed.strategy_version,
            signal_id=closed.signal_id,
        )
