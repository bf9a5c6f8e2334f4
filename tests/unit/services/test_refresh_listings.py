"""The walk over the marketplace's cards: its figures, the bound of a step, the beginning of a lap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.listing import (
    BACKTEST_AGES,
    RELEASES_APART,
    TASK_LOST,
    BacktestFigures,
    ListedBacktest,
    ListedRecord,
    ListingQuery,
    ListingSort,
)
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.store import LastPrice
from candlecast.services.strategies.browse_market import BrowseMarket
from candlecast.services.strategies.refresh_listings import BACKTESTS_A_STEP, CARDS_A_STEP, LAP, RefreshListings
from tests.support.builders import BTC, NOW, STRATEGY, TENANT, a_strategy, a_trade, after, an_external_strategy
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.history import FakeHistory, FakePriceStore
from tests.support.fakes.listings import FakeListingStore
from tests.support.fakes.queues import FakeBacktestQueue
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore


class World:
    """The walk on fakes; `written` are the cards that it has refreshed, in order."""

    def __init__(self) -> None:
        self.database, self.clock = FakeDatabase(), FakeClock()
        self.strategies, self.prices = FakeStrategyStore(self.database), FakePriceStore(self.database)
        self.history, self.listings = FakeHistory(self.database), FakeListingStore(self.database)
        self.queue = FakeBacktestQueue()
        self.step = RefreshListings(self.listings, self.strategies, self.prices, self.queue, self.clock)

    def create(self, *names: str, **changes: object) -> None:
        for number, name in enumerate(names):
            self.strategies.create_strategy(replace(a_strategy(name), created_at=after(number), **changes))  # type: ignore[arg-type]

    def lap(self) -> int:
        """Steps until the lap is over; answers how many cards have changed."""
        changed = self.step()
        while not self.listings.walk or not self.listings.walk.is_over:
            changed += self.step()
        return changed

    def record(self, strategy_id: str = STRATEGY, *, is_paper: bool = True) -> ListedRecord:
        page = BrowseMarket(self.listings)(is_paper=is_paper, sort=ListingSort.RECORD, limit=100)
        return next(card.record for card in page.items if card.listing.strategy_id == strategy_id)


@pytest.fixture
def world() -> World:
    return World()


def test_a_lap_writes_the_public_record_beside_buy_and_hold(world: World) -> None:
    world.create(STRATEGY, subscriber_count=4)
    world.history.put_trade(a_trade(opened_at=after(-7_200), closed_at=after(-7_000)), 1)
    world.prices.put_price("paper", BTC, LastPrice(Decimal(150), NOW))
    assert world.lap() == 1
    record = world.record()
    assert (record.followers, record.tenants, record.trades, record.since) == (4, 1, 1, after(-7_200))
    assert record.mean_return_percent == record.return_per_tenant_percent == Decimal("9.9160")
    assert record.buy_and_hold_percent == Decimal("50.0000")


def test_a_trade_that_strangers_may_not_see_yet_is_on_no_card(world: World) -> None:
    world.create(STRATEGY)
    world.history.put_trade(a_trade(opened_at=after(-60), closed_at=after(-1)), 1)
    world.prices.put_price("paper", BTC, LastPrice(Decimal(150), NOW))
    assert world.lap() == 0
    assert world.record() == ListedRecord()
    world.clock.advance(7_200)
    assert world.lap() == 1
    assert world.record().trades == 1


def test_a_live_strategy_has_the_record_of_its_own_venue_alone(world: World) -> None:
    world.create(STRATEGY, venue="binanceusdm")
    for number, venue in enumerate(("paper", "binanceusdm")):
        trade = a_trade(f"trade-{number}", venue=venue, opened_at=after(-7_200), closed_at=after(-7_000))
        world.history.put_trade(trade, number + 1)
    world.lap()
    assert world.record(is_paper=False).trades == 1


def test_a_card_that_has_not_changed_is_not_written(world: World) -> None:
    world.create(STRATEGY, "second")
    world.history.put_trade(a_trade(opened_at=after(-7_200), closed_at=after(-7_000)), 1)
    assert world.lap() == 1
    world.clock.advance(LAP.total_seconds())
    assert world.lap() == 0


def test_a_step_is_bounded_and_the_next_one_goes_on(world: World) -> None:
    names = [f"strategy-{number:03}" for number in range(2 * CARDS_A_STEP + 1)]
    world.create(*names, subscriber_count=1)
    world.database.listed_records |= {name: ListedRecord() for name in names}
    steps = []
    while not world.listings.walk or not world.listings.walk.is_over:
        steps.append(world.step())
    assert [changed for changed in steps if changed] == [CARDS_A_STEP, CARDS_A_STEP, 1]
    assert {world.record(name).followers for name in names} == {1}


def test_a_lap_begins_an_hour_after_the_one_before(world: World) -> None:
    world.create(STRATEGY)
    world.database.listed_records[STRATEGY] = ListedRecord()
    world.lap()
    world.database.strategies[STRATEGY] = a_strategy(subscriber_count=9)
    world.clock.advance(LAP.total_seconds() - 60)
    assert world.step() == 0
    assert world.record().followers == 0
    world.clock.advance(60)
    world.lap()
    assert world.record().followers == 9


def test_a_step_that_fails_is_gone_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create(STRATEGY, subscriber_count=2)
    world.database.listed_records[STRATEGY] = ListedRecord()
    world.step()  # over strategies that may lack a card

    def fails(*_: object) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)

    with monkeypatch.context() as patched:
        patched.setattr(world.listings, "refresh", fails)
        with pytest.raises(RetryLater):
            world.step()
    world.lap()
    assert world.record().followers == 2


def test_the_walk_meets_no_strategy_that_is_not_public(world: World) -> None:
    world.create("hidden", visibility=Visibility.PRIVATE, subscriber_count=3)
    assert world.lap() == 0
    query = ListingQuery(is_paper=True, sort=ListingSort.NEWEST)
    assert world.listings.browse(query).items == []


# -- backtests ---------------------------------------------------------------------------------------------------------------


def asked(world: World) -> list[str | None]:
    """The cards whose backtest was asked for since the last look."""
    found, world.queue.sent = [task.card_of for task in world.queue.sent], []
    return found


def figures(world: World, version: int | None = 1) -> None:
    """The runner's word on the strategy's card."""
    told = BacktestFigures(version=version, start=after(-7_200), until=NOW, trades=3)
    world.listings.put_backtest(STRATEGY, ListedBacktest(asked_at=world.clock.now(), version=version, figures=told))


def a_release(stable: int) -> Release:
    return Release(stable=stable, released_by=TENANT, released_at=NOW)


def next_lap(world: World, later: timedelta = LAP) -> list[str | None]:
    world.clock.advance(later.total_seconds())
    world.lap()
    return asked(world)


def test_the_backtest_of_a_card_is_asked_for_once(world: World) -> None:
    world.create(STRATEGY)
    world.lap()
    assert asked(world) == [STRATEGY]
    assert next_lap(world) == []
    figures(world, None)
    assert next_lap(world) == []


def test_a_lost_task_is_asked_for_again_after_a_day_and_old_figures_after_a_week(world: World) -> None:
    world.create(STRATEGY)
    world.lap()
    asked(world)
    assert next_lap(world, TASK_LOST) == [STRATEGY]
    figures(world, None)
    assert next_lap(world, TASK_LOST) == []
    assert next_lap(world, BACKTEST_AGES) == [STRATEGY]
    (card,) = BrowseMarket(world.listings)(is_paper=True, sort=ListingSort.NEWEST, limit=100).items
    assert card.backtest is not None
    assert card.backtest.figures is not None, "older figures stay until there are newer ones"


def release(world: World, number: int, strategy_id: str = STRATEGY) -> None:
    held = world.database.strategies[strategy_id]
    world.database.strategies[strategy_id] = replace(held, release=a_release(number))


def test_another_stable_version_is_asked_for_at_the_next_lap(world: World) -> None:
    world.create(STRATEGY, release=a_release(1))
    world.lap()
    asked(world)
    figures(world)
    assert next_lap(world, RELEASES_APART) == []
    release(world, 2)
    assert next_lap(world) == [STRATEGY]


def test_many_releases_are_four_backtests_a_day(world: World) -> None:
    world.create(STRATEGY, release=a_release(1))
    found = []
    for lap in range(24):
        release(world, 1 + lap % 2)
        found += next_lap(world)
    assert len(found) == 4


def test_no_author_keeps_others_from_their_turn_by_releases(world: World) -> None:
    """The busy author's card stands before the others' on its page, and is due at each lap."""
    world.create("first", "second", "busy", release=a_release(1))
    found = []
    for lap in range(4):
        release(world, 1 + lap % 2, "busy")
        found += next_lap(world, RELEASES_APART)
    assert found[:3] == ["busy", "second", "first"]


def test_a_step_asks_for_one_backtest_and_none_of_a_source_from_outside(world: World) -> None:
    world.create(STRATEGY, "second", "third")
    world.strategies.create_strategy(an_external_strategy("outside"))
    world.lap()
    assert len(asked(world)) == BACKTESTS_A_STEP
    found = [*next_lap(world), *next_lap(world), *next_lap(world)]
    assert len(found) == 2
    assert "outside" not in found


def test_a_queue_that_takes_nothing_is_asked_again_after_a_day(world: World) -> None:
    world.create(STRATEGY)
    world.queue.fail_next()
    with pytest.raises(RetryLater):
        world.lap()
    assert next_lap(world) == []
    assert next_lap(world, TASK_LOST) == [STRATEGY]
