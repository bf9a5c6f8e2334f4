"""A venue behind its weight budget and its circuit breaker, which every request to the venue must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from candlecast.domain.account.account import Balance
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import DomainError, RetryLater
from candlecast.domain.values.terms import MarginMode, PositionMode
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import (
    FeeRates,
    LeverageCap,
    OrderRequest,
    VenueFunding,
    VenueOpenOrder,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from candlecast.domain.venue.rules import VenueRequest, request_for_candles
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.ports.venue import Credentials, MarketData, Venue, Venues
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue

RIGHTS_HOST = "/rights"  # after a venue's name: the host that tells what keys may do, with a budget and a breaker of its own
RATE_LIMITED = "RATE_LIMITED"  # the address has asked too often (429, 418); an account's own order rate has another code


@dataclass(frozen=True)
class Guard:
    """Passes requests to one venue."""

    name: str
    watch: WatchVenue
    spend: SpendWeight

    def passing[T](
        self,
        request_class: RequestClass,
        weights: Sequence[VenueRequest],
        request: Callable[[], T],
        used: Callable[[], int | None],
    ) -> T:
        """Make the request; raises what it raises, and `RetryLater` (ADDRESS_BLOCKED, WEIGHT_SPENT) if it may not leave."""
        for weight in weights:
            self.spend(self.name, request_class, weight)
        asked_at = self.spend.clock.now()
        try:
            answer = request()
        except DomainError as error:
            if isinstance(error, RetryLater) and error.code == RATE_LIMITED:
                self.spend.limited(self.name, error.after_seconds)
            self.watch.heard(self.name, error)
            raise
        told = used()
        if told is not None:
            self.spend.told(self.name, told, asked_at)
        self.watch.answered(self.name)
        return answer


@dataclass(slots=True)
class GuardedVenue:
    """`ports.venue.Venue`. Orders and cancellations pass an open breaker (entries have asked the gate); questions do not."""

    venue: Venue
    guard: Guard
    asks: RequestClass = RequestClass.RECONCILER
    """The share of the budget for questions."""
    _asked: bool = field(default=False)

    def create_order(self, request: OrderRequest) -> VenueOrder:
        purpose = RequestClass.EXIT if request.reduce_only else RequestClass.ENTRY
        return self._tell(purpose, [VenueRequest.PLACE_ORDER], lambda: self.venue.create_order(request))

    def cancel_order(self, intent: Intent) -> None:
        """At its most: a conditional order with a price, and the one that its trigger has placed."""
        weights = [VenueRequest.CANCEL_ORDER]
        if intent.order_type.is_conditional and intent.order_type.has_limit:
            weights += [VenueRequest.FIND_ORDER, VenueRequest.CANCEL_ORDER]
        self._tell(RequestClass.EXIT, weights, lambda: self.venue.cancel_order(intent))

    def cancel_open_order(self, order: VenueOpenOrder) -> None:
        self._tell(RequestClass.EXIT, [VenueRequest.CANCEL_ORDER], lambda: self.venue.cancel_open_order(order))

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        weights = [VenueRequest.MARKET_SETTING, VenueRequest.MARKET_SETTING]
        self._tell(RequestClass.ENTRY, weights, lambda: self.venue.set_market_settings(market, leverage, margin_mode))

    def set_position_mode(self, mode: PositionMode) -> None:
        self._tell(RequestClass.ENTRY, [VenueRequest.MARKET_SETTING], lambda: self.venue.set_position_mode(mode))

    def find_order(self, intent: Intent) -> VenueOrder | None:
        """At its most: the order, the one that a trigger has placed, and its trades."""
        weights = [VenueRequest.FIND_ORDER, VenueRequest.FIND_ORDER, VenueRequest.TRADES]
        return self._ask(weights, lambda: self.venue.find_order(intent))

    def find_order_by_venue_id(self, market: str, venue_order_id: str) -> VenueOrder | None:
        return self._ask([VenueRequest.FIND_ORDER], lambda: self.venue.find_order_by_venue_id(market, venue_order_id))

    def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
        """Plain and conditional orders are asked for apart."""
        weight = VenueRequest.OPEN_ORDERS if market is None else VenueRequest.OPEN_ORDERS_OF_MARKET
        return self._ask([weight, weight], lambda: self.venue.open_orders(market))

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        return self._ask([VenueRequest.TRADES], lambda: self.venue.trades_since(market, since))

    def positions(self) -> Sequence[VenuePosition]:
        return self._ask([VenueRequest.POSITIONS], self.venue.positions)

    def positions_in(self, market: str) -> Sequence[VenuePosition]:
        return self._ask([VenueRequest.POSITIONS], lambda: self.venue.positions_in(market))

    def balance(self, at: datetime) -> Balance:
        return self._ask([VenueRequest.BALANCE], lambda: self.venue.balance(at))

    def trades_of(self, market: str, venue_order_id: str) -> Sequence[VenueTrade]:
        return self._ask([VenueRequest.TRADES], lambda: self.venue.trades_of(market, venue_order_id))

    def funding(self, since: datetime, until: datetime) -> Sequence[VenueFunding]:
        return self._ask([VenueRequest.INCOME], lambda: self.venue.funding(since, until))

    def fee_rates(self, market: str, at: datetime) -> FeeRates:
        return self._ask([VenueRequest.FEE_RATES], lambda: self.venue.fee_rates(market, at))

    def leverage_caps(self, leverages: Mapping[str, Decimal], at: datetime) -> Mapping[str, LeverageCap]:
        return self._ask([VenueRequest.LEVERAGE_BRACKETS], lambda: self.venue.leverage_caps(leverages, at))

    def mark_of(self, asset: str, quote: str) -> Decimal:
        return self._ask([VenueRequest.PRICE], lambda: self.venue.mark_of(asset, quote))

    def key_rights(self) -> KeyRights | None:
        """Asked at another host, with limits of its own: neither its silence nor its limits say anything of orders."""
        elsewhere = replace(self.guard, name=self.guard.name + RIGHTS_HOST)
        elsewhere.watch.require_working(elsewhere.name)
        return elsewhere.passing(self.asks, [VenueRequest.KEY_RIGHTS], self.venue.key_rights, lambda: None)

    @property
    def used_weight(self) -> int | None:
        return self.venue.used_weight

    def _ask[T](self, weights: Sequence[VenueRequest], request: Callable[[], T]) -> T:
        """Ask something; the breaker is read before the first question of a visit."""
        if not self._asked:
            self.guard.watch.require_working(self.guard.name)
            self._asked = True
        return self._tell(self.asks, weights, request)

    def _tell[T](self, purpose: RequestClass, weights: Sequence[VenueRequest], request: Callable[[], T]) -> T:
        return self.guard.passing(purpose, weights, request, lambda: self.venue.used_weight)


@dataclass(frozen=True, slots=True)
class GuardedVenues:
    """`ports.venue.Venues`: the venues of an environment behind its guards."""

    venues: Venues
    watch: WatchVenue
    spend: SpendWeight
    asks: RequestClass = RequestClass.RECONCILER
    """The share of the budget for questions."""

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> GuardedVenue:
        connected = self.venues.connect(venue, account_id, credential_version, credentials)
        return GuardedVenue(connected, Guard(venue, self.watch, self.spend), self.asks)


@dataclass(frozen=True, slots=True)
class GuardedMarketData:
    """`ports.venue.MarketData` inside the budget; the breaker is about accounts' requests, candles have retries of their own."""

    market_data: MarketData
    spend: SpendWeight
    asks: RequestClass = RequestClass.MARKET_DATA
    """The share of the budget. UPLOADED is for strangers' code, which must not take candles from the platform's own. PAST is for
    backtests, which must not take them from any live run."""

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        weight = request_for_candles(count)
        return self._within(venue, weight, lambda: self.market_data.candles(venue, market, timeframe, until, count))

    def funding_rates(self, venue: str, market: str, since: datetime, until: datetime) -> Sequence[FundingRate]:
        request = VenueRequest.FUNDING_RATES
        return self._within(venue, request, lambda: self.market_data.funding_rates(venue, market, since, until))

    def quote(self, venue: str, market: str, at: datetime) -> Quote:
        """Best prices, then mark price and funding."""
        self.spend(venue, self.asks, VenueRequest.BEST_PRICES)
        return self._within(venue, VenueRequest.PRICE, lambda: self.market_data.quote(venue, market, at))

    def _within[T](self, venue: str, weight: VenueRequest, request: Callable[[], T]) -> T:
        self.spend(venue, self.asks, weight)
        try:
            return request()
        except RetryLater as error:
            if error.code == RATE_LIMITED:
                self.spend.limited(venue, error.after_seconds)
            raise
