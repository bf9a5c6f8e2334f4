"""Limits on open positions, which the reconciler acts on: positions that are held too long or lose too much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.orders.position import Position
from candlecast.domain.values.money import percent_of


def overdue_positions(account: Account, now: datetime) -> tuple[Position, ...]:
    """Positions held for their `max_holding_hours` or longer; close them with the reason HOLDING_TIME_OVER."""
    return tuple(p for p in account.positions.values() if _is_overdue(p, now))


def losing_positions(account: Account, marks: Mapping[str, Decimal]) -> tuple[Position, ...]:
    """Positions that have lost their `max_unrealised_loss_percent` at the mark prices given; close them: UNREALISED_LOSS.

    A market without a mark price is left alone: closing at a price that nobody knows is no protection, and its stop still stands.
    """
    return tuple(p for p in account.positions.values() if p.market in marks and _loses(p, marks[p.market]))


def has_loss_limit(position: Position) -> bool:
    """Whether its mark price decides if the position may stay."""
    return position.limits_to_close is not None and position.limits_to_close.max_unrealised_loss_percent is not None


def _is_overdue(position: Position, now: datetime) -> bool:
    hours = position.limits_to_close.max_holding_hours if position.limits_to_close is not None else None
    return hours is not None and now - position.opened_at >= timedelta(hours=float(hours))


def _loses(position: Position, mark_price: Decimal) -> bool:
    percent = position.limits_to_close.max_unrealised_loss_percent if position.limits_to_close is not None else None
    return percent is not None and -position.unrealised_pnl(mark_price) >= percent_of(position.notional, percent)
