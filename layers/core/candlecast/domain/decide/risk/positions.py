"""Limits on how many positions and orders there are, and on trading with oneself."""

from __future__ import annotations

from collections.abc import Mapping

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import BROKEN, PASSED, Check, Finding, at_most
from candlecast.domain.values.terms import Side


def _one_position_per_market(s: Situation, bound: bool) -> Finding:
    if not bound:
        return PASSED
    here = (each for each in s.exposures if each.market == s.entry.market.symbol)
    others = sum(1 for each in here if each.subscription_id != s.entry.subscription_id)  # an add is the same position
    return at_most(others + 1, 1)


def _max_adds(s: Situation, bound: int) -> Finding:
    """An entry into a market in which the subscription holds a position would be an add."""
    held = s.account.positions.get(s.entry.key) if s.entry.key != s.entry.closing_key else None
    return at_most(held.adds + 1 if held is not None else 0, bound)


def _max_positions(s: Situation, bound: int) -> Finding:
    return at_most(s.positions(s.entry.subscription_id), bound)


def _max_account_positions(s: Situation, bound: int) -> Finding:
    return at_most(s.positions(), bound)


def _max_open_orders(s: Situation, bound: int) -> Finding:
    return at_most(len(s.account.intents) + s.entry.order_count, bound)


def _self_match_prevention(s: Situation, bound: bool) -> Finding:
    """Orders that rest in the book match; conditional ones become market orders, which do not rest."""
    market, other = s.entry.market.symbol, Side.closing(s.entry.side)
    ours = any(
        i.market == market and not i.order_type.is_conditional and i.position_side is not None and i.side is other
        for i in s.account.intents.values()
    )
    foreign = any(order.market == market and order.side is other for order in s.account.external_orders)
    return BROKEN if bound and (ours or foreign) else PASSED


CHECKS: Mapping[str, Check] = {
    "one_position_per_market": _one_position_per_market,
    "max_adds": _max_adds,
    "max_positions": _max_positions,
    "max_account_positions": _max_account_positions,
    "max_open_orders": _max_open_orders,
    "self_match_prevention": _self_match_prevention,
}
