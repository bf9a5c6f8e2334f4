"""A paper account's whole state as frozen values, and what leaves it as history.

What decides an order (balances, positions, settings, open orders, keys) is one value with one version, so two concurrent
requests of an account cannot both act on the same state. Times ending in `_ms` are milliseconds since the epoch; `market_ms` is
market time, all others wall time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
DEFAULT_LEVERAGE = 20  # the venue's own default for a new symbol
ID_BASE = 1_000_000  # ids of one account; with the 32 bits before it an id stays below 2**53, exact in every JSON reader


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderKind(StrEnum):
    """The order types that this venue executes."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"


class OrderStatus(StrEnum):
    NEW = "NEW"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class AlgoStatus(StrEnum):
    """NEW until triggered; FINISHED when the order that it became has filled; REJECTED if that order was refused."""

    NEW = "NEW"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A market or limit order; `signed_by` is the fingerprint of the key that signed it."""

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

    @property
    def average_price(self) -> Decimal:
        return self.quote / self.executed if self.executed else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order; `order_id` is the order that it became when it triggered."""

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

    @property
    def only_reduces(self) -> bool:
        return self.reduce_only or self.close_position


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `fee` and `realized` are in the margin asset; an order is filled in one piece."""

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


@dataclass(frozen=True, slots=True)
class Position:
    """The net position in a symbol; negative is short."""

    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class SymbolSettings:
    leverage: int = DEFAULT_LEVERAGE
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's secret, needed to check a signature: encrypted at rest by the table, in no repr, answer or log."""

    secret: str = field(repr=False)
    created_ms: int
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that decides an order. `keys` are by fingerprint, `orders` and `algo_orders` are the open ones by id.

    `evaluated_ms` is the market time until which triggers and resting orders have been looked at, `replay` the clock's run that
    it belongs to (a clock that was set back starts a new one).
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

    def position(self, symbol: str) -> Position:
        return self.positions.get(symbol, Position())

    def settings_of(self, symbol: str) -> SymbolSettings:
        return self.settings.get(symbol, SymbolSettings())

    def next_id(self) -> tuple[Account, int]:
        """The account with its sequence moved on, and an id that no other account is likely to have."""
        number = int.from_bytes(hashlib.sha256(self.account_id.encode()).digest()[:4])
        return replace(self, sequence=self.sequence + 1), number * ID_BASE + self.sequence + 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """An account after a step, and what the step closed: to be stored together or not at all."""

    account: Account
    orders: tuple[Order, ...] = ()
    algo_orders: tuple[AlgoOrder, ...] = ()
    fills: tuple[Fill, ...] = ()

    @property
    def closed(self) -> int:
        return len(self.orders) + len(self.algo_orders)

    def then(self, later: Outcome) -> Outcome:
        """This step followed by one that started from its account."""
        return Outcome(later.account, self.orders + later.orders, self.algo_orders + later.algo_orders, self.fills + later.fills)


def key_fingerprint(api_key: str) -> str:
    """How a key is named everywhere but in its owner's hands: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]
