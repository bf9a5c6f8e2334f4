"""Rules of venues: Binance's follow its documentation, and a venue without a description gets the most careful rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.adapters.ccxt.clients import RECEIVE_WINDOW_MS, REQUEST_TIMEOUT_MS
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.venue.rules import BINANCE_USDM, CAUTIOUS, VenueRequest, VenueRules, request_for_candles, rules_of


def test_the_paper_exchange_takes_its_time_like_the_original_and_serves_more() -> None:
    paper = rules_of("paper")
    assert (paper.settle_window, paper.lookup_spacing) == (BINANCE_USDM.settle_window, BINANCE_USDM.lookup_spacing)
    assert paper.weights == rules_of("binanceusdm").weights == BINANCE_USDM.weights
    assert paper.used_weight_header == BINANCE_USDM.used_weight_header
    assert paper.weight_per_minute > BINANCE_USDM.weight_per_minute


@pytest.mark.parametrize("name", ["", "bybit", "BINANCEUSDM", "binance"])
def test_a_venue_of_which_nothing_is_known_gets_the_most_cautious_rules(name: str) -> None:
    assert rules_of(name) is CAUTIOUS


@pytest.mark.parametrize("part", ["send_window", "processing_timeout", "receive_window", "settle_margin", "lookup_spacing"])
def test_the_cautious_rules_never_wait_less_than_a_known_venues(part: str) -> None:
    assert getattr(CAUTIOUS, part) >= getattr(BINANCE_USDM, part)


def test_the_cautious_rules_never_ask_more_often_than_a_known_venues() -> None:
    assert CAUTIOUS.weight_per_minute < BINANCE_USDM.weight_per_minute
    assert all(CAUTIOUS.weight_of(request) >= 1 for request in VenueRequest)


def test_binances_settle_window_is_what_the_adapter_asks_for() -> None:
    assert BINANCE_USDM.receive_window == timedelta(milliseconds=RECEIVE_WINDOW_MS)
    assert BINANCE_USDM.processing_timeout > timedelta(milliseconds=REQUEST_TIMEOUT_MS)
    assert BINANCE_USDM.settle_window == timedelta(seconds=25)


def test_an_order_takes_no_weight_at_binance_and_a_look_at_everything_takes_most() -> None:
    assert BINANCE_USDM.weight_of(VenueRequest.PLACE_ORDER, 100) == 0
    assert BINANCE_USDM.weight_of(VenueRequest.OPEN_ORDERS) == 40
    assert BINANCE_USDM.weight_of(VenueRequest.OPEN_ORDERS_OF_MARKET, 3) == 3
    assert set(BINANCE_USDM.weights) == set(VenueRequest)


@pytest.mark.parametrize(
    ("rules", "markets", "at_once"),
    [(BINANCE_USDM, 40, False), (BINANCE_USDM, 41, True), (CAUTIOUS, 1, False), (CAUTIOUS, 2, True)],
)
def test_open_orders_are_listed_in_the_way_that_weighs_less(rules: VenueRules, markets: int, at_once: bool) -> None:
    assert rules.lists_at_once(markets) is at_once


@pytest.mark.parametrize("count", [1, 49, 50, 249, 250, 750, 1_500])
def test_candles_are_never_taken_for_cheaper_than_they_are(count: int) -> None:
    """The venue's own table, for candles that it has and for those that are made of twice as many, 1,000 at once."""
    tiers = {99: 1, 499: 2, 1_000: 5}
    for asked in (count, 2 * count):
        pages = [1_000] * (asked // 1_000) + [asked % 1_000]
        counted = sum(min(weight for most, weight in tiers.items() if page <= most) for page in pages if page)
        assert counted <= BINANCE_USDM.weight_of(request_for_candles(count))


@pytest.mark.parametrize("weight", [-1, 2_401])
def test_a_weight_that_no_budget_can_carry_is_refused(weight: int) -> None:
    with pytest.raises(InvalidValue):
        replace(BINANCE_USDM, weights={VenueRequest.TRADES: weight})
