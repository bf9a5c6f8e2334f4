"""Prices of a market's two sides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.quotes import market


@pytest.mark.parametrize(
    ("price", "half_spread_bps", "bid", "ask"),
    [
        ("50000.0", "0", "50000.0", "50000.0"),
        ("50000.0", "1", "49995.0", "50005.0"),
        ("38271.3", "1", "38267.4", "38275.2"),  # 38267.47287 and 38275.12713
        ("0.1", "1", "0.0", "0.2"),
    ],
)
def test_bid_and_ask_lie_on_the_tick_and_favour_nobody_who_takes(price: str, half_spread_bps: str, bid: str, ask: str) -> None:
    spec = market(tick_size=Decimal("0.1"), half_spread_bps=Decimal(half_spread_bps))
    assert (spec.bid(Decimal(price)), spec.ask(Decimal(price))) == (Decimal(bid), Decimal(ask))
