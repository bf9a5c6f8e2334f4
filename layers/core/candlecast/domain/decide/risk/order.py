"""Limits on the order itself: its age, size, stop and targets, and how its price compares with the market."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import BROKEN, PASSED, Check, Finding, at_least, at_most, percent, unknown
from candlecast.domain.limits.quote import Quote
from candlecast.domain.values.money import HUNDRED, ZERO, percent_of
from candlecast.domain.values.terms import PositionSide

BASIS_POINTS = Decimal(10_000)
MAX_QUOTE_AGE = timedelta(seconds=60)  # an older one says nothing of the price that an order would get
MAINTENANCE_MARGIN = Decimal("0.01")  # of the notional; first tiers of Binance USD-M have 0.4 to 1 %, so this is the cautious end


def _max_signal_age(s: Situation, bound: int) -> Finding:
    return at_most(Decimal(str((s.now - s.entry.issued_at).total_seconds())), bound)


def _min_confidence(s: Situation, bound: Decimal) -> Finding:
    return unknown(bound) if s.entry.confidence is None else at_least(s.entry.confidence, bound)


def _stop_required(s: Situation, bound: bool) -> Finding:
    return BROKEN if bound and s.entry.stop is None else PASSED


def _stop_distance(s: Situation) -> Decimal | None:
    """Per cent of the reference price."""
    stop = s.entry.stop
    return None if stop is None else percent(abs(s.entry.price - stop), s.entry.price)


def _max_stop_distance(s: Situation, bound: Decimal) -> Finding:
    distance = _stop_distance(s)
    return unknown(bound) if distance is None else at_most(distance, bound)


def _min_stop_distance(s: Situation, bound: Decimal) -> Finding:
    distance = _stop_distance(s)
    return Finding(True, None, bound) if distance is None else at_least(distance, bound)


def _min_reward_to_risk(s: Situation, bound: Decimal) -> Finding:
    """Way to the targets, weighted by their shares, over the way to the stop; the share without a target counts as no reward."""
    entry = s.entry
    if entry.stop is None or entry.stop == entry.price or not entry.targets:
        return unknown(bound)
    reward = sum((abs(rung.price - entry.price) * rung.share for rung in entry.targets), ZERO)
    return at_least(reward / abs(entry.price - entry.stop), bound)


def _max_risk_per_trade(s: Situation, bound: Decimal) -> Finding:
    allowed = percent_of(s.entry.settings.capital, bound)
    return unknown(allowed) if s.entry.risk is None else at_most(s.entry.risk, allowed)


def _max_order_quantity(s: Situation, bound: Decimal) -> Finding:
    return at_most(s.entry.quantity, bound)


def _max_order_notional(s: Situation, bound: Decimal) -> Finding:
    return at_most(s.entry.notional, bound)


def _min_order_notional(s: Situation, bound: Decimal) -> Finding:
    return at_least(s.entry.notional, bound)


def _quote(s: Situation) -> Quote | None:
    """The quote, if it is young enough to compare with."""
    quote = s.entry.quote
    return quote if quote is not None and s.now - quote.as_of <= MAX_QUOTE_AGE else None


def _max_quote_age(s: Situation, bound: int) -> Finding:
    quote = s.entry.quote
    return unknown(bound) if quote is None else at_most((s.now - quote.as_of) // timedelta(seconds=1), bound)


def _max_price_deviation(s: Situation, bound: Decimal) -> Finding:
    quote = _quote(s)
    return unknown(bound) if quote is None else at_most(percent(abs(s.entry.price - quote.mark_price), quote.mark_price), bound)


def _max_slippage(s: Situation, bound: Decimal) -> Finding:
    """How much worse than the signal's price the best one on the book is."""
    quote = _quote(s)
    if quote is None:
        return unknown(bound)
    touch = quote.ask if s.entry.side is PositionSide.LONG else quote.bid
    return at_most((touch - s.entry.price) * s.entry.side.sign / s.entry.price * BASIS_POINTS, bound)


def _max_spread(s: Situation, bound: Decimal) -> Finding:
    quote = _quote(s)
    return (
        unknown(bound) if quote is None else at_most((quote.ask - quote.bid) * 2 / (quote.ask + quote.bid) * BASIS_POINTS, bound)
    )


def _max_funding_rate(s: Situation, bound: Decimal) -> Finding:
    """The funding rate that the position would pay, in per cent; longs pay a positive rate, shorts a negative one."""
    quote = _quote(s)
    if quote is None or quote.funding_rate is None:
        return unknown(bound)
    return at_most(quote.funding_rate * HUNDRED * s.entry.side.sign, bound)


def _min_liquidation_distance(s: Situation, bound: Decimal) -> Finding:
    """Per cent from the reference price to where an isolated position of this leverage would be liquidated.

    Binance's formula for linear contracts, with the initial margin as wallet balance and no other position. Source: FAQ "How to
    Calculate Liquidation Price of USD-M Futures Contracts". A long: price * (1 - 1/L) / (1 - m).
    A short: price * (1 + 1/L) / (1 + m). Under cross margin the rest of the balance makes the distance larger, so this is the
    cautious value.
    """
    sign = s.entry.side.sign
    liquidation = (1 - sign / s.entry.settings.leverage) / (1 - sign * MAINTENANCE_MARGIN)
    return at_least((1 - liquidation) * sign * HUNDRED, bound)


CHECKS: Mapping[str, Check] = {
    "max_signal_age_seconds": _max_signal_age,
    "min_confidence": _min_confidence,
    "stop_required": _stop_required,
    "max_stop_distance_percent": _max_stop_distance,
    "min_stop_distance_percent": _min_stop_distance,
    "min_reward_to_risk": _min_reward_to_risk,
    "max_risk_per_trade_percent": _max_risk_per_trade,
    "max_order_quantity": _max_order_quantity,
    "max_order_notional": _max_order_notional,
    "min_order_notional": _min_order_notional,
    "approval_above_notional": _max_order_notional,
    "max_quote_age_seconds": _max_quote_age,
    "max_price_deviation_percent": _max_price_deviation,
    "max_slippage_bps": _max_slippage,
    "max_spread_bps": _max_spread,
    "max_funding_rate_percent": _max_funding_rate,
    "min_liquidation_distance_percent": _min_liquidation_distance,
}
