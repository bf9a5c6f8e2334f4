"""The terms of orders and positions, in the words of every exchange."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @staticmethod
    def opening(position: PositionSide) -> Side:
        return Side.BUY if position is PositionSide.LONG else Side.SELL

    @staticmethod
    def closing(position: PositionSide) -> Side:
        return Side.SELL if position is PositionSide.LONG else Side.BUY


class OrderType(StrEnum):
    """The order types that we place."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"  # an entry above (long) the market, or a stop loss
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"  # at market once the price has come back by a percentage from its best

    @property
    def is_conditional(self) -> bool:
        """Whether the venue holds it back until its price triggers it."""
        return self not in (OrderType.MARKET, OrderType.LIMIT)

    @property
    def has_limit(self) -> bool:
        """Whether it may rest in the book at its own price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)

    @property
    def rests(self) -> bool:
        """Whether it waits at the venue for its price, so that being open says nothing."""
        return self is not OrderType.MARKET


class PositionMode(StrEnum):
    """How a venue keeps an account's positions: one net position in a market, or a long and a short one side by side."""

    ONE_WAY = "ONE_WAY"
    HEDGE = "HEDGE"


class PositionSide(StrEnum):
    """The side of a position."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        return 1 if self is PositionSide.LONG else -1


class TimeInForce(StrEnum):
    """How long an order with a price stands."""

    GTC = "GTC"  # until it is cancelled
    IOC = "IOC"  # what is not filled at once is gone
    FOK = "FOK"  # filled at once as a whole, or not at all

    @property
    def is_immediate(self) -> bool:
        """Whether nothing of the order ever rests."""
        return self is not TimeInForce.GTC


class WorkingType(StrEnum):
    """The price that triggers a stop, in Binance's words."""

    CONTRACT_PRICE = "CONTRACT_PRICE"  # the last trade's
    MARK_PRICE = "MARK_PRICE"


class MarginMode(StrEnum):
    """How the venue pools margin."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"
