"""The symbol filters: rules for the form of an order, checked before anything else.

Order of the checks and codes follow the venue: sign, precision, range, step, notional.
"""

from __future__ import annotations

from decimal import Decimal

from paper_exchange import errors
from paper_exchange.markets.markets import MarketSpec, decimals


def check_open(spec: MarketSpec, market_ms: int) -> None:
    """A market is traded until its delivery date."""
    if spec.has_ended(market_ms):
        raise errors.market_ended()


def check_quantity(spec: MarketSpec, quantity: Decimal, *, market: bool) -> None:
    """LOT_SIZE, or MARKET_LOT_SIZE for an order that executes at once."""
    if quantity <= 0:
        raise errors.quantity_not_positive()
    if decimals(quantity) > spec.quantity_decimals:
        raise errors.too_precise()
    if quantity < spec.min_quantity:
        raise errors.quantity_below_minimum()
    if quantity > (spec.max_market_quantity if market else spec.max_quantity):
        raise errors.quantity_above_maximum()
    if quantity % spec.step_size:
        raise errors.quantity_off_step()


def check_price(spec: MarketSpec, price: Decimal) -> None:
    """PRICE_FILTER for a limit price."""
    if price <= 0:
        raise errors.price_not_positive()
    _check_tick(spec, price)


def check_trigger_price(spec: MarketSpec, price: Decimal) -> None:
    """PRICE_FILTER for a trigger price."""
    if price <= 0:
        raise errors.trigger_not_positive()
    _check_tick(spec, price)


def _check_tick(spec: MarketSpec, price: Decimal) -> None:
    if decimals(price) > spec.price_decimals:
        raise errors.too_precise()
    if price < spec.min_price:
        raise errors.price_below_minimum()
    if price > spec.max_price:
        raise errors.price_above_maximum()
    if price % spec.tick_size:
        raise errors.price_off_tick()


def check_percent_price(spec: MarketSpec, price: Decimal, mark: Decimal, *, buys: bool) -> None:
    """PERCENT_PRICE: a buyer's limit not too far above the mark price, a seller's not too far below it."""
    if buys and price > mark * spec.multiplier_up:
        raise errors.price_above_multiplier((mark * spec.multiplier_up).quantize(spec.tick_size))
    if not buys and price < mark * spec.multiplier_down:
        raise errors.price_below_multiplier((mark * spec.multiplier_down).quantize(spec.tick_size))


def check_notional(spec: MarketSpec, notional: Decimal, *, reduces: bool) -> None:
    """MIN_NOTIONAL; an order that only reduces may be smaller."""
    if not reduces and notional < spec.min_notional:
        raise errors.notional_too_small(spec.min_notional)
