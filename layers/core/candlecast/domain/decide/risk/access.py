"""Limits on who may trade what and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import BROKEN, PASSED, Check, Finding, at_most, unknown
from candlecast.domain.limits.trading_window import Blackout, TradingWindow, is_blacked_out, is_open
from candlecast.domain.values.terms import PositionSide


def _said(allowed: bool) -> Finding:
    return PASSED if allowed else BROKEN


def _reduce_only(_: Situation, bound: bool) -> Finding:
    return _said(not bound)


def _allowed_venues(s: Situation, bound: tuple[str, ...]) -> Finding:
    return _said(s.account.venue in bound)


def _allowed_markets(s: Situation, bound: tuple[str, ...]) -> Finding:
    return _said(s.entry.market.symbol in bound)


def _denied_markets(s: Situation, bound: tuple[str, ...]) -> Finding:
    return _said(s.entry.market.symbol not in bound)


def _allowed_sides(s: Situation, bound: tuple[PositionSide, ...]) -> Finding:
    return _said(s.entry.side in bound)


def _trading_windows(s: Situation, bound: tuple[TradingWindow, ...]) -> Finding:
    return _said(is_open(bound, s.now))


def _blackouts(s: Situation, bound: tuple[Blackout, ...]) -> Finding:
    return _said(not is_blacked_out(bound, s.now))


def _max_state_age(s: Situation, bound: int) -> Finding:
    """Positions and balance come with the same look, so one age is that of both."""
    looked_at = s.account.reconciled_at
    if looked_at is None:
        return unknown(bound)
    return at_most((s.now - looked_at) // timedelta(seconds=1), bound)


CHECKS: Mapping[str, Check] = {
    "reduce_only": _reduce_only,
    "allowed_venues": _allowed_venues,
    "allowed_markets": _allowed_markets,
    "denied_markets": _denied_markets,
    "allowed_sides": _allowed_sides,
    "trading_windows": _trading_windows,
    "blackouts": _blackouts,
    "max_state_age_seconds": _max_state_age,
}
