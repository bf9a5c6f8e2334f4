"""The band of limit prices as exchangeInfo tells it, and bands that are not believed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.adapters.ccxt.test_announced_ends import a_symbol, downloaded


def a_filter(up: Any, down: Any) -> dict[str, Any]:
    return {"filterType": "PERCENT_PRICE", "multiplierUp": up, "multiplierDown": down, "multiplierDecimal": "4"}


@pytest.mark.parametrize(
    ("filters", "band"),
    [
        ([a_filter("1.0500", "0.9500")], (Decimal("1.05"), Decimal("0.95"))),
        ([], (None, None)),
        ([a_filter("0", "0")], (None, None)),
        ([a_filter("0.5", "1.5")], (None, None)),  # a band without the mark in it would refuse every entry
        ([a_filter(None, None)], (None, None)),
    ],
)
def test_a_band_is_read_if_the_venue_tells_one_that_can_be_meant(
    monkeypatch: pytest.MonkeyPatch, filters: list[dict[str, Any]], band: tuple[Decimal | None, Decimal | None]
) -> None:
    (market,) = downloaded(monkeypatch, a_symbol(filters=[*a_symbol()["filters"], *filters]))
    assert (market.multiplier_up, market.multiplier_down) == band
