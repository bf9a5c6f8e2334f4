"""The weight budget: nobody goes beyond his share, urgent requests have more of it, and a lease is not a write per request."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.rules import BINANCE_USDM, VenueRequest
from candlecast.domain.venue.weight_budget import LEASE, SHARE_PERCENT, Address, RequestClass, ceiling, minute_of
from candlecast.services.venue.guard_venue import Guard, GuardedMarketData
from candlecast.services.venue.spend_weight import LEAST_PAUSE_SECONDS, SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import BTC, NOW, candles_until
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeGate, FakeWeights
from tests.support.fakes.market_data import FakeMarketData

REAL = "binanceusdm"
HERE = Address(REAL, EGRESS)


class Town:
    """Some environments behind one address."""

    def __init__(self) -> None:
        self.clock, self.metrics, self.store = FakeClock(), RecordingMetrics(), FakeWeights()

    def environment(self, egress: str = EGRESS) -> SpendWeight:
        return SpendWeight(self.store, egress, self.clock, self.metrics)

    @property
    def leased(self) -> int:
        return self.store.read_spent(HERE, self.clock.now()).leased


def use_up(town: Town, request_class: RequestClass) -> int:
    """The weight that one class alone gets through in a minute."""
    spend, used = town.environment(), 0
    while True:
        try:
            spend(REAL, request_class, VenueRequest.POSITIONS)
        except RetryLater as error:
            assert error.code == "WEIGHT_SPENT"
            return used
        used += BINANCE_USDM.weight_of(VenueRequest.POSITIONS)


@pytest.mark.parametrize("request_class", RequestClass)
def test_a_class_gets_its_share_of_the_minute_and_no_more(request_class: RequestClass) -> None:
    bound = BINANCE_USDM.weight_per_minute * SHARE_PERCENT[request_class] // 100
    assert bound - LEASE[request_class] < use_up(Town(), request_class) <= bound


def test_what_can_wait_leaves_room_for_what_cannot() -> None:
    town = Town()
    for request_class in reversed(RequestClass):
        use_up(town, request_class)
    assert town.leased <= BINANCE_USDM.weight_per_minute
    town = Town()
    use_up(town, RequestClass.RECONCILER)
    town.environment()(REAL, RequestClass.ENTRY, VenueRequest.MARKET_SETTING)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        town.environment()(REAL, RequestClass.MARKET_DATA, VenueRequest.CANDLES)


def test_uploads_leave_room_for_the_candles_of_built_in_strategies() -> None:
    """A hundred uploads of one tenant weigh a thousand a minute."""
    town, data = Town(), FakeMarketData()
    data.put(BTC, Timeframe.M1, candles_until(NOW, 1), REAL)
    uploads = GuardedMarketData(data, town.environment(), RequestClass.UPLOADED)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        for _ in range(BINANCE_USDM.weight_per_minute):
            uploads.candles(REAL, BTC, Timeframe.M1, NOW, MAX_LOOKBACK)
    built_in = GuardedMarketData(data, town.environment())
    assert [len(built_in.candles(REAL, BTC, Timeframe.M1, NOW, MAX_LOOKBACK)) for _ in range(30)] == [1] * 30


def test_questions_about_the_past_leave_room_for_live_runs_of_uploads() -> None:
    """A tenant's five open backtests may ask for two hundred full requests of a market that nobody has read yet."""
    town, data = Town(), FakeMarketData()
    data.put(BTC, Timeframe.M1, candles_until(NOW, 1), REAL)
    backtests = GuardedMarketData(data, town.environment(), RequestClass.PAST)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        for _ in range(200):
            backtests.candles(REAL, BTC, Timeframe.M1, NOW, MAX_LOOKBACK)
    live = GuardedMarketData(data, town.environment(), RequestClass.UPLOADED)
    assert [len(live.candles(REAL, BTC, Timeframe.M1, NOW, MAX_LOOKBACK)) for _ in range(20)] == [1] * 20


def test_environments_behind_one_address_share_its_budget() -> None:
    town = Town()
    use_up(town, RequestClass.EXIT)
    with pytest.raises(RetryLater):
        town.environment()(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)
    town.environment("another-address")(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)


def test_what_is_spent_comes_back_with_the_next_minute() -> None:
    town = Town()
    town.clock.advance(12.5)
    use_up(town, RequestClass.RECONCILER)
    with pytest.raises(RetryLater) as later:
        town.environment()(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)
    town.clock.advance(later.value.after_seconds)
    assert town.clock.now() == minute_of(town.clock.now())
    town.environment()(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)


