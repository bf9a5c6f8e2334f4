"""The relay: projected, then published, at least once, under the same id."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import EventType
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import BreachFilter, TradeFilter
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents
from tests.support.builders import (
    ACCOUNT,
    BTC,
    NOW,
    SOURCE,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    VENUE,
    a_position,
    a_source,
    a_strategy,
    after,
    an_account,
    an_external_strategy,
    an_intent,
)
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.pools import release_pools
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.strategies import FakeStrategyStore

ENTRY, EXIT = an_intent(capital=Decimal(1_000)), an_intent(LegKind.EXIT)
FILLED = VenueOrder(
    client_order_id="c",
    venue_order_id="1",
    status=VenueOrderStatus.FILLED,
    filled_quantity=Decimal(10),
    average_price=Decimal(100),
)


class Relayed:
    """An account's life as a stream, and a relay on fakes."""

    def __init__(self) -> None:
        self.accounts = FakeAccountStore()
        self.history, self.decisions, self.bus = FakeHistory(self.accounts.database), FakeDecisions(), FakeEventBus()
        self.metrics, self.strategies, self.use = RecordingMetrics(), FakeStrategyStore(), FakeSourceUse()
        self.relay = RelayEvents(
            ProjectEvents(self.history, self.decisions, CountNotional(self.strategies, self.use)),
            release_pools(FakeClock()),
            self.bus,
            self.metrics,
        )
        account = self.accounts.create(an_account())
        account = self.accounts.save(account.decide([ENTRY], after(1)))
        account = self.accounts.save(account.apply(ENTRY.intent_id, FILLED, Decimal(0), after(2)))
        self.open = account
        account = self.accounts.save(account.decide([EXIT], after(3)))
        self.closed: Account = self.accounts.save(
            account.apply(EXIT.intent_id, replace(FILLED, average_price=Decimal(110)), Decimal(0), after(4))
        )

    @property
    def stream(self) -> list[PublishedEvent]:
        return self.accounts.database.stream


def test_the_slippage_of_every_fill_is_measured() -> None:
    house = Relayed()
    house.relay(house.stream)
    found = [house.history.get_order(TENANT, leg.intent_id).slippage_bps for leg in (ENTRY, EXIT)]
    assert house.metrics.measured_bps["SlippageBasisPoints"] == [float(each) for each in found if each is not None]
    assert len(house.metrics.measured_bps["SlippageBasisPoints"]) == 2


@pytest.mark.parametrize("price", ["1E-999", "1E+999", "0.0000000000000000000000000000000000000001", "9.9", "1101"])
def test_an_exit_with_an_absurd_price_is_relayed_and_has_no_slippage(price: str) -> None:
    """Nobody judges the price of an exit, and a stranger's code names it."""
    house = Relayed()
    absurd = [
        replace(it, event=replace(it.event, order=replace(it.event.order, reference_price=Decimal(price))))
        for it in house.stream
        if it.event.type is EventType.TRADE_FILLED and it.event.order is not None and it.event.order.kind is LegKind.EXIT
    ]
    house.relay(absurd)
    assert (len(absurd), house.bus.published) == (1, absurd)
    assert "SlippageBasisPoints" not in house.metrics.measured_bps
    assert house.history.get_order(TENANT, EXIT.intent_id).slippage_bps is None


def test_orders_positions_and_trades_are_projected_and_everything_is_published_in_order() -> None:
    house = Relayed()
    house.relay(house.stream)
    assert house.history.get_order(TENANT, EXIT.intent_id).state is IntentState.FILLED
    assert house.history.list_positions(TENANT) == []
    assert [trade.pnl for trade in house.history.list_trades(TENANT, TradeFilter()).items] == [Decimal(100)]
    assert house.bus.published == house.stream
    assert house.bus.types() == [
        EventType.TRADE_CREATED,
        EventType.POSITION_CHANGED,
        EventType.TRADE_FILLED,
        EventType.TRADE_CREATED,
        EventType.POSITION_CHANGED,
        EventType.TRADE_CLOSED,
        EventType.TRADE_FILLED,
    ]


def test_a_repeat_projects_the_same_and_publishes_under_the_same_ids() -> None:
    house = Relayed()
    for _ in range(2):
        house.relay(house.stream)
    statistics = house.accounts.database.subscription_statistics[TENANT, SUBSCRIPTION]
    assert (statistics.trades, statistics.pnl) == (1, Decimal(100))
    assert FakeStrategyStore(house.accounts.database).strategy_record(STRATEGY, VENUE).trades == 1
    ids = [published.event_id for published in house.bus.published]
    assert ids[: len(house.stream)] == ids[len(house.stream) :]
    assert len(set(ids)) == len(house.stream)


