"""Thousands of users behind one address never earn a 429: our budget against the venue's counters and documented limits."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.rules import BINANCE_USDM, VenueRequest
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.services.venue.spend_weight import SpendWeight
from paper_exchange.traffic.rate_limits import RateCounters, RateLimits
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeWeights

pytestmark = pytest.mark.slow

VENUE = "binanceusdm"
USERS = 3_000
ENVIRONMENTS = 40
MINUTES = 3
LOOK = (
    VenueRequest.OPEN_ORDERS_OF_MARKET,
    VenueRequest.OPEN_ORDERS_OF_MARKET,
    VenueRequest.POSITIONS,
    VenueRequest.BALANCE,
    VenueRequest.FIND_ORDER,
)
ERRANDS: dict[RequestClass, tuple[VenueRequest, ...]] = {
    RequestClass.RECONCILER: LOOK,
    RequestClass.AWAITED_LOOK: LOOK,
    RequestClass.ENTRY: (VenueRequest.MARKET_SETTING, VenueRequest.MARKET_SETTING, VenueRequest.PLACE_ORDER),
    RequestClass.EXIT: (VenueRequest.PLACE_ORDER, VenueRequest.CANCEL_ORDER, VenueRequest.CANCEL_ORDER),
    RequestClass.MARKET_DATA: (VenueRequest.MANY_CANDLES,),
    RequestClass.HEALTH: (VenueRequest.PING,),
    RequestClass.UPLOADED: (VenueRequest.MANY_CANDLES,),
    RequestClass.PAST: (VenueRequest.MANY_CANDLES,),
}


class Address:
    """Environments of workers behind one address, and the venue that counts what they ask."""

    def __init__(self, seed: int) -> None:
        self.random, self.clock = Random(seed), FakeClock()
        store = FakeWeights()
        self.spends = [SpendWeight(store, EGRESS, self.clock, RecordingMetrics()) for _ in range(ENVIRONMENTS)]
        self.counters, self.limits = RateCounters(), RateLimits()
        self.granted: Counter[RequestClass] = Counter()
        self.refused: Counter[RequestClass] = Counter()

    def run(self, request_class: RequestClass, *, hears: bool) -> None:
        """One errand by any of the environments; the venue raises if it is one too many."""
        spend = self.random.choice(self.spends)
        for request in ERRANDS[request_class]:
            try:
                spend(VENUE, request_class, request)
            except RetryLater:
                self.refused[request_class] += 1
                return
            weight = BINANCE_USDM.weight_of(request)
            used = self.counters.weigh("address", weight, self.limits, round(self.clock.now().timestamp() * 1000))
            self.granted[request_class] += weight
            if hears:
                spend.told(VENUE, used, self.clock.now())


@pytest.mark.parametrize("hears", [True, False], ids=["the venue tells", "the venue tells nothing"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_thousands_of_users_ask_the_venue_never_refuses(seed: int, hears: bool) -> None:
    address = Address(seed)
    kinds = list(RequestClass)
    for _ in range(MINUTES * USERS):
        address.run(address.random.choice(kinds), hears=hears)
        address.clock.advance(address.random.random() * 2 * 60 / USERS)
    assert address.refused[RequestClass.MARKET_DATA] > USERS // 10, "there was more to ask than the address may"
    assert address.granted.total() > BINANCE_USDM.weight_per_minute * MINUTES // 2


def test_exits_go_through_though_thousands_look() -> None:
    address = Address(seed=4)
    for _ in range(USERS):
        address.run(RequestClass.RECONCILER, hears=True)
    for _ in range(100):
        address.run(RequestClass.EXIT, hears=True)
    assert (address.refused[RequestClass.EXIT], address.refused[RequestClass.RECONCILER] > 0) == (0, True)