def test_a_lease_is_one_write_for_many_requests_and_an_order_needs_none() -> None:
    town = Town()
    spend = town.environment()
    for _ in range(100):
        spend(REAL, RequestClass.ENTRY, VenueRequest.PLACE_ORDER)
    assert town.store.leases == 0
    for _ in range(LEASE[RequestClass.RECONCILER] // BINANCE_USDM.weight_of(VenueRequest.BALANCE)):
        spend(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)
    assert (town.store.leases, town.leased) == (1, LEASE[RequestClass.RECONCILER])


def test_near_the_end_of_a_minute_what_is_needed_is_leased_alone() -> None:
    town = Town()
    bound = ceiling(BINANCE_USDM, RequestClass.EXIT)
    town.store.lease(HERE, town.clock.now(), bound - 1, bound)
    town.environment()(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)
    assert town.leased == bound


def test_the_venues_own_count_is_believed_if_it_is_higher() -> None:
    town = Town()
    spend = town.environment()
    spend.told(REAL, ceiling(BINANCE_USDM, RequestClass.RECONCILER), town.clock.now())
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        spend(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)
    spend.told(REAL, 1, town.clock.now())  # an answer that was overtaken
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        spend(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)
    spend(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)
    town.clock.advance(60)
    spend(REAL, RequestClass.RECONCILER, VenueRequest.BALANCE)


def test_an_address_that_is_blocked_is_blocked_for_everybody_behind_it() -> None:
    town = Town()
    town.environment().limited(REAL, 100)
    other = town.environment()
    with pytest.raises(RetryLater) as later:
        other(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)
    assert (later.value.code, later.value.after_seconds) == ("ADDRESS_BLOCKED", 100)
    town.clock.advance(99)
    with pytest.raises(RetryLater, match="ADDRESS_BLOCKED"):
        other(REAL, RequestClass.EXIT, VenueRequest.PLACE_ORDER)
    town.clock.advance(1)
    other(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)


@pytest.mark.parametrize("second", [59.9, 59.999])
def test_who_has_to_wait_for_a_moment_waits_long_enough_not_to_spend_his_tries(second: float) -> None:
    town = Town()
    town.clock.advance(second)
    use_up(town, RequestClass.EXIT)
    with pytest.raises(RetryLater) as spent:
        town.environment()(REAL, RequestClass.EXIT, VenueRequest.BALANCE)
    town.environment().limited(REAL, 0.2)
    with pytest.raises(RetryLater) as blocked:
        town.environment()(REAL, RequestClass.EXIT, VenueRequest.BALANCE)
    assert (spent.value.after_seconds, blocked.value.after_seconds) == (LEAST_PAUSE_SECONDS, LEAST_PAUSE_SECONDS)


def test_a_longer_silence_is_not_cut_short_by_a_shorter_one() -> None:
    town = Town()
    spend = town.environment()
    spend.limited(REAL, 100)
    spend.limited(REAL, 1)
    town.clock.advance(50)
    for environment in (spend, town.environment()):
        with pytest.raises(RetryLater, match="ADDRESS_BLOCKED"):
            environment(REAL, RequestClass.EXIT, VenueRequest.CANCEL_ORDER)


def test_the_venues_count_comes_with_every_answer() -> None:
    town, gate = Town(), FakeGate()
    guard = Guard(REAL, WatchVenue(gate, town.clock, town.metrics), town.environment())
    used = ceiling(BINANCE_USDM, RequestClass.EXIT)
    guard.passing(RequestClass.EXIT, [VenueRequest.CANCEL_ORDER], lambda: None, lambda: used)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        guard.passing(RequestClass.EXIT, [VenueRequest.CANCEL_ORDER], lambda: None, lambda: used)


def test_the_count_of_a_minute_that_ended_while_the_venue_answered_says_nothing() -> None:
    town, gate = Town(), FakeGate()
    town.clock.advance(59.9)
    guard = Guard(REAL, WatchVenue(gate, town.clock, town.metrics), town.environment())
    used = ceiling(BINANCE_USDM, RequestClass.EXIT)
    guard.passing(RequestClass.EXIT, [VenueRequest.CANCEL_ORDER], lambda: town.clock.advance(0.2), lambda: used)
    guard.passing(RequestClass.RECONCILER, [VenueRequest.BALANCE], lambda: None, lambda: used)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        guard.passing(RequestClass.RECONCILER, [VenueRequest.BALANCE], lambda: None, lambda: used)


def test_candles_and_prices_wait_first() -> None:
    town = Town()
    data = FakeMarketData()
    data.prices[REAL, BTC] = Decimal(100)
    guarded = GuardedMarketData(data, town.environment())
    assert guarded.quote(REAL, BTC, NOW).mark_price == 100
    use_up(town, RequestClass.MARKET_DATA)
    town.clock.advance(0.1)
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        for _ in range(LEASE[RequestClass.MARKET_DATA] + 1):
            guarded.quote(REAL, BTC, NOW)
