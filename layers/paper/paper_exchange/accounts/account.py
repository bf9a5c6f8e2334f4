"""A paper account's whole state as frozen values, and the values that leave the account as history.

The state that decides an order (balances, positions, settings, open orders, keys) is one value with one version. So two
concurrent requests of an account cannot both act on the same state. Times ending in `_ms` are milliseconds since the epoch;
`market_ms` is market time, all others wall time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
EXPIRE_MAKER = "EXPIRE_MAKER"  # the venue's default against trades with oneself: the resting order gives way
MARK_PRICE = "MARK_PRICE"  # workingType of a conditional order that is held against the mark instead of the last price
NO_MATCH = "NONE"  # priceMatch of an order that names its price
DEFAULT_LEVERAGE = 20  # the venue's own default for a new symbol
ID_BASE = 1_000_000  # ids of one account; with the 32 bits before it an id stays below 2**53, exact in every JSON reader


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class PositionSide(StrEnum):
    """BOTH is the net position of one-way mode; in hedge mode a long and a short one stand side by side."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"

    def closed_by(self, side: Side) -> bool:
        """Whether an order on `side` takes away from a position that can only lie on this one."""
        return (self is PositionSide.LONG and side is Side.SELL) or (self is PositionSide.SHORT and side is Side.BUY)


class OrderKind(StrEnum):
    """The order types that this venue executes; STOP and TAKE_PROFIT become limit orders when they trigger."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def is_stop(self) -> bool:
        """Whether it waits on the losing side of the price: a trailing stop does once it trails."""
        return self in (OrderKind.STOP, OrderKind.STOP_MARKET, OrderKind.TRAILING_STOP_MARKET)

    @property
    def becomes_limit(self) -> bool:
        return self in (OrderKind.STOP, OrderKind.TAKE_PROFIT)


class OrderStatus(StrEnum):
    """EXPIRED_IN_MATCH: ended so that the account does not trade with itself."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class AlgoStatus(StrEnum):
    """NEW until triggered; TRIGGERED while the order that it became is open; FINISHED after that order; REJECTED if refused.

    EXPIRED if the venue ended it, since its position was gone.
    """

    NEW = "NEW"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A market or limit order; `signed_by` is the fingerprint of the key that signed it.

    In hedge mode an order that closes is `reduce_only`, as the venue shows it. `good_till_ms` is the date that the client sent,
    `expires_ms` the market time that it means; zero without one. `price_match` is where in the book the price came from.
    """

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    kind: OrderKind
    original_kind: OrderKind
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    signed_by: str
    placed_ms: int
    updated_ms: int
    market_ms: int
    status: OrderStatus = OrderStatus.NEW
    executed: Decimal = ZERO
    quote: Decimal = ZERO
    trigger_price: Decimal = ZERO
    close_position: bool = False
    position_side: PositionSide = PositionSide.BOTH
    amendments: int = 0
    self_trade_prevention: str = EXPIRE_MAKER
    good_till_ms: int = 0
    expires_ms: int = 0
    price_match: str = NO_MATCH

    @property
    def average_price(self) -> Decimal:
        return self.quote / self.executed if self.executed else ZERO

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.executed


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order; `order_id` is the order that it became when it triggered.

    A trailing stop waits for `activate_price` (zero: it trails at once), then follows `extreme`, the best price since, at a
    distance of `callback_rate` percent. The `actual_` fields tell what became of it at the moment of the trigger.
    Date and price from the book are those of the order that it becomes. The prices that it waits for and follows are of its
    `working_type`. With `price_protect` nothing triggers while mark and last price are too far apart.
    """

    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    trigger_price: Decimal
    reduce_only: bool
    close_position: bool
    working_type: str
    time_in_force: str
    signed_by: str
    placed_ms: int
    updated_ms: int
    market_ms: int
    status: AlgoStatus = AlgoStatus.NEW
    triggered_ms: int = 0
    order_id: int | None = None
    actual_price: Decimal = ZERO
    position_side: PositionSide = PositionSide.BOTH
    price: Decimal = ZERO
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    extreme: Decimal = ZERO
    self_trade_prevention: str = EXPIRE_MAKER
    actual_type: str = ""
    actual_quantity: Decimal = ZERO
    good_till_ms: int = 0
    expires_ms: int = 0
    price_match: str = NO_MATCH
    price_protect: bool = False

    @property
    def only_reduces(self) -> bool:
        return self.reduce_only or self.close_position


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `realized` is in the margin asset, `fee` in `fee_asset`; an empty `margin_asset` is the asset of the fee."""

    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    realized: Decimal
    maker: bool
    signed_by: str
    time_ms: int
    market_ms: int
    position_side: PositionSide = PositionSide.BOTH
    margin_asset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """An amendment of a resting order, the order's `count`-th; `modify_id` is the client's name for it."""

    change_id: int
    order_id: int
    client_order_id: str
    symbol: str
    count: int
    prices: tuple[Decimal, Decimal]
    quantities: tuple[Decimal, Decimal]
    price_match: str
    modify_id: int | None
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginChange:
    """Margin that was moved by hand into an isolated position, or out of it if negative."""

    change_id: int
    symbol: str
    position_side: PositionSide
    amount: Decimal
    asset: str
    time_ms: int


class IncomeKind(StrEnum):
    """Changes of a wallet without a trade; profits and fees of trades are read off the trades."""

    FUNDING_FEE = "FUNDING_FEE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


@dataclass(frozen=True, slots=True)
class IncomeEntry:
    """The payment to one position; negative is a cost."""

    symbol: str
    amount: Decimal
    asset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """Entries of one moment. They are numbered from `income_id` on, so that a settlement of any size is one row of history."""

    income_id: int
    kind: IncomeKind
    entries: tuple[IncomeEntry, ...]
    time_ms: int
    market_ms: int


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a symbol; negative is short. `isolated_wallet` is the margin that was set apart for it.

    `updated_ms` and `market_ms` tell its latest fill in wall time and market time.
    """

    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    updated_ms: int = 0
    isolated_wallet: Decimal = ZERO
    market_ms: int = 0


