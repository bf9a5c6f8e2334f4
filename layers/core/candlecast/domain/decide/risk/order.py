"""Limits on the order itself: its age, size, stop and targets, and how its price compares with the market."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import BROKEN, PASSED, Check, Finding, at_least, at_most, percent, unknown
from candlecast.domain.market.quote import Quote
from candlecast.domain.signals.entry_order import EntryType
from candlecast.domain.signals.verdict import percent_away
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


def _stop_distances(s: Situation) -> list[Decimal]:
    """Per cent from the price and from the mark; none without a stop."""
    stop = s.entry.stop
    return [] if stop is None else [percent(abs(price - stop), price) for price in s.entry.prices]


def _max_stop_distance(s: Situation, bound: Decimal) -> Finding:
    distances = _stop_distances(s)
    return at_most(max(distances), bound) if distances else unknown(bound)


def _min_stop_distance(s: Situation, bound: Decimal) -> Finding:
    distances = _stop_distances(s)
    return at_least(min(distances), bound) if distances else Finding(True, None, bound)


def _min_reward_to_risk(s: Situation, bound: Decimal) -> Finding:
    """The lower of the ratios from the price and from the mark."""
    ratios = [_reward_to_risk(s, price) for price in s.entry.prices]
    known = [ratio for ratio in ratios if ratio is not None]
    return at_least(min(known), bound) if len(known) == len(ratios) else unknown(bound)


def _reward_to_risk(s: Situation, price: Decimal) -> Decimal | None:
    """Way to the targets, weighted by their shares, over the way to the stop; the share without a target counts as no reward."""
    stop, targets, sign = s.entry.stop, s.entry.targets, s.entry.side.sign
    if stop is None or stop == price or not targets:
        return None
    return sum(((rung.price - price) * sign * rung.share for rung in targets), ZERO) / abs(price - stop)


def _max_risk_per_trade(s: Situation, bound: Decimal) -> Finding:
    allowed = percent_of(s.entry.settings.capital, bound)
    return unknown(allowed) if s.entry.risk is None else at_most(s.entry.risk, allowed)


def _max_order_quantity(s: Situation, bound: Decimal) -> Finding:
    return at_most(s.entry.quantity, bound)


def _max_order_notional(s: Situation, bound: Decimal) -> Finding:
    return at_most(s.entry.notional, bound)


def _min_order_notional(s: Situation, bound: Decimal) -> Finding:
    return at_least(s.entry.least_notional, bound)


def _quote(s: Situation) -> Quote | None:
    """The quote, if it is young enough to compare with."""
    quote = s.entry.quote
    return quote if quote is not None and s.now - quote.as_of <= MAX_QUOTE_AGE else None


def _max_quote_age(s: Situation, bound: int) -> Finding:
    quote = s.entry.quote
    return unknown(bound) if quote is None else at_most((s.now - quote.as_of) // timedelta(seconds=1), bound)


def _max_price_deviation(s: Situation, bound: Decimal) -> Finding:
    """Of an order at market. An old quote serves too, because the check is about the sender and not about the market."""
    quote, order = s.entry.quote, s.entry.order
    if order.type is not EntryType.MARKET:  # `max_resting_distance_percent` bounds it
        return Finding(True, None, bound)
    return unknown(bound) if quote is None else at_most(percent_away(s.entry.price, quote.mark_price), bound)


def _max_resting_distance(s: Situation, bound: Decimal) -> Finding:
    """Of an order with a price or trigger of its own, the one that is further away."""
    quote, order = s.entry.quote, s.entry.order
    if order.type is EntryType.MARKET:
        return Finding(True, None, bound)
    if quote is None:
        return unknown(bound)
    own = (price for price in (order.price, order.trigger_price) if price is not None)
    return at_most(max(percent_away(price, quote.mark_price) for price in own), bound)


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
    "max_resting_distance_percent": _max_resting_distance,
    "max_slippage_bps": _max_slippage,
    "max_spread_bps": _max_spread,
    "max_funding_rate_percent": _max_funding_rate,
    "min_liquidation_distance_percent": _min_liquidation_distance,
}
