"""The weight that we take from the budget is the weight that the venue counts for a request, or more: measured, call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData, download_markets
from candlecast.adapters.ccxt.ping import VenuePing
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.rules import PAPER, VenueRequest
from candlecast.domain.venue.weight_budget import Address, RequestClass
from candlecast.ports.venue import Credentials
from candlecast.services.health.probe_venue import ProbeVenue
from candlecast.services.venue import spend_weight
from candlecast.services.venue.guard_venue import GuardedMarketData, GuardedVenue, GuardedVenues
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from infra.local.demo.exchange import WIDE_LIMITS
from tests.support.builders import NOW, an_intent
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeGate, FakeWeights
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, PATIENCE_SECONDS, START_MS, PaperVenue

HERE = Address("paper", EGRESS)
QUANTITY = Decimal("0.01")
WIDE_PRICE = Decimal(48_990)
STOP = an_intent(LegKind.STOP_LOSS, quantity=QUANTITY, trigger_price=Decimal(49_000))
STOP_WITH_PRICE = an_intent(
    LegKind.STOP_LOSS,
    quantity=QUANTITY,
    trigger_price=Decimal(49_000),
    price=WIDE_PRICE,
    order_type=OrderType.STOP_LIMIT,
    signal_id="stop-with-price",
)
ENTRY = an_intent(quantity=QUANTITY)
SECOND = an_intent(quantity=QUANTITY, signal_id="second")


@dataclass(slots=True)
class Measured:
    """A guarded venue and guarded market data, both sides of whose weights are counted."""

    market: PaperVenue
    venue: GuardedVenue
    data: GuardedMarketData
    ping: ProbeVenue
    weights: FakeWeights
    clock: FakeClock

    def call(self, ask: Callable[[Measured], object]) -> tuple[int, int]:
        """The weight that the venue has counted for a call, and the weight that was taken from our budget."""
        self.market.operate("PUT", "/limits", {**WIDE_LIMITS, "ban_seconds": 60})
        self.market.operate("PUT", "/limits", WIDE_LIMITS)  # other limits than before: counts begin anew
        self.weights.spent.clear()
        ask(self)
        answer = self.market.http.get("/fapi/v1/time")
        return int(answer.headers["X-MBX-USED-WEIGHT-1M"]) - 1, self.weights.read_spent(HERE, self.clock.now()).leased


@pytest.fixture
def measured(market: PaperVenue, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """The venue's clock stands at the beginning of a minute, and ours with it; nothing is leased that is not spent."""
    monkeypatch.setattr(spend_weight, "LEASE", dict.fromkeys(RequestClass, 0))
    market.wall_clock.stand_at_a_minute()
    catalogue = {found.symbol: found for found in download_markets("binanceusdm", market.base_url)}
    templates = Templates({"paper": ("binanceusdm", market.base_url)}, lambda _: catalogue)
    templates.of("paper").milliseconds = market.wall_clock
    templates.of("paper").timeout = 1_000 * PATIENCE_SECONDS
    keys = market.open_account(account_id="tenant")
    clock, metrics, weights = FakeClock(), RecordingMetrics(), FakeWeights()
    spend = SpendWeight(weights, EGRESS, clock, metrics)
    venues = GuardedVenues(CcxtVenues(templates), WatchVenue(FakeGate(weights), clock, metrics), spend)
    venue = venues.connect("paper", "account", "1", Credentials(keys["api_key"], keys["api_secret"]))
    ping = ProbeVenue("paper", VenuePing(templates, "paper"), spend, FakeGate(weights))
    return Measured(market, venue, GuardedMarketData(CcxtMarketData(templates), spend), ping, weights, clock)


def candles(timeframe: Timeframe, count: int) -> Callable[[Measured], object]:
    until = datetime.fromtimestamp((START_MS + 60 * MINUTE_MS) / 1000, UTC)
    return lambda m: m.data.candles("paper", BTC_SYMBOL, timeframe, until, count)


def place(measured: Measured, leg: Intent) -> None:
    measured.venue.create_order(leg.request())