@dataclass(frozen=True, slots=True)
class SymbolSettings:
    leverage: int = DEFAULT_LEVERAGE
    isolated: bool = False


class KeyRight(StrEnum):
    """A permission of a key, as the venue names it. `ipRestrict` says that the key is bound to addresses."""

    IP_RESTRICT = "ipRestrict"
    READING = "enableReading"
    WITHDRAWALS = "enableWithdrawals"
    INTERNAL_TRANSFER = "enableInternalTransfer"
    MARGIN = "enableMargin"
    FUTURES = "enableFutures"
    UNIVERSAL_TRANSFER = "permitsUniversalTransfer"
    VANILLA_OPTIONS = "enableVanillaOptions"
    FIX_API_TRADE = "enableFixApiTrade"
    FIX_READ_ONLY = "enableFixReadOnly"
    SPOT_AND_MARGIN_TRADING = "enableSpotAndMarginTrading"
    PORTFOLIO_MARGIN_TRADING = "enablePortfolioMarginTrading"


USUAL_RIGHTS = (KeyRight.READING, KeyRight.FUTURES)  # of a key that its owner has made for trading futures


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's secret, needed to check a signature: encrypted at rest by the table, in no repr, answer or log.

    An Ed25519 key has no secret here: its owner keeps the private key, and `public_key` (PEM) checks the signature.
    """

    secret: str = field(repr=False)
    created_ms: int
    revoked: bool = False
    public_key: str = field(default="", repr=False)
    rights: tuple[KeyRight, ...] = USUAL_RIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that decides an order. `keys` are by fingerprint, `orders` and `algo_orders` are the open ones by id,
    `positions` by `position_key`.

    `evaluated_ms` is the market time until which everything has been looked at. One step stores a bounded number of changes. If
    there were more, the next step goes on at `evaluated_symbol`, among the candles that close a millisecond later. `replay` is
    the clock's run that both belong to (a clock that was set back starts a new one). `dated_ms` is the wall time of the latest
    order, fill or income. A later one is never dated before it, so ids and times ascend together. `burns_coin`: fees are paid in
    BNB while there is enough of it.
    """

    account_id: str
    created_ms: int
    balances: Mapping[str, Decimal]
    evaluated_ms: int
    replay: int = 0
    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)
    settings: Mapping[str, SymbolSettings] = field(default_factory=dict)
    orders: Mapping[int, Order] = field(default_factory=dict)
    algo_orders: Mapping[int, AlgoOrder] = field(default_factory=dict)
    sequence: int = 0
    hedged: bool = False
    evaluated_symbol: str = ""
    dated_ms: int = 0
    countdowns: Mapping[str, int] = field(default_factory=dict)
    burns_coin: bool = False

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Position:
        return self.positions.get(position_key(symbol, side), Position())

    @property
    def sides(self) -> tuple[PositionSide, ...]:
        """The positions that a symbol can have in the account's mode."""
        return (PositionSide.LONG, PositionSide.SHORT) if self.hedged else (PositionSide.BOTH,)

    @property
    def held(self) -> list[tuple[str, PositionSide]]:
        """The open positions, by symbol and side."""
        return sorted(position_of_key(key) for key, position in self.positions.items() if position.amount)

    def with_position(self, symbol: str, side: PositionSide, position: Position) -> Account:
        return replace(self, positions={**self.positions, position_key(symbol, side): position})

    def without_order(self, order_id: int) -> Account:
        return replace(self, orders={key: order for key, order in self.orders.items() if key != order_id})

    def without_algo_order(self, algo_id: int) -> Account:
        return replace(self, algo_orders={key: algo for key, algo in self.algo_orders.items() if key != algo_id})

    def dated(self, wall_ms: int) -> Account:
        """The account after something of that time."""
        return replace(self, dated_ms=max(self.dated_ms, wall_ms))

    def settings_of(self, symbol: str) -> SymbolSettings:
        return self.settings.get(symbol, SymbolSettings())

    def next_id(self, count: int = 1) -> tuple[Account, int]:
        """The account with its sequence moved on, and the first of `count` ids that no other account is likely to have."""
        number = int.from_bytes(hashlib.sha256(self.account_id.encode()).digest()[:4])
        return replace(self, sequence=self.sequence + count), number * ID_BASE + self.sequence + 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """An account after a step, and the step's closed orders, fills and incomes: to be stored together or not at all."""

    account: Account
    orders: tuple[Order, ...] = ()
    algo_orders: tuple[AlgoOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    incomes: tuple[Income, ...] = ()
    changes: tuple[OrderChange, ...] = ()
    margin_changes: tuple[MarginChange, ...] = ()

    @property
    def closed(self) -> int:
        """How much there is to store: closed orders, with their fills or without, fills of open orders, incomes, changes."""
        changes = len(self.changes) + len(self.margin_changes)
        return max(len(self.orders), len(self.fills)) + len(self.algo_orders) + len(self.incomes) + changes

    def then(self, later: Outcome) -> Outcome:
        """This step followed by one that started from its account."""
        return Outcome(
            later.account,
            self.orders + later.orders,
            self.algo_orders + later.algo_orders,
            self.fills + later.fills,
            self.incomes + later.incomes,
            self.changes + later.changes,
            self.margin_changes + later.margin_changes,
        )


def position_key(symbol: str, side: PositionSide) -> str:
    """How a position is named in the account; a net position by its symbol alone."""
    return symbol if side is PositionSide.BOTH else f"{symbol}/{side}"


def position_of_key(key: str) -> tuple[str, PositionSide]:
    symbol, _, side = key.partition("/")
    return symbol, PositionSide(side or PositionSide.BOTH)


def key_fingerprint(api_key: str) -> str:
    """How a key is named everywhere but in its owner's hands: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]
