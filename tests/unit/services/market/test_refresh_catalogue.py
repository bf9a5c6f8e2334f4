"""The catalogue keeps markets that a venue lists no more, and believes no list that is much too short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest

from candlecast.domain.market.delisting import FEW, LARGEST_PART, MAX_DELISTED, carried_forward, is_plausible
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import RetryLater
from candlecast.services.market.refresh_catalogue import NOT_BELIEVED, RefreshCatalogue
from tests.support.builders import BTC, ETH, NOW, VENUE, a_market
from tests.support.fakes.clock import FakeClock, RecordingMetrics

DAY = timedelta(days=1)


class Catalogue:
    """`ports.venue.CatalogueStore` in memory."""

    def __init__(self) -> None:
        self.markets: dict[str, tuple[Market, ...]] = {}

    def read(self, venue: str) -> Sequence[Market]:
        return self.markets.get(venue, ())

    def write(self, venue: str, markets: Sequence[Market]) -> None:
        self.markets[venue] = tuple(markets)


class Refreshes:
    """A venue whose list a test changes, and its catalogue."""

    def __init__(self, *symbols: str) -> None:
        self.listed: list[Market] = [a_market(symbol) for symbol in symbols]
        self.clock, self.catalogue = FakeClock(), Catalogue()
        sources = {VENUE: lambda: tuple(self.listed), "other": lambda: (a_market(),)}
        self.refresh = RefreshCatalogue(sources, self.catalogue, self.clock, RecordingMetrics())

    def __call__(self, *, believe: bool = False) -> dict[str, Market]:
        self.refresh([VENUE], believe=believe)
        return {market.symbol: market for market in self.catalogue.markets[VENUE]}

    def list_only(self, symbols: Iterable[str]) -> None:
        self.listed = [a_market(symbol) for symbol in symbols]


def many(count: int) -> list[str]:
    return [f"M{number}/USDT:USDT" for number in range(count)]


def test_a_market_that_is_listed_no_more_keeps_its_rules_and_takes_no_entries() -> None:
    refreshes = Refreshes(BTC, ETH)
    assert refreshes()[ETH].takes_entries
    refreshes.list_only([BTC])
    refreshes.clock.advance(3_600)
    gone = refreshes.clock.now()
    for _ in range(3):
        markets = refreshes()
        assert markets[ETH] == a_market(ETH, delists_at=gone)
        refreshes.clock.advance(3_600)
    assert (markets[ETH].takes_entries, markets[ETH].has_ended(gone), markets[BTC].takes_entries) == (False, True, True)


def test_a_market_that_is_listed_again_takes_entries_again() -> None:
    refreshes = Refreshes(BTC, ETH)
    refreshes()
    refreshes.list_only([BTC])
    refreshes()
    refreshes.list_only([BTC, ETH])
    assert refreshes()[ETH] == a_market(ETH)


def test_an_announced_end_is_kept_as_announced_until_it_has_come() -> None:
    refreshes = Refreshes(BTC, ETH)
    refreshes.listed[1] = a_market(ETH, delists_at=NOW + DAY)
    market = refreshes()[ETH]
    assert (market.takes_entries, market.has_ended(NOW), market.has_ended(NOW + DAY)) == (False, False, True)
    refreshes.list_only([BTC])
    refreshes.clock.advance(2 * DAY.total_seconds())
    assert refreshes()[ETH].delists_at == NOW + DAY


@pytest.mark.parametrize("left", [0, 1, 100 - max(FEW, 100 // LARGEST_PART) - 1])
def test_a_list_that_is_much_too_short_is_not_believed(left: int) -> None:
    symbols = many(100)
    refreshes = Refreshes(*symbols)
    before = refreshes()
    refreshes.list_only(symbols[:left])
    with pytest.raises(RetryLater, match=NOT_BELIEVED):
        refreshes()
    assert {market.symbol: market for market in refreshes.catalogue.markets[VENUE]} == before


def test_a_list_that_is_not_believed_leaves_the_other_venues_their_refresh() -> None:
    refreshes = Refreshes(*many(20))
    refreshes()
    refreshes.listed = []
    with pytest.raises(RetryLater, match=NOT_BELIEVED):
        refreshes.refresh()
    assert refreshes.catalogue.markets["other"] == (a_market(),)


def test_a_person_who_has_looked_may_have_a_short_list_believed() -> None:
    symbols = many(100)
    refreshes = Refreshes(*symbols)
    refreshes()
    refreshes.list_only(symbols[:1])
    markets = refreshes(believe=True)
    assert [market.symbol for market in markets.values() if market.takes_entries] == symbols[:1]
    assert len(markets) == 100


def test_announced_ends_do_not_count_as_vanished() -> None:
    known = [a_market(symbol, delists_at=NOW) for symbol in many(99)] + [a_market()]
    assert is_plausible(known, [a_market()], NOW)
    assert not is_plausible(known, [a_market()], NOW - DAY)


def test_a_venue_of_few_markets_may_end_one() -> None:
    assert is_plausible([a_market(BTC), a_market(ETH)], [a_market(BTC)], NOW)
    assert is_plausible((), [a_market(BTC)], NOW)
    assert not is_plausible((), (), NOW)


def test_a_catalogue_keeps_a_bounded_number_of_ended_markets_the_newest() -> None:
    known = [a_market(symbol, delists_at=NOW - number * DAY) for number, symbol in enumerate(many(MAX_DELISTED + 10))]
    kept = carried_forward(known, [a_market(BTC)], NOW)
    assert [market.symbol for market in kept] == [BTC, *many(MAX_DELISTED)]
