"""Limits on positions together: by market, by group of markets, by strategy, by account. Entries under way count in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from candlecast.domain.decide.risk.entry import Exposure, Situation
from candlecast.domain.decide.risk.finding import Check, Finding, at_most, percent, unknown
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide


def _gross(s: Situation, counts: Callable[[Exposure], bool] = lambda _: True) -> Decimal:
    return sum((each.notional for each in s.exposures if counts(each)), ZERO)


def _in_market(s: Situation) -> Decimal:
    return _gross(s, lambda each: each.market == s.entry.market.symbol)


def _of_equity(s: Situation, value: Decimal, bound: Decimal) -> Finding:
    return unknown(bound) if s.equity is None else at_most(percent(value, s.equity), bound)


def _max_position_notional(s: Situation, bound: Decimal) -> Finding:
    return at_most(_in_market(s), bound)


def _max_gross_exposure(s: Situation, bound: Decimal) -> Finding:
    return at_most(_gross(s), bound)


def _max_net_exposure(s: Situation, bound: Decimal) -> Finding:
    """One side at its highest value against the other side at its lowest value."""
    longs, shorts = ([each for each in s.exposures if each.side is side] for side in (PositionSide.LONG, PositionSide.SHORT))
    return at_most(max(_left_over(longs, shorts), _left_over(shorts, longs)), bound)


def _left_over(one: list[Exposure], other: list[Exposure]) -> Decimal:
    return sum((each.notional for each in one), ZERO) - sum((each.least_notional for each in other), ZERO)


def _max_leverage(s: Situation, bound: Decimal) -> Finding:
    used = _gross(s, lambda each: each.subscription_id == s.entry.subscription_id)
    return at_most(used / s.entry.settings.capital, bound)


def _max_account_leverage(s: Situation, bound: Decimal) -> Finding:
    return unknown(bound) if s.equity is None else at_most(_gross(s) / s.equity, bound)


def _max_concentration(s: Situation, bound: Decimal) -> Finding:
    return _of_equity(s, _in_market(s), bound)


def _max_correlated_exposure(s: Situation, bound: Decimal) -> Finding:
    """The largest of the groups that the market belongs to; a market that is in none is a group of its own."""
    market = s.entry.market.symbol
    groups = [group for group in s.limits.correlated_markets or () if market in group] or [(market,)]
    return _of_equity(s, max(_gross(s, lambda each, group=group: each.market in group) for group in groups), bound)  # type: ignore[misc]


def _max_strategy_allocation(s: Situation, bound: Decimal) -> Finding:
    return _of_equity(s, _gross(s, lambda each: each.strategy_id == s.entry.strategy_id), bound)


def _max_portfolio_heat(s: Situation, bound: Decimal) -> Finding:
    """The sum of losses if every stop is hit (Elder, Come Into My Trading Room); without a stop there is no such sum."""
    risks = [each.risk for each in s.exposures]
    known = [risk for risk in risks if risk is not None]
    return unknown(bound) if len(known) < len(risks) else _of_equity(s, sum(known, ZERO), bound)


def _max_margin_usage(s: Situation, bound: Decimal) -> Finding:
    """Initial margin, notional over leverage; a market whose leverage is not known counts with all its notional."""
    return _of_equity(s, sum((each.notional / each.leverage for each in s.exposures), ZERO), bound)


CHECKS: Mapping[str, Check] = {
    "max_position_notional": _max_position_notional,
    "max_gross_exposure": _max_gross_exposure,
    "max_net_exposure": _max_net_exposure,
    "max_leverage": _max_leverage,
    "max_account_leverage": _max_account_leverage,
    "max_concentration_percent": _max_concentration,
    "max_correlated_exposure_percent": _max_correlated_exposure,
    "max_strategy_allocation_percent": _max_strategy_allocation,
    "max_portfolio_heat_percent": _max_portfolio_heat,
    "max_margin_usage_percent": _max_margin_usage,
}
