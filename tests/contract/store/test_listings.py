"""The marketplace: cards of public strategies in three orders, each page one query."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind, Visibility
from candlecast.domain.strategies.listing import (
    MIN_RANKED_TENANTS,
    MIN_RANKED_TRADES,
    BacktestFigures,
    Card,
    ListedBacktest,
    ListedRecord,
    Listing,
    ListingQuery,
    ListingSort,
    ListingWalk,
    RecordStart,
    search_words,
)
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock_registry import ClockEntry
from tests.contract.store.conftest import Stores
from tests.contract.store.test_requests import counted
from tests.support.builders import BTC, NOW, STRATEGY, a_strategy, a_subscription, a_trade, after

PAPER, LIVE = True, False


def query(sort: ListingSort = ListingSort.NEWEST, *, is_paper: bool = PAPER, **values: Any) -> ListingQuery:
    return ListingQuery(is_paper=is_paper, sort=sort, **values)


def create(stores: Stores, *names: str, **changes: Any) -> list[StrategyDefinition]:
    """Strategies of these ids, each a minute newer than the one before."""
    made = [a_strategy(strategy_id=name, created_at=after(60 * number), **changes) for number, name in enumerate(names)]
    for definition in made:
        stores.strategies.create_strategy(definition)
    return made


def change(stores: Stores, strategy_id: str, **values: Any) -> None:
    held = stores.strategies.get_strategy(strategy_id)
    told = StrategyChange(
        strategy_id=strategy_id, revision=held.revision + 1, type="strategy.changed", changed_by="tenant-1", changed_at=NOW
    )
    stores.strategies.change_strategy(replace(held, **values), told)


def ids(stores: Stores, asked: ListingQuery, limit: int = 50) -> list[str]:
    """All pages together."""
    page = stores.listings.browse(asked, limit=limit)
    found = [card.listing.strategy_id for card in page.items]
    while page.cursor is not None:
        page = stores.listings.browse(asked, page.cursor, limit)
        found += [card.listing.strategy_id for card in page.items]
    return found


def test_a_public_strategy_has_its_card_at_once(stores: Stores) -> None:
    (definition,) = create(stores, "first", tags=("momentum",), description="Follows the trend")
    card = Card(listing=Listing.of(definition), record=ListedRecord())
    for sort in ListingSort:
        assert stores.listings.browse(query(sort)).items == [card]
        assert stores.listings.browse(query(sort, is_paper=LIVE)).items == []


def test_strategies_of_live_venues_are_listed_apart(stores: Stores) -> None:
    create(stores, "live-1", venue="binanceusdm")
    assert ids(stores, query(is_paper=LIVE)) == ["live-1"]
    assert ids(stores, query()) == []


def test_only_public_strategies_are_listed(stores: Stores) -> None:
    create(stores, "hidden", visibility=Visibility.PRIVATE)
    create(stores, "linked", visibility=Visibility.LINK, link_key="k" * 32)
    create(stores, "reserved", reserved_for="tenant-9")
    assert ids(stores, query()) == []


@pytest.mark.parametrize("values", [{"visibility": Visibility.PRIVATE}, {"retired_at": NOW}])
def test_a_change_takes_a_strategy_out_at_once_and_no_figures_bring_it_back(stores: Stores, values: dict[str, Any]) -> None:
    create(stores, "first", "second")
    change(stores, "first", **values)
    stores.listings.refresh("first", ListedRecord(followers=3))
    stores.listings.add_missing(a_strategy(strategy_id="first"))
    for sort in ListingSort:
        assert ids(stores, query(sort)) == ["second"]


def test_a_strategy_that_is_public_again_has_the_figures_of_before_and_its_new_words(stores: Stores) -> None:
    create(stores, "first")
    stores.listings.refresh("first", ListedRecord(followers=3))
    change(stores, "first", visibility=Visibility.PRIVATE)
    change(stores, "first", visibility=Visibility.PUBLIC, name="Another name")
    (card,) = stores.listings.browse(query(ListingSort.FOLLOWERS)).items
    assert (card.listing.name, card.record.followers) == ("Another name", 3)


def test_a_strategy_that_was_never_public_is_listed_when_it_becomes_so(stores: Stores) -> None:
    create(stores, "first", visibility=Visibility.PRIVATE)
    change(stores, "first", visibility=Visibility.PUBLIC)
    for sort in ListingSort:
        assert ids(stores, query(sort)) == ["first"]


def test_each_order_has_its_pages(stores: Stores) -> None:
    create(stores, "a", "b", "c", "d")
    lucky = ListedRecord(followers=1, tenants=1, trades=1, mean_return_percent=Decimal("99.0000"))
    good = ListedRecord(followers=2, tenants=MIN_RANKED_TENANTS, trades=MIN_RANKED_TRADES, mean_return_percent=Decimal("1.5000"))
    poor = replace(good, followers=12, mean_return_percent=Decimal("-2.5000"))
    for strategy_id, record in (("a", lucky), ("b", good), ("c", poor)):
        stores.listings.refresh(strategy_id, record)
    for limit in (1, 3, 50):
        assert ids(stores, query(ListingSort.RECORD), limit) == ["b", "c", "a", "d"]
        assert ids(stores, query(ListingSort.FOLLOWERS), limit) == ["c", "b", "a", "d"]
        assert ids(stores, query(ListingSort.NEWEST), limit) == ["d", "c", "b", "a"]


def test_tag_and_words_are_found_over_all_pages(stores: Stores) -> None:
    create(stores, "a", "b", tags=("trend", "btc"), description="Straße nach oben")
    create(stores, "c", tags=("trend-like",), description="STRASSE")
    create(stores, "d", name="Breakout")
    for limit in (1, 50):
        assert sorted(ids(stores, query(tag="trend"), limit)) == ["a", "b"]
        assert sorted(ids(stores, query(words=search_words("strasse")), limit)) == ["a", "b", "c"]
        assert sorted(ids(stores, query(words=search_words("STRAẞE oben"), tag="btc"), limit)) == ["a", "b"]
        assert ids(stores, query(words=search_words("breakout")), limit) == ["d"]
    assert ids(stores, query(words=search_words("nothing"))) == []


def test_a_cursor_is_good_for_its_own_order_only(stores: Stores) -> None:
    create(stores, "a", "b")
    cursor = stores.listings.browse(query(ListingSort.NEWEST), limit=1).cursor
    for asked in (query(ListingSort.RECORD), query(is_paper=LIVE)):
        with pytest.raises(InvalidValue) as refused:
            stores.listings.browse(asked, cursor)
        assert refused.value.code == "CURSOR_INVALID"


def test_the_walk_is_remembered(stores: Stores) -> None:
    assert stores.listings.load_walk() is None
    walk = ListingWalk(began_at=NOW, part=2, cursor="cursor")
    stores.listings.save_walk(walk)
    assert stores.listings.load_walk() == walk
    stores.listings.save_walk(replace(walk, is_over=True))
    assert stores.listings.load_walk() == replace(walk, is_over=True)


# -- the start of a record -----------------------------------------------------------------------------------------------------


def test_a_record_starts_at_the_first_trade_that_is_public(stores: Stores) -> None:
    first = a_trade(trade_id="t-1", entry_price=Decimal("101.5"), opened_at=after(60), closed_at=after(120))
    later = a_trade(trade_id="t-2", entry_price=Decimal(99), opened_at=after(7_200), closed_at=after(7_260))
    for version, trade in enumerate((first, later), start=1):
        stores.history.put_trade(trade, version)
    venue = first.venue or ""
    assert stores.strategies.record_start(STRATEGY, venue, after(36_000)) == RecordStart(
        opened_at=after(60), price=Decimal("101.5")
    )
    assert stores.strategies.record_start(STRATEGY, venue, after(120)) is None
    assert stores.strategies.record_start(STRATEGY, "binanceusdm", after(36_000)) is None


# -- the real store ------------------------------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_a_page_is_one_query_with_and_without_a_filter(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    create(dynamodb_stores, "a", "b", "c", tags=("trend",))
    store = DynamoListingStore(dynamodb_table)
    with counted(dynamodb_table) as operations:
        first = store.browse(query(ListingSort.RECORD), limit=2)
        store.browse(query(ListingSort.RECORD), first.cursor, limit=2)
        store.browse(query(ListingSort.RECORD, tag="trend", words=("sma", "cross")), limit=2)
        store.browse(query(ListingSort.RECORD, tag="no-such-tag"), limit=2)
    assert operations == ["Query"] * 4


@pytest.mark.e2e
def test_a_change_of_visibility_is_one_transaction(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    create(dynamodb_stores, "a")
    with counted(dynamodb_table) as operations:
        change(dynamodb_stores, "a", visibility=Visibility.PRIVATE)
    assert operations == ["GetItem", "TransactWriteItems"]


@pytest.mark.e2e
def test_a_strategy_from_before_there_were_cards_is_listed_once(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    (definition,) = create(dynamodb_stores, "old")
    for sort in ListingSort:
        dynamodb_table.client.delete_item(
            TableName=dynamodb_table.name, Key={"PK": {"S": "LISTING#old"}, "SK": {"S": sort.value}}
        )
    assert ids(dynamodb_stores, query()) == []
    for _ in range(2):
        dynamodb_stores.listings.add_missing(definition)
    for sort in ListingSort:
        assert ids(dynamodb_stores, query(sort)) == ["old"]


@pytest.mark.e2e
def test_a_record_from_before_starts_were_kept_has_none(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    trade = a_trade()
    dynamodb_stores.history.put_trade(trade, 1)
    (row,) = dynamodb_table.client.query(
        TableName=dynamodb_table.name,
        KeyConditionExpression="PK = :pk AND begins_with(SK, :record)",
        ExpressionAttributeValues={":pk": {"S": f"STRATEGY#{STRATEGY}"}, ":record": {"S": "RECORD#"}},
    )["Items"]
    for name in ("dated", "first_opened_at", "first_closed_at", "first_price"):
        del row[name]
    dynamodb_table.client.put_item(TableName=dynamodb_table.name, Item=row)
    dynamodb_stores.history.put_trade(replace(trade, trade_id="later", opened_at=after(600), closed_at=after(660)), 2)
    assert DynamoStrategyStore(dynamodb_table).record_start(STRATEGY, trade.venue or "", after(36_000)) is None


@pytest.mark.e2e
def test_an_item_of_another_partition_is_no_card(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    create(dynamodb_stores, "a")
    key = {"PK": {"S": "LISTING#a"}, "SK": {"S": "NEWEST"}}
    item = dynamodb_table.client.get_item(TableName=dynamodb_table.name, Key=key)["Item"]
    dynamodb_table.client.put_item(TableName=dynamodb_table.name, Item={**item, "PK": {"S": "TENANT#forger"}})
    assert ids(dynamodb_stores, query()) == ["a"]


# -- the clock's work list -----------------------------------------------------------------------------------------------------


def test_the_work_list_has_followed_strategies_by_market(stores: Stores) -> None:
    create(stores, "b", "a", timeframe=Timeframe.M5)
    create(stores, "unfollowed", timeframe=Timeframe.M5)
    create(stores, "other", timeframe=Timeframe.M15)
    for name in ("a", "b", "other"):
        stores.subscriptions.write(a_subscription(f"s-{name}", strategy_id=name, account_id=None), None, 1)
    first = stores.clock_registry.entries(Timeframe.M5, StrategyKind.BUILT_IN, limit=1)
    second = stores.clock_registry.entries(Timeframe.M5, StrategyKind.BUILT_IN, first.cursor, limit=1)
    assert [*first.items, *second.items] == [ClockEntry("paper", BTC, "a"), ClockEntry("paper", BTC, "b")]
    assert second.cursor is None
    assert stores.clock_registry.entries(Timeframe.M5, StrategyKind.UPLOADED).items == []


FIGURES = BacktestFigures(
    version=2,
    start=after(-86_400),
    until=NOW,
    trades=12,
    return_percent=Decimal("3.25"),
    max_drawdown_percent=Decimal("10.5"),
    buy_and_hold_percent=Decimal("-1.00"),
    win_rate_percent=Decimal("57.14"),
    sharpe_ratio=Decimal("1.50"),
    is_ruined=True,
    made_at=after(-3_600),
    return_since_made_percent=Decimal("-0.50"),
)


def test_a_backtest_stands_on_the_card_in_each_order_and_survives_other_writes(stores: Stores) -> None:
    (definition, _) = create(stores, "first", "second")
    backtest = ListedBacktest(asked_at=NOW, version=2, figures=FIGURES)
    stores.listings.put_backtest("first", backtest)
    change(stores, "first", description="other words")
    stores.listings.refresh("first", ListedRecord(trades=3))
    for sort in ListingSort:
        cards = {card.listing.strategy_id: card for card in stores.listings.browse(query(sort)).items}
        assert (cards["first"].backtest, cards["second"].backtest) == (backtest, None)
        assert (cards["first"].listing.description, cards["first"].record.trades) == ("other words", 3)
    asked = ListedBacktest(asked_at=after(60), version=3)
    stores.listings.put_backtest("first", asked)
    assert stores.listings.browse(query()).items[-1].backtest == asked
    assert definition.strategy_id == "first"


def test_a_backtest_lists_nothing_that_is_unlisted(stores: Stores) -> None:
    create(stores, "hidden", visibility=Visibility.PRIVATE)
    for name in ("hidden", "unknown"):
        stores.listings.put_backtest(name, ListedBacktest(asked_at=NOW, version=None))
    assert ids(stores, query()) == []


def test_parity_stands_on_the_card_in_each_order_and_lists_nothing_that_is_unlisted(stores: Stores) -> None:
    create(stores, "first", "second")
    create(stores, "hidden", visibility=Visibility.PRIVATE)
    share = ParityShare(days=3, checked=10, equal=8, otherwise=1, compared_at=NOW)
    for name in ("first", "hidden", "unknown"):
        stores.listings.put_parity(name, share)
    change(stores, "first", description="other words")
    stores.listings.refresh("first", ListedRecord(trades=3))
    for sort in ListingSort:
        found = {card.listing.strategy_id: card.parity for card in stores.listings.browse(query(sort)).items}
        assert found == {"first": share, "second": None}