EXACT: dict[str, Callable[[Measured], object]] = {
    "order": lambda m: place(m, ENTRY),
    "stop": lambda m: place(m, STOP),
    "cancel": lambda m: m.venue.cancel_order(STOP),
    "open orders of a market": lambda m: m.venue.open_orders(BTC_SYMBOL),
    "open orders everywhere": lambda m: m.venue.open_orders(),
    "trades": lambda m: m.venue.trades_since(BTC_SYMBOL, datetime.now(UTC)),
    "positions": lambda m: m.venue.positions(),
    "balance": lambda m: m.venue.balance(NOW),
    "trades of an order": lambda m: m.venue.trades_of(BTC_SYMBOL, "1"),
    "funding": lambda m: m.venue.funding(NOW, NOW),
    "fee rates": lambda m: m.venue.fee_rates(BTC_SYMBOL, NOW),
    "leverage caps": lambda m: m.venue.leverage_caps({BTC_SYMBOL: Decimal(10)}, NOW),
    "mark price": lambda m: m.venue.mark_of("BTC", "USDT"),
    "an order by the venue's id": lambda m: m.venue.find_order_by_venue_id(BTC_SYMBOL, "1"),
    "leverage and margin mode": lambda m: m.venue.set_market_settings(BTC_SYMBOL, Decimal(7), MarginMode.ISOLATED),
    "position mode": lambda m: m.venue.set_position_mode(PositionMode.HEDGE),
    "quote": lambda m: m.data.quote("paper", BTC_SYMBOL, NOW),
    "ping": lambda m: m.ping.check(),
}
AT_MOST: dict[str, Callable[[Measured], object]] = {
    "an order that is not there": lambda m: m.venue.find_order(ENTRY),
    "few candles": candles(Timeframe.M1, 49),
    "candles": candles(Timeframe.M1, 249),
    "many candles": candles(Timeframe.M1, 1_000),
    "more candles": candles(Timeframe.M1, 1_500),
    "candles that the venue lacks": candles(Timeframe.M10, 249),
    "many candles that the venue lacks": candles(Timeframe.M10, 1_500),
}


@pytest.mark.parametrize("ask", EXACT.values(), ids=EXACT)
def test_what_is_taken_for_a_call_is_what_the_venue_counts(measured: Measured, ask: Callable[[Measured], object]) -> None:
    counted, taken = measured.call(ask)
    assert counted == taken


def test_the_rights_of_a_key_are_paid_from_a_budget_of_their_own(measured: Measured) -> None:
    """Binance tells them at its spot host, whose limits are not those of the futures."""
    counted, taken = measured.call(lambda m: m.venue.key_rights())
    elsewhere = measured.weights.read_spent(Address("paper/rights", EGRESS), measured.clock.now())
    assert (counted, taken, elsewhere.leased) == (1, 0, 1)


@pytest.mark.parametrize("ask", AT_MOST.values(), ids=AT_MOST)
def test_never_less_is_taken_than_the_venue_counts(measured: Measured, ask: Callable[[Measured], object]) -> None:
    counted, taken = measured.call(ask)
    assert 0 < counted <= taken


def test_finding_a_filled_stop_is_the_dearest_look_up(measured: Measured) -> None:
    measured.market.load(["50000"] * 61 + [("50000", "50000", "48500", "49000")] + ["49000"] * 9)
    place(measured, ENTRY)
    place(measured, STOP)
    measured.market.set_minute(62)
    assert measured.call(lambda m: m.venue.find_order(STOP)) == (7, 7)


def test_cancelling_a_stop_with_a_price_is_the_dearest_cancellation(measured: Measured) -> None:
    measured.market.load(["50000"] * 61 + [("50000", "50000", "48000", "48100")] + ["48100"] * 9)
    place(measured, ENTRY)
    place(measured, STOP_WITH_PRICE)
    measured.market.set_minute(62)
    counted, taken = measured.call(lambda m: m.venue.cancel_order(STOP_WITH_PRICE))
    assert 2 <= counted <= taken == 3


def test_the_venues_own_count_is_heard(measured: Measured) -> None:
    measured.call(lambda m: m.venue.positions())
    assert measured.venue.used_weight == PAPER.weight_of(VenueRequest.POSITIONS)


def test_an_account_that_orders_too_often_waits_alone_and_its_order_is_certainly_not_placed(measured: Measured) -> None:
    measured.market.operate("PUT", "/limits", {**WIDE_LIMITS, "orders_per_ten_seconds": 1})
    place(measured, ENTRY)
    with pytest.raises(RetryLater, match="ORDER_RATE_LIMITED") as refused:
        place(measured, SECOND)
    assert 0 < refused.value.after_seconds <= 10, "as long as the venue says"
    assert measured.venue.find_order(SECOND) is None
    assert measured.weights.blocks == 0, "others behind the address order on"


def test_an_address_that_asks_too_often_is_silent_as_a_whole(measured: Measured) -> None:
    measured.market.operate("PUT", "/limits", {**WIDE_LIMITS, "weight_per_minute": 5})
    measured.venue.positions()
    with pytest.raises(RetryLater, match=r"^RATE_LIMITED"):
        measured.venue.positions()
    with pytest.raises(RetryLater, match="ADDRESS_BLOCKED"):
        place(measured, ENTRY)
    assert (measured.weights.blocks, measured.market.book("orders")) == (1, [])


def test_a_shared_paper_exchange_is_set_to_what_we_take_it_to_allow(market: PaperVenue) -> None:
    market.operate("PUT", "/limits", WIDE_LIMITS)
    shown = market.http.get("/fapi/v1/exchangeInfo").json()["rateLimits"]
    assert next(limit["limit"] for limit in shown if limit["rateLimitType"] == "REQUEST_WEIGHT") == PAPER.weight_per_minute
