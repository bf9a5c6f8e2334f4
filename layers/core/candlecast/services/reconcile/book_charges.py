"""Read the charges of a venue at an account's turn, and book them: fees of orders, funding, fee rates, and leverage caps.

A turn with nothing to read asks nothing (decision 0077).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from candlecast.domain.account.booking import (
    FEE_RATES_AGE,
    MILLISECOND,
    FundingSpan,
    book_fee,
    book_funding,
    forget_fee,
    forget_settled,
    funding_span,
    leverages_to_ask,
    with_fee_rates,
    with_leverage_caps,
)
from candlecast.domain.market.market import quote_of
from candlecast.domain.orders.charges import ChargedFee, DueFee, is_plausible
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.venue.refusals import KEYS_REFUSED
from candlecast.domain.venue.reports import FUNDING_AT_ONCE, VenueFunding
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.reconcile.price_assets import PriceAssets

MAX_ORDERS_READ = 10  # in one look, the oldest first: each is a request, and a look has seconds
MAX_PAGES = 3  # of funding in one look: three thousand payments, a quarter of one market's year and more than anybody is behind


@dataclass(frozen=True, slots=True)
class BookCharges:
    """A part of the reconciler; it sends nothing. A venue that has no time is asked again at the next turn."""

    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue) -> None:
        """Book everything that is to be read. A `Fatal` passes, and so does the refusal of the keys."""
        prices = PriceAssets(venue)
        traded = changes.account.payable
        try:
            for order in list(traded.items())[:MAX_ORDERS_READ]:
                self._attempt(partial(self._fee, changes, venue, prices, order))
            self._attempt(partial(self._rates, changes, venue, traded.values()))
            self._attempt(partial(self._funding, changes, venue, prices))
            self._attempt(partial(self._leverage_caps, changes, venue, traded.values()))
        except RetryLater as error:
            if error.code == KEYS_REFUSED:
                raise
            self.metrics.count("VenueErrors")
        if forget_settled(changes.account, self.clock.now()) is not changes.account:
            changes.make(partial(forget_settled, now=self.clock.now()))

    def _attempt(self, step: Callable[[], None]) -> None:
        """Take a step; a refusal concerns that step alone, such as the market of an order that the venue has delisted."""
        try:
            step()
        except Reject:
            self.metrics.count("VenueErrors")

    def _fee(self, changes: Changes, venue: Venue, prices: PriceAssets, order: tuple[str, DueFee]) -> None:
        """Book an order's fee once the venue lists as much as we have booked; before that the executions are not complete."""
        venue_order_id, due = order
        trades = venue.trades_of(due.market, venue_order_id)
        if sum(trade.quantity for trade in trades) != due.quantity:
            return
        assets = {trade.fee_asset for trade in trades}
        known = prices.of(assets, quote_of(due.market))
        if known.keys() < assets:
            self.metrics.count("FeesNotConverted")
            changes.make(partial(forget_fee, venue_order_id=venue_order_id))
            return
        charged = ChargedFee.of(trades, known)
        if not is_plausible(due, charged):  # a later turn asks again
            self.metrics.count("VenueErrors")
            return
        changes.make(partial(book_fee, venue_order_id=venue_order_id, due=due, charged=charged, now=self.clock.now()))
        if charged.fee != due.fee:
            self.metrics.count("FeesCorrected")

    def _funding(self, changes: Changes, venue: Venue, prices: PriceAssets) -> None:
        """Book the payments since the last reading, page by page; where the pages end, the next turn goes on."""
        span = funding_span(changes.account, self.clock.now())
        if span is None:
            return
        for _ in range(MAX_PAGES):
            paid = venue.funding(span.since, span.until)
            read, paid = (span, paid) if len(paid) < FUNDING_AT_ONCE else _whole_moments(span, paid)
            known = {market: prices.of(_assets_of(paid, market), quote_of(market)) for market in {row.market for row in paid}}
            changes.make(partial(book_funding, read=read, paid=paid, prices=known, now=self.clock.now()))
            if read is span:
                return
            span = FundingSpan(read.until + MILLISECOND, span.until)

    def _rates(self, changes: Changes, venue: Venue, traded: Iterable[DueFee]) -> None:
        """Read the rates of one market for each quote asset that was traded, once a day."""
        now = self.clock.now()
        for market in {due.market for due in traded}:
            quote = quote_of(market)
            known = changes.account.fee_rates.get(quote)
            if known is None or now - known.as_of >= FEE_RATES_AGE:
                changes.make(partial(with_fee_rates, quote=quote, rates=venue.fee_rates(market, now)))

    def _leverage_caps(self, changes: Changes, venue: Venue, traded: Iterable[DueFee]) -> None:
        """Read the largest positions in the markets that were traded, all by one request, once a day."""
        now = self.clock.now()
        leverages = leverages_to_ask(changes.account, {due.market for due in traded}, now)
        if leverages:
            changes.make(partial(with_leverage_caps, caps=venue.leverage_caps(leverages, now)))


def _whole_moments(span: FundingSpan, page: Sequence[VenueFunding]) -> tuple[FundingSpan, Sequence[VenueFunding]]:
    """A full page without its last moment, since the next page may have more rows of it; a page of one moment is taken whole."""
    last = page[-1].paid_at
    whole = [row for row in page if row.paid_at < last]
    return (FundingSpan(span.since, last - MILLISECOND), whole) if whole else (FundingSpan(span.since, last), page)


def _assets_of(paid: Sequence[VenueFunding], market: str) -> set[str]:
    return {row.asset for row in paid if row.market == market}
