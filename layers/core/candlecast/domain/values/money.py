"""Decimal money and quantities: quantised down, never a float."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from candlecast.domain.values.errors import InvalidValue

ZERO = Decimal(0)
HUNDRED = Decimal(100)
PAYMENT_DIGITS = -8
PAYMENT_STEP = Decimal(1).scaleb(PAYMENT_DIGITS)  # Binance books commissions, profits and funding in eight decimals
# Quote assets that count one for one: an assumption. Their prices differ by a few tenths of a per cent, in a crisis by ten.
DOLLARS = frozenset({"USDT", "USDC"})


def require_decimal(name: str, value: object, *, positive: bool = False, non_negative: bool = False) -> Decimal:
    """Return `value` if it is a finite Decimal of the wanted sign; raise `InvalidValue` otherwise (a float is refused)."""
    if not isinstance(value, Decimal):
        raise InvalidValue(f"{name} must be a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise InvalidValue(f"{name} must be finite")
    if positive and value <= 0:
        raise InvalidValue(f"{name} must be above zero")
    if non_negative and value < 0:
        raise InvalidValue(f"{name} must not be negative")
    return value


def require_utc(name: str, value: datetime) -> datetime:
    """Return `value` if it is an aware datetime in UTC; raise `InvalidValue` otherwise."""
    if value.tzinfo is None or value.utcoffset() != timedelta(0):
        raise InvalidValue(f"{name} must be an aware datetime in UTC")
    return value


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round `value` towards zero to a multiple of `step` (a quantity is never rounded up: it could exceed what was decided)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Round `value` to the nearest multiple of `step`, for trigger prices."""
    return (value / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step


def payment(amount: Decimal) -> Decimal:
    """An amount in at most as many digits as venues pay in; an estimate with more would never be what is charged."""
    exponent = amount.as_tuple().exponent
    return amount.quantize(PAYMENT_STEP) if isinstance(exponent, int) and exponent < PAYMENT_DIGITS else amount


def percent_of(value: Decimal, percent: Decimal) -> Decimal:
    """`percent` per cent of `value`."""
    return value * percent / HUNDRED
