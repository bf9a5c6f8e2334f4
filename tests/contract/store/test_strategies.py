"""Strategies, sources and the market clock's index."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.strategies.definition import SourceSettings
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.timeframe import Timeframe
from tests.contract.store.conftest import Stores
from tests.support.builders import (
    BTC,
    ETH,
    NOW,
    SOURCE,
    STRATEGY,
    VENUE,
    a_source,
    a_strategy,
    a_subscription,
    an_external_strategy,
)


def follow(stores: Stores, strategy_id: str, subscription_id: str) -> None:
    subscription = a_subscription(subscription_id, strategy_id=strategy_id, account_id=None)
    stores.subscriptions.write(subscription, None, follower_change=1)


def test_a_strategy_is_read_as_it_was_written(stores: Stores) -> None:
    strategy = a_strategy(parameters={"fast": 10, "factor": 1.5, "side": "long", "strict": True}, description="crosses")
    stores.strategies.create_strategy(strategy)
    assert stores.strategies.get_strategy(STRATEGY) == strategy


def test_a_strategy_is_created_once(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    with pytest.raises(Conflict) as conflict:
        stores.strategies.create_strategy(a_strategy(name="other"))
    assert conflict.value.code == "ALREADY_EXISTS"
    assert stores.strategies.get_strategy(STRATEGY).name == "SMA cross"


def test_a_strategy_and_its_source_are_written_together_or_not_at_all(stores: Stores) -> None:
    stores.strategies.create_strategy(an_external_strategy(), a_source())
    assert stores.strategies.get_source(SOURCE) == a_source()
    with pytest.raises(Conflict):
        stores.strategies.create_strategy(an_external_strategy("strategy-2"), a_source(strategy_id="strategy-2"))
    with pytest.raises(NotFound):
        stores.strategies.get_strategy("strategy-2")


def test_what_does_not_exist_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.strategies.get_strategy("strategy-9")
    with pytest.raises(NotFound):
        stores.strategies.get_source("source#9")


def test_a_source_is_replaced(stores: Stores) -> None:
    stores.strategies.create_strategy(an_external_strategy(), a_source())
    stores.strategies.save_source(a_source(secret_version="version-2"))
    assert stores.strategies.get_source(SOURCE).secret_version == "version-2"


def test_strategies_are_listed_page_by_page(stores: Stores) -> None:
    names = [f"strategy-{number}" for number in range(5)]
    for name in reversed(names):
        stores.strategies.create_strategy(a_strategy(name))
    listed, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = stores.strategies.list_strategies(cursor, limit=2)
        listed += [strategy.strategy_id for strategy in page.items]
        cursor, pages = page.cursor, pages + 1
    assert (listed, pages) == (names, 3)


def test_a_reserved_strategy_stands_in_no_listing_and_is_found_by_its_id(stores: Stores) -> None:
    reserved = a_strategy("strategy-2", reserved_for="tenant-1")
    stores.strategies.create_strategy(a_strategy("strategy-1"))
    stores.strategies.create_strategy(reserved)
    follow(stores, "strategy-2", "subscription-1")
    assert [strategy.strategy_id for strategy in stores.strategies.list_strategies().items] == ["strategy-1"]
    assert stores.strategies.get_strategy("strategy-2") == replace(reserved, subscriber_count=1)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bm90IGpzb24", "W10", "ÄÖ"])
def test_a_forged_cursor_is_refused(stores: Stores, cursor: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        stores.strategies.list_strategies(cursor)
    assert refused.value.code == "CURSOR_INVALID"


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_page_has_a_bound(stores: Stores, limit: int) -> None:
    with pytest.raises(InvalidValue) as refused:
        stores.strategies.list_strategies(limit=limit)
    assert refused.value.code == "PAGE_SIZE_INVALID"


def test_the_clock_knows_a_market_from_its_first_follower_to_its_last(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    assert list(stores.strategies.followed_markets(Timeframe.M1)) == []
    follow(stores, STRATEGY, "subscription-1")
    follow(stores, STRATEGY, "subscription-2")
    assert list(stores.strategies.followed_markets(Timeframe.M1)) == [(VENUE, BTC)]
    for number, name in enumerate(("subscription-1", "subscription-2"), start=1):
        subscription = stores.subscriptions.get_subscription("tenant-1", name)
        stores.subscriptions.write(subscription, None, follower_change=-1)
        still_there = [] if number == 2 else [(VENUE, BTC)]
        assert list(stores.strategies.followed_markets(Timeframe.M1)) == still_there
    assert stores.strategies.get_strategy(STRATEGY).subscriber_count == 0


def test_the_clock_names_each_market_once_and_only_its_own_timeframe(stores: Stores) -> None:
    strategies = [
        a_strategy("strategy-1"),
        a_strategy("strategy-2"),
        a_strategy("strategy-3", market=ETH),
        a_strategy("strategy-4", timeframe=Timeframe.H1),
        a_strategy("strategy-5", venue="binanceusdm"),
    ]
    for strategy in strategies:
        stores.strategies.create_strategy(strategy)
        follow(stores, strategy.strategy_id, f"follows-{strategy.strategy_id}")
    assert sorted(stores.strategies.followed_markets(Timeframe.M1)) == [("binanceusdm", BTC), (VENUE, BTC), (VENUE, ETH)]
    assert list(stores.strategies.followed_markets(Timeframe.H1)) == [(VENUE, BTC)]
    found = stores.strategies.followed_strategies(Timeframe.M1, VENUE, BTC)
    assert list(found) == [replace(strategy, subscriber_count=1) for strategy in strategies[:2]]


def test_an_external_strategy_is_never_on_the_clock(stores: Stores) -> None:
    stores.strategies.create_strategy(an_external_strategy(), a_source())
    follow(stores, STRATEGY, "subscription-1")
    assert all(list(stores.strategies.followed_markets(timeframe)) == [] for timeframe in Timeframe)
    assert stores.strategies.get_strategy(STRATEGY).subscriber_count == 1


def test_a_source_is_changed_only_by_who_has_read_its_newest_revision(stores: Stores) -> None:
    stores.strategies.create_strategy(an_external_strategy(), a_source())
    first = stores.strategies.get_source(SOURCE)
    settings = SourceSettings(messages_per_minute=7, allowed_addresses=("192.0.2.0/24",), max_daily_notional=Decimal("10.5"))
    stores.strategies.save_source(replace(first, enabled=False, settings=settings))
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stores.strategies.save_source(first.rotate("secret-version-2", NOW))
    stored = stores.strategies.get_source(SOURCE)
    assert (stored.enabled, stored.settings, stored.revision) == (False, settings, first.revision + 1)
    stores.strategies.save_source(stored.rotate("secret-version-2", NOW))
    assert stores.strategies.get_source(SOURCE).accepted_versions(NOW) == ("secret-version-2", "secret-version-1")
