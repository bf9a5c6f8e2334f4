"""Limits on frequency: orders, entries, cancellations, repeats, and the pause after a rejection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import Check, Finding, at_most, below, long_enough

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def _quarantine_after_reject(s: Situation, bound: int) -> Finding:
    return long_enough(s.account.usage.rejected_at(s.entry.market.symbol), bound * 60, s.now)


def _duplicate_window(s: Situation, bound: int) -> Finding:
    """A repeated execution (MiFID II RTS 6, article 15): the same side of the same market, by the same subscription."""
    use = s.account.usage.market(s.entry.key)
    same = use.entered_side is None or use.entered_side is s.entry.side
    return long_enough(use.entered_at if same else None, bound, s.now)


def _max_orders_per_second(s: Situation, bound: int) -> Finding:
    return at_most(s.account.usage.orders_within(SECOND, s.now) + s.entry.order_count, bound)


def _max_orders_per_minute(s: Situation, bound: int) -> Finding:
    return at_most(s.account.usage.orders_within(MINUTE, s.now) + s.entry.order_count, bound)


def _max_orders_per_day(s: Situation, bound: int) -> Finding:
    return at_most(s.account.usage.today(s.now).orders + s.entry.order_count, bound)


def _max_trades_per_day(s: Situation, bound: int) -> Finding:
    return at_most(s.results.entries + 1, bound)


def _max_daily_notional(s: Situation, bound: Decimal) -> Finding:
    return at_most(s.account.usage.today(s.now).notional + s.entry.notional, bound)


def _max_cancels_per_minute(s: Situation, bound: int) -> Finding:
    return below(s.account.usage.cancels_within(MINUTE, s.now), bound)


CHECKS: Mapping[str, Check] = {
    "quarantine_after_reject_minutes": _quarantine_after_reject,
    "duplicate_window_seconds": _duplicate_window,
    "max_orders_per_second": _max_orders_per_second,
    "max_orders_per_minute": _max_orders_per_minute,
    "max_orders_per_day": _max_orders_per_day,
    "max_trades_per_day": _max_trades_per_day,
    "max_daily_notional": _max_daily_notional,
    "max_cancels_per_minute": _max_cancels_per_minute,
}
