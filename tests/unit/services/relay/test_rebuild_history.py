"""A rebuild: history from the archive equals the relay's, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from candlecast.adapters.lanes import side_by_side
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.ids import event_id
from candlecast.ports.archive import ArchivedEvent
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import TradeFilter
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.rebuild_history import BATCHES, RebuildHistory
from tests.support.builders import (
    ACCOUNT,
    NOW,
    SOURCE,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    VENUE,
    a_position,
    a_source,
    a_trade,
    after,
    an_external_strategy,
    an_intent,
)
from tests.support.fakes.archive import FakeEventArchive
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeRebuiltHistory
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

ENTRY = an_intent(
    state=IntentState.FILLED, filled_quantity=Decimal(10), average_price=Decimal(100), capital=Decimal(1_000), settled_at=after(2)
)
EXIT = an_intent(LegKind.EXIT, state=IntentState.FILLED, filled_quantity=Decimal(10), average_price=Decimal(110))
LIFE = (
    (order_event(replace(ENTRY, state=IntentState.SUBMITTING, filled_quantity=Decimal(0), average_price=None), after(1)),),
    (order_event(ENTRY, after(2)), Event(type=EventType.POSITION_CHANGED, occurred_at=after(2), position=a_position())),
    (
        Event(type=EventType.POSITION_CHANGED, occurred_at=after(3), position=a_position(quantity=Decimal(0))),
        Event(type=EventType.TRADE_CLOSED, occurred_at=after(3), trade=a_trade()),
        order_event(EXIT, after(3)),
    ),
)


class House:
    """An archive with the life of a position, and stores that a rebuild writes to."""

    def __init__(self) -> None:
        self.archive, self.database, self.decisions = FakeEventArchive(), FakeDatabase(), FakeDecisions()
        self.history, self.strategies, self.use = FakeRebuiltHistory(self.database), FakeStrategyStore(), FakeSourceUse()
        self.clock = FakeClock(after(60))
        self.seconds = 0.0

    def archive_life(self, tenant: str = TENANT, account: str = ACCOUNT) -> None:
        for version, events in enumerate(LIFE, start=1):
            self.keep(version, [_of(tenant, event) for event in events], tenant, account)

    def keep(self, version: int, events: Sequence[Event], tenant: str = TENANT, account: str = ACCOUNT) -> None:
        at = events[0].occurred_at
        self.archive.keep_batch(
            [
                ArchivedEvent(
                    sequence=f"{version}",
                    recorded_at=at,
                    published=PublishedEvent(
                        event_id=event_id(account, version, place),
                        tenant_id=tenant,
                        account_id=account,
                        version=version,
                        event=event,
                    ),
                )
                for place, event in enumerate(events)
            ]
        )

    def rebuild(self, **wanted: object) -> RebuildProgress:
        notional = CountNotional(self.strategies, self.use, not_before=self.clock.now() - timedelta(days=29))
        project = ProjectEvents(self.history, self.decisions, notional)
        return RebuildHistory(
            archive=self.archive,
            project=project,
            now=self.clock.now,
            seconds_left=lambda: self.seconds,
            lanes=side_by_side,
        )(RebuildRequest(**wanted))  # type: ignore[arg-type]


def _of(tenant: str, event: Event) -> Event:
    order, position, trade = event.order, event.position, event.trade
    return replace(
        event,
        order=order and replace(order, tenant_id=tenant),
        position=position and replace(position, tenant_id=tenant),
        trade=trade and replace(trade, tenant_id=tenant),
    )


@pytest.fixture
def house() -> House:
    made = House()
    made.archive_life()
    return made


def test_orders_positions_trades_and_their_sums_come_out_of_the_archive(house: House) -> None:
    progress = house.rebuild()
    assert (progress.cursor, progress.reached, progress.interrupted_by) == (None, after(3), None)
    assert progress.events == {"position.changed": 2, "trade.closed": 1, "trade.created": 1, "trade.filled": 2}
    assert house.history.get_order(TENANT, ENTRY.intent_id) == ENTRY
    assert house.history.list_positions(TENANT) == []
    assert list(house.history.list_trades(TENANT, TradeFilter()).items) == [a_trade()]
    assert house.database.subscription_statistics[TENANT, SUBSCRIPTION].trades == 1
    assert FakeStrategyStore(house.database).strategy_record(STRATEGY, VENUE).trades == 1


def test_a_repeat_changes_nothing(house: House) -> None:
    house.strategies.create_strategy(an_external_strategy(STRATEGY), a_source())
    house.rebuild()
    before = (dict(house.database.orders), dict(house.database.trades), dict(house.database.subscription_statistics))
    house.rebuild()
    assert (dict(house.database.orders), dict(house.database.trades), dict(house.database.subscription_statistics)) == before
    assert house.use.notional_of(SOURCE, NOW.date()) == Decimal(1_000)


def test_history_that_is_newer_than_the_archive_stays(house: House) -> None:
    house.history.put_position(a_position(signal_id="signal-2"), 9, after(50))
    house.rebuild()
    assert house.history.list_positions(TENANT) == [a_position(signal_id="signal-2")]


def test_lost_trades_are_stored_again_and_the_sums_that_know_them_stay(house: House) -> None:
    house.rebuild()
    sums = dict(house.database.subscription_statistics)
    house.database.trades.clear()
    house.rebuild()
    assert list(house.history.list_trades(TENANT, TradeFilter()).items) == [a_trade()]
    assert house.database.subscription_statistics == sums


def test_a_dry_run_counts_and_writes_nothing(house: House) -> None:
    assert sum(house.rebuild(dry_run=True).events.values()) == 6
    assert (house.database.orders, house.database.trades, house.decisions.receipts) == ({}, {}, {})


def test_only_the_wanted_tenant_and_time_are_rebuilt(house: House) -> None:
    house.archive_life("tenant-2", "account-2")
    house.rebuild(tenant_id="tenant-2", since=after(2))
    assert {tenant for tenant, _ in house.database.trades} == {"tenant-2"}
    assert {version for _, version in house.database.orders.values()} == {2, 3}


def test_a_rebuild_that_ends_in_the_past_opens_no_position(house: House) -> None:
    """The position has closed since, and history may have forgotten it: nothing later would close it again."""
    house.rebuild(until=after(3))
    assert house.history.list_positions(TENANT) == []
    assert house.history.get_order(TENANT, ENTRY.intent_id) == ENTRY
    with pytest.raises(NotFound):
        house.history.get_order(TENANT, EXIT.intent_id)


def test_slices_follow_each_other_until_the_archive_ends(house: House) -> None:
    for version in range(4, 2 * BATCHES + 10):
        house.keep(version, [Event(type=EventType.ALERT_CRITICAL, occurred_at=after(version), code="X")])
    found, cursor, slices = 0, None, 0
    while slices == 0 or cursor is not None:
        progress = house.rebuild(cursor=cursor)
        found, cursor, slices = found + sum(progress.events.values()), progress.cursor, slices + 1
    assert (found, slices) == (6 + 2 * BATCHES + 6, 3)
    house.seconds = 60
    assert house.rebuild().cursor is None, "with time left, one call does all"


def test_a_slice_that_is_interrupted_goes_on_where_the_last_page_ended(house: House) -> None:
    house.archive.down = True
    progress = house.rebuild()
    assert (progress.cursor, progress.events, progress.interrupted_by) == (None, {}, "ARCHIVE_UNAVAILABLE")
    house.archive.down = False
    assert house.rebuild(cursor=progress.cursor).interrupted_by is None
    assert list(house.history.list_trades(TENANT, TradeFilter()).items) == [a_trade()]


def test_nothing_is_rebuilt_while_letters_of_the_outbox_wait(house: House) -> None:
    house.archive.letters = True
    with pytest.raises(Conflict) as refused:
        house.rebuild()
    assert refused.value.code == "LETTERS_WAITING"
    assert house.rebuild(in_spite_of_letters=True).events
    assert house.rebuild(cursor="batch-1").events, "a rebuild that has begun goes on"


def test_batches_that_cannot_be_read_are_named_and_the_others_rebuilt(house: House) -> None:
    house.archive.unreadable = {0}
    progress = house.rebuild()
    assert progress.unreadable == ("batch-0",)
    assert list(house.history.list_trades(TENANT, TradeFilter()).items) == [a_trade()]


def test_notional_of_an_entry_whose_mark_may_be_gone_is_not_counted_again(house: House) -> None:
    house.strategies.create_strategy(an_external_strategy(STRATEGY), a_source())
    house.clock = FakeClock(NOW + timedelta(days=31))
    house.rebuild()
    assert house.use.orders == {}


def test_a_trade_and_its_correction_in_one_write_are_counted_as_corrected_once() -> None:
    house = House()
    corrected = replace(a_trade(), funding=Decimal(1))
    both = [Event(type=EventType.TRADE_CLOSED, occurred_at=after(1), trade=each) for each in (a_trade(), corrected)]
    house.keep(4, both)
    house.rebuild()
    assert house.database.subscription_statistics[TENANT, SUBSCRIPTION].funding == 1
    house.database.trades.clear()
    house.rebuild()
    assert list(house.history.list_trades(TENANT, TradeFilter()).items) == [corrected]
    assert house.database.subscription_statistics[TENANT, SUBSCRIPTION].trades == 1


@pytest.mark.parametrize(
    "wanted",
    [{"since": datetime(2026, 11, 1)}, {"until": datetime(2026, 11, 1)}, {"since": after(1), "until": after(1)}],  # noqa: DTZ001
)
def test_a_range_without_a_time_zone_or_without_an_instant_is_refused(wanted: dict[str, datetime]) -> None:
    with pytest.raises(InvalidValue):
        RebuildRequest(**wanted)  # type: ignore[arg-type]
