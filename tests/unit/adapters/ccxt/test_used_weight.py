"""A venue's report of our address's weight, with header names in any letter case."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from candlecast.adapters.ccxt.venue import CcxtVenue
from candlecast.domain.venue.rules import BINANCE_USDM, CAUTIOUS, VenueRules


@pytest.mark.parametrize(
    ("headers", "rules", "used"),
    [
        ({"X-MBX-USED-WEIGHT-1M": "2399", "Content-Type": "application/json"}, BINANCE_USDM, 2_399),
        ({"x-mbx-used-weight-1m": "7"}, BINANCE_USDM, 7),
        ({"X-MBX-ORDER-COUNT-1M": "7"}, BINANCE_USDM, None),
        ({"X-MBX-USED-WEIGHT-1M": "many"}, BINANCE_USDM, None),
        ({"X-MBX-USED-WEIGHT-1M": "\xb2"}, BINANCE_USDM, None),
        ({"X-MBX-USED-WEIGHT-1M": "9" * 5_000}, BINANCE_USDM, None),
        ({"X-MBX-USED-WEIGHT-1M": "7"}, CAUTIOUS, None),
        (None, BINANCE_USDM, None),
    ],
)
def test_the_venues_count_is_read_from_its_last_answer(
    headers: dict[str, str] | None, rules: VenueRules, used: int | None
) -> None:
    assert CcxtVenue(SimpleNamespace(last_response_headers=headers), rules).used_weight == used