def test_an_old_event_after_a_newer_one_takes_nothing_back() -> None:
    house = Relayed()
    house.relay(house.stream)
    house.relay(house.stream[:3])
    assert house.history.get_order(TENANT, ENTRY.intent_id).state is IntentState.FILLED
    assert house.history.list_positions(TENANT) == []


def test_a_bus_that_takes_a_part_is_told_and_the_rest_follows() -> None:
    house = Relayed()
    house.bus.fail_after(2)
    with pytest.raises(RetryLater):
        house.relay(house.stream)
    house.relay(house.stream)
    assert {published.event_id for published in house.bus.published} == {told.event_id for told in house.stream}


def test_an_alert_about_a_position_is_published_and_projects_nothing() -> None:
    house = Relayed()
    position = a_position()
    alerted = house.accounts.save(house.closed.alert("FILL_WITHOUT_POSITION", after(9), position))
    house.relay([told for told in house.stream if told.version == alerted.version])
    assert house.bus.types() == [EventType.ALERT_CRITICAL]
    assert house.history.list_positions(TENANT) == []
    with pytest.raises(NotFound):
        house.history.get_order(TENANT, ENTRY.intent_id)


def test_each_critical_alert_is_counted_and_handed_to_whoever_logs_it() -> None:
    house = Relayed()
    assert house.relay(house.stream) == ()
    assert house.metrics.counts["CriticalAlerts"] == 0
    alerted = house.accounts.save(house.closed.alert("STOP_LOSS_NOT_PLACED", after(9), market=BTC))
    (told,) = house.relay([told for told in house.stream if told.version == alerted.version])
    assert (told.tenant_id, told.account_id, told.event.market, told.event.code) == (TENANT, ACCOUNT, BTC, "STOP_LOSS_NOT_PLACED")
    assert house.metrics.counts["CriticalAlerts"] == 1


def test_nothing_to_relay_publishes_nothing() -> None:
    house = Relayed()
    house.relay([])
    assert house.bus.published == []


def test_a_receipt_and_a_breach_are_kept_once_however_often_they_come() -> None:
    house = Relayed()
    denied = an_intent(state=IntentState.DENIED, denial=Denial(Reason.MAX_LEVERAGE, Decimal(3), Decimal(2)))
    account = house.accounts.load(TENANT, ACCOUNT).decide([denied], after(5), '{"traded":false}')
    house.accounts.save(account)
    told = house.stream[-len(account.outbox) :]
    for _ in range(2):
        house.relay(told)
    assert house.decisions.get_receipt(TENANT, denied.signal_id, SUBSCRIPTION) == '{"traded":false}'
    (breach,) = house.decisions.list_breaches(TENANT, BreachFilter()).items
    assert (breach.denial, breach.subscription_id) == (denied.denial, SUBSCRIPTION)


def test_what_a_source_s_entries_have_filled_is_counted_once_though_events_come_again() -> None:
    house = Relayed()
    house.strategies.create_strategy(an_external_strategy(STRATEGY), a_source())
    for _ in range(2):
        house.relay(house.stream)
    assert house.use.notional_of(SOURCE, NOW.date()) == Decimal(1_000)
    assert len(house.use.orders) == 1, "an exit is no entry"


def test_an_entry_that_filled_in_part_counts_when_it_has_ended_and_one_that_filled_nothing_never() -> None:
    strategies, use = FakeStrategyStore(), FakeSourceUse()
    strategies.create_strategy(an_external_strategy(STRATEGY), a_source())
    count = CountNotional(strategies, use)
    part = replace(ENTRY, state=IntentState.OPEN, filled_quantity=Decimal(3), average_price=Decimal(100))
    count(part)
    count(replace(ENTRY, intent_id="f" * 32, state=IntentState.REJECTED))
    assert use.orders == {}
    count(replace(part, state=IntentState.CANCELLED))
    assert use.notional_of(SOURCE, NOW.date()) == Decimal(300)


def test_entries_of_our_own_strategies_count_nowhere_and_cost_one_lookup() -> None:
    house = Relayed()
    house.strategies.create_strategy(a_strategy())
    house.relay(house.stream)
    house.strategies.database.strategies.clear()
    house.relay(house.stream)
    assert house.use.orders == {}
