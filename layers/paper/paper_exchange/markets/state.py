"""The state that all accounts share: markets and where their candles are, the market clock, fault rules.

One small value with a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from paper_exchange.errors import OperatorError
from paper_exchange.markets.clock import MarketClock
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.rates import RateChange
from paper_exchange.traffic.faults import MAX_RULES, FaultRule
from paper_exchange.traffic.rate_limits import RateLimits

MAX_MARKETS = 100  # a market takes about 700 bytes of the state item, which may have 400 kB


@dataclass(frozen=True, slots=True)
class Series:
    """The recorded candles of a market: contiguous, `count` of them; each replacement is a new `generation`."""

    interval_ms: int
    first_open_ms: int
    count: int
    generation: int

    @property
    def end_ms(self) -> int:
        """When the last candle closes."""
        return self.first_open_ms + self.count * self.interval_ms


@dataclass(frozen=True, slots=True)
class Listing:
    """A market, with its candles once they are loaded. `marks` tell how far the mark lies from the last price, as a fraction."""

    spec: MarketSpec
    series: Series | None = None
    generations: int = 0
    funding: tuple[RateChange, ...] = ()
    marks: tuple[RateChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """The shared state of the venue.

    `live_host` is the real venue's host name in the clock's LIVE mode. `counting` says whether requests are counted.
    `liquidating` says whether positions are taken over that cannot be carried any more. `limits` bound the requests of an address
    or account.
    """

    clock: MarketClock = field(default_factory=MarketClock)
    listings: Mapping[str, Listing] = field(default_factory=dict)
    faults: tuple[FaultRule, ...] = ()
    counting: bool = False
    live_host: str = ""
    liquidating: bool = True
    limits: RateLimits = field(default_factory=RateLimits)

    def with_listing(self, listing: Listing) -> ExchangeState:
        listings = {**self.listings, listing.spec.symbol: listing}
        if len(listings) > MAX_MARKETS:
            raise OperatorError("MARKETS_TOO_MANY", f"at most {MAX_MARKETS} markets")
        return replace(self, listings=listings)

    def with_fault(self, rule: FaultRule) -> ExchangeState:
        rules = (*(other for other in self.faults if other.rule_id != rule.rule_id), rule)
        if len(rules) > MAX_RULES:
            raise OperatorError("FAULTS_TOO_MANY", f"at most {MAX_RULES} fault rules")
        return replace(self, faults=rules)

    def listing(self, symbol: str) -> Listing:
        """The market of that symbol; raises `OperatorError` MARKET_UNKNOWN."""
        try:
            return self.listings[symbol]
        except KeyError:
            raise OperatorError("MARKET_UNKNOWN", f"no market {symbol}", 404) from None
