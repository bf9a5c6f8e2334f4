"""A venue (exchange) as the services see it; the adapter turns failures into the instructions of `domain/values/errors.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from candlecast.domain.account.exchange_keys import require_api_key, require_api_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from candlecast.domain.account.account import Balance
    from candlecast.domain.market.candle import Candle
    from candlecast.domain.market.funding import FundingRate
    from candlecast.domain.market.market import Market
    from candlecast.domain.market.quote import Quote
    from candlecast.domain.orders.intent import Intent
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

MAX_LOOK_BACK = timedelta(days=6)  # of `trades_since`, with a day to spare


@dataclass(frozen=True, slots=True)
class Credentials:
    """Exchange keys of one account. They never show in a repr, a log or an error (invariant 12).

    Raises `InvalidValue` for a text that is no key (`domain/account/exchange_keys.py`).
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api_key", require_api_key(self.api_key))
        object.__setattr__(self, "api_secret", require_api_secret(self.api_secret))


class Venue(Protocol):
    """One venue as seen with one account's keys.

    Every method may raise `Reject`, `RetryLater` (certainly not executed), `Ambiguous` (may have been executed) or `Fatal`.
    """

    @property
    def used_weight(self) -> int | None:
        """Weight that our address has used in this minute, by the venue's last answer; None if the venue does not say."""
        ...

    def create_order(self, request: OrderRequest) -> VenueOrder:
        """Place one order; exactly one request to the venue."""
        ...

    def find_order(self, intent: Intent) -> VenueOrder | None:
        """Ask for an order and its fills by its client id; None if the venue does not know the order."""
        ...

    def cancel_order(self, intent: Intent) -> None:
        """Cancel by client id; an order that is already gone is no error."""
        ...

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        """Set leverage and margin mode; 'no need to change' is no error."""
        ...

    def set_position_mode(self, mode: PositionMode) -> None:
        """Keep positions net or by side; 'no need to change' is no error, a position or order in the way a `Reject`."""
        ...

    def find_order_by_venue_id(self, market: str, venue_order_id: str) -> VenueOrder | None:
        """Ask for an order, ours or not, by the venue's own id; None if the venue does not know it. The fee is not told."""
        ...

    def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
        """All open orders, conditional ones included, ours and others; without a market it costs forty times the weight."""
        ...

    def cancel_open_order(self, order: VenueOpenOrder) -> None:
        """Cancel an order that no intent of ours knows; one that is already gone is no error."""
        ...

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        """The account's executions in a market from `since` on (at most seven days back), oldest first, up to 1,000."""
        ...

    def positions(self) -> Sequence[VenuePosition]:
        """Everything that is held, with mark prices where the venue tells them."""
        ...

    def positions_in(self, market: str) -> Sequence[VenuePosition]:
        """The positions that are held in one market, by an answer that names the market also when nothing is held there."""
        ...

    def balance(self, at: datetime) -> Balance: ...

    def trades_of(self, market: str, venue_order_id: str) -> Sequence[VenueTrade]:
        """The executions of one order with the fees that were charged, oldest first, up to 1,000."""
        ...

    def funding(self, since: datetime, until: datetime) -> Sequence[VenueFunding]:
        """Funding payments of all markets from `since` to `until`, both included, oldest first, up to `FUNDING_AT_ONCE`."""
        ...

    def fee_rates(self, market: str, at: datetime) -> FeeRates:
        """The account's rates in a market, without a discount for fees that are paid in the venue's own coin."""
        ...

    def leverage_caps(self, leverages: Mapping[str, Decimal], at: datetime) -> Mapping[str, LeverageCap]:
        """The account's largest position in each market, by its leverage; one request for all markets."""
        ...

    def mark_of(self, asset: str, quote: str) -> Decimal:
        """The mark price of an asset's perpetual in `quote`; raises `Reject` if there is none."""
        ...

    def key_rights(self) -> KeyRights | None:
        """The rights of the account's key; None if the venue has no such question."""
        ...


class Venues(Protocol):
    """Opens venues.

    Each call makes a client of its own from the venue's template, with the keys that are given. No client is kept or re-keyed.
    """

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> Venue: ...


class Quotes(Protocol):
    """Present prices of a venue's markets."""

    def quote(self, venue: str, market: str, at: datetime) -> Quote:
        """The venue's present quote of the market, as of `at`; raises `RetryLater`, `Reject` (UNKNOWN_MARKET)."""
        ...


class MarketData(Quotes, Protocol):
    """Public data of a venue."""

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        """Up to `count` candles that closed at or before `until`, oldest first.

        A timeframe that the venue lacks is aggregated from a smaller one. Raises `RetryLater` if the venue does not
        answer, `Reject` (UNKNOWN_MARKET).
        """
        ...

    def funding_rates(self, venue: str, market: str, since: datetime, until: datetime) -> Sequence[FundingRate]:
        """The first settlements in `[since, until)`, oldest first: all that one request lists. A venue without funding has none.

        Raises `RetryLater` if the venue does not answer, `Reject` (UNKNOWN_MARKET).
        """
        ...


class Markets(Protocol):
    """The catalogue of markets: written by one function, read once per environment."""

    def find(self, venue: str, symbol: str) -> Market | None:
        """The market of a unified symbol, or None."""
        ...

    def resolve(self, venue: str, ticker: str) -> Market | None:
        """The market that a sender's ticker means (`BTCUSDT.P`, `BINANCE:BTCUSDT`, `#BTC-USDT-SWAP`), None if in doubt."""
        ...


class CatalogueStore(Protocol):
    """The catalogue that `Markets` reads, for its writer."""

    def read(self, venue: str) -> Sequence[Market]:
        """All markets of a venue's catalogue, delisted ones too; none if there is no catalogue yet. Raises `RetryLater`."""
        ...

    def write(self, venue: str, markets: Sequence[Market]) -> None:
        """Replace a venue's catalogue as a whole; raises `RetryLater`."""
        ...
