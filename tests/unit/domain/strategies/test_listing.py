"""Cards of the marketplace: their figures, their order, and the search in them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.listing import (
    MAX_SEARCHED_CHARACTERS,
    MIN_RANKED_TENANTS,
    MIN_RANKED_TRADES,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    RecordStart,
    is_listed,
    search_words,
)
from candlecast.domain.strategies.record import RecordSums, StrategyRecord, TenantRecord
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, a_strategy, an_external_strategy

START = RecordStart(opened_at=NOW, price=Decimal(80))


def record_of(*tenants: tuple[str, ...]) -> StrategyRecord:
    """A record of tenants, each with the returns of their trades."""
    sums = RecordSums()
    for returns in tenants:
        tenant = TenantRecord()
        for trade_return in returns:
            tenant = tenant.with_trade(Decimal(trade_return))
        sums += tenant.part
    return StrategyRecord(venue="paper", sums=sums)


def ranked(mean: str, *, tenants: int = MIN_RANKED_TENANTS, trades: int = MIN_RANKED_TRADES) -> ListedRecord:
    return ListedRecord(mean_return_percent=Decimal(mean), tenants=tenants, trades=trades)


def test_the_figures_follow_from_the_public_sums() -> None:
    record = record_of(("0.10", "-0.02"), ("0.04",))
    listed = ListedRecord.of(a_strategy(subscriber_count=7), record, START, Decimal(100))
    assert listed == ListedRecord(
        followers=7,
        tenants=2,
        trades=3,
        mean_return_percent=Decimal("4.0000"),
        win_rate_percent=Decimal("66.67"),
        profit_factor=Decimal("7.000"),
        return_per_tenant_percent=Decimal("6.0000"),
        since=NOW,
        buy_and_hold_percent=Decimal("25.0000"),
    )


def test_a_tenant_of_many_trades_counts_with_thirty_mean_ones() -> None:
    listed = ListedRecord.of(a_strategy(), record_of(("0.01",) * 60, ("0.01",)), START, None)
    assert listed.return_per_tenant_percent == (Decimal(30) + Decimal(1)) / 2


def test_before_the_first_public_trade_a_card_tells_neither_its_beginning_nor_buy_and_hold() -> None:
    listed = ListedRecord.of(a_strategy(), record_of(), START, Decimal(100))
    assert listed == ListedRecord(followers=0)


def test_without_a_start_a_market_or_a_price_there_is_no_buy_and_hold() -> None:
    record = record_of(("0.10",))
    assert ListedRecord.of(a_strategy(), record, None, Decimal(100)).buy_and_hold_percent is None
    assert ListedRecord.of(a_strategy(), record, START, None).buy_and_hold_percent is None
    external = ListedRecord.of(an_external_strategy(), record, START, Decimal(100))
    assert (external.since, external.buy_and_hold_percent) == (NOW, None)


def test_a_young_record_stands_behind_every_ranked_one_however_lucky_it_was() -> None:
    worst = ranked("-100")
    for young in (ranked("100", tenants=MIN_RANKED_TENANTS - 1), ranked("100", trades=MIN_RANKED_TRADES - 1), ListedRecord()):
        assert not young.is_ranked
        assert young.score < worst.score
    assert worst.is_ranked


@given(st.decimals(-100, 100, places=4), st.decimals(-100, 100, places=4))
def test_ranked_records_sort_by_their_mean_return(one: Decimal, other: Decimal) -> None:
    assert (ranked(str(one)).score < ranked(str(other)).score) is (one < other)


def test_young_records_sort_by_their_trades() -> None:
    assert ListedRecord(trades=9, tenants=1).score < ListedRecord(trades=10, tenants=1).score


@pytest.mark.parametrize(
    ("changes", "listed"),
    [
        ({}, True),
        ({"visibility": Visibility.PRIVATE}, False),
        ({"visibility": Visibility.LINK, "link_key": "k" * 32}, False),
        ({"retired_at": NOW}, False),
        ({"reserved_for": "tenant-9"}, False),
    ],
)
def test_only_public_strategies_that_live_are_listed(changes: dict[str, Any], listed: bool) -> None:
    assert is_listed(a_strategy(**changes)) is listed


def test_a_search_finds_words_in_any_writing_and_order() -> None:
    listing = Listing.of(a_strategy(name="Straße ＡＢＣ", description="Follows the TREND", tags=("momentum",)))
    for text in ("strasse", "abc STRASSE", "ＦＯＬＬＯＷＳ", "trend momentum", "btc/usdt"):
        assert ListingQuery(is_paper=True, sort=ListingSort.NEWEST, words=search_words(text)).finds(listing), text
    assert not ListingQuery(is_paper=True, sort=ListingSort.NEWEST, words=search_words("trend reversal")).finds(listing)


def test_a_tag_is_found_whole() -> None:
    listing = Listing.of(a_strategy(tags=("mean-reversion",)))
    assert ListingQuery(is_paper=True, sort=ListingSort.NEWEST, tag="mean-reversion").finds(listing)
    assert not ListingQuery(is_paper=True, sort=ListingSort.NEWEST, tag="mean").finds(listing)


@pytest.mark.parametrize("text", ["a b c d e f", "x" * 101, "ﷺ" * 100 + "a"])
def test_a_search_is_bounded(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ListingQuery(is_paper=True, sort=ListingSort.RECORD, words=search_words(text))
    assert refused.value.code == "SEARCH_INVALID"


def test_a_tag_that_no_strategy_can_have_is_refused() -> None:
    with pytest.raises(InvalidValue) as refused:
        ListingQuery(is_paper=True, sort=ListingSort.RECORD, tag="No Tag")
    assert refused.value.code == "TAGS_INVALID"


def test_the_searched_text_is_bounded_though_letters_unfold() -> None:
    assert len(Listing.of(a_strategy(description="ﷺ" * 500)).searched_text) == MAX_SEARCHED_CHARACTERS
