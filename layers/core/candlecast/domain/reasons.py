"""The closed set of reasons why an order was not placed. Codes are public and stable; each has its page in the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Reason(StrEnum):
    """Why a subscriber's order was skipped, denied, expired or rejected."""

    # skipped: there was nothing to decide
    NO_ACCOUNT = "NO_ACCOUNT"
    NO_CREDENTIALS = "NO_CREDENTIALS"
    SUBSCRIPTION_PAUSED = "SUBSCRIPTION_PAUSED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"
    NOTHING_HELD = "NOTHING_HELD"
    POSITION_IS_NEWER = "POSITION_IS_NEWER"
    # denied: a rule of ours said no
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    MARKET_NOT_ALLOWED = "MARKET_NOT_ALLOWED"
    SIDE_NOT_ALLOWED = "SIDE_NOT_ALLOWED"
    REFERENCE_PRICE_MISSING = "REFERENCE_PRICE_MISSING"
    STOP_MISSING = "STOP_MISSING"
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    TARGET_ON_WRONG_SIDE = "TARGET_ON_WRONG_SIDE"
    POSITION_ALREADY_OPEN = "POSITION_ALREADY_OPEN"
    MARKET_IN_USE = "MARKET_IN_USE"
    OPPOSITE_POSITION_HELD = "OPPOSITE_POSITION_HELD"
    MAX_POSITIONS = "MAX_POSITIONS"
    MAX_DAILY_LOSS = "MAX_DAILY_LOSS"
    MAX_LEVERAGE = "MAX_LEVERAGE"
    MAX_ORDER_NOTIONAL = "MAX_ORDER_NOTIONAL"
    QUANTITY_TOO_SMALL = "QUANTITY_TOO_SMALL"
    QUANTITY_TOO_LARGE = "QUANTITY_TOO_LARGE"
    NOTIONAL_TOO_SMALL = "NOTIONAL_TOO_SMALL"
    TOO_MANY_OPEN_ORDERS = "TOO_MANY_OPEN_ORDERS"
    KILL_SWITCH = "KILL_SWITCH"
    VENUE_BREAKER_OPEN = "VENUE_BREAKER_OPEN"
    # expired: it came too late
    SIGNAL_TOO_OLD = "SIGNAL_TOO_OLD"
    SIGNAL_SUPERSEDED = "SIGNAL_SUPERSEDED"
    NEVER_PLACED = "NEVER_PLACED"
    # rejected: the venue said no
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    VENUE_REJECTED = "VENUE_REJECTED"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    # why an order of ours ended without a fill
    POSITION_CLOSED = "POSITION_CLOSED"
    REPLACED = "REPLACED"
    CANCELLED_AT_VENUE = "CANCELLED_AT_VENUE"


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal that names its rule: the value that was found and the bound it broke (None where the rule has none)."""

    reason: Reason
    value: Decimal | None = None
    bound: Decimal | None = None

    @property
    def margin(self) -> Decimal | None:
        """By how much the value broke the bound."""
        if self.value is None or self.bound is None:
            return None
        return abs(self.value - self.bound)
