"""Public data, markets and strategy code that a test writes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from candlecast.adapters.s3.tickers import resolve_ticker
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate
from candlecast.domain.market.market import Market
from candlecast.domain.market.quote import Quote
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.strategies import CodeRun, Evaluation, Outcome
from tests.support.builders import VENUE, a_market


class FakeMarketData:
    """Candles by (venue, market, timeframe); `requests` counts calls. A market that is not listed is unknown."""

    def __init__(self) -> None:
        self._candles: dict[tuple[str, str, Timeframe], tuple[Candle, ...]] = {}
        self.prices: dict[tuple[str, str], Decimal] = {}
        self.requests = 0
        self.unavailable = False
        self.funding_rate = Decimal("0.0001")
        self.fundings: dict[tuple[str, str], Sequence[FundingRate]] = {}
        self.fundings_at_once = 1_000

    def put(self, market: str, timeframe: Timeframe, candles: Iterable[Candle], venue: str = VENUE) -> None:
        """Publish these candles, in place of all earlier ones."""
        self._candles[venue, market, timeframe] = tuple(candles)

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        self._request()
        try:
            published = self._candles[venue, market, timeframe]
        except KeyError:
            raise Reject("UNKNOWN_MARKET", f"{venue} has no {market}") from None
        return [candle for candle in published if candle.close_time(timeframe) <= until][-count:]

    def quote(self, venue: str, market: str, at: datetime) -> Quote:
        """Around the market's price, a basis point wide on either side; `funding_rate` is everywhere the same."""
        self._request()
        try:
            price = self.prices[venue, market]
        except KeyError:
            raise Reject("UNKNOWN_MARKET", f"{venue} has no {market}") from None
        half = price / 10_000
        return Quote(price - half, price + half, price, at, self.funding_rate)

    def funding_rates(self, venue: str, market: str, since: datetime, until: datetime) -> Sequence[FundingRate]:
        self._request()
        found = [each for each in self.fundings.get((venue, market), ()) if since <= each.at < until]
        return found[: self.fundings_at_once]

    def _request(self) -> None:
        self.requests += 1
        if self.unavailable:
            raise RetryLater("VENUE_UNAVAILABLE", "told to fail", after_seconds=1)


class CountedMarketData(FakeMarketData):
    """Notes how many candles each request asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        self.counts.append(count)
        return super().candles(venue, market, timeframe, until, count)


class FakeMarkets:
    """A catalogue of given markets, all of one venue."""

    def __init__(self, *markets: Market, venue: str = VENUE) -> None:
        self._venue = venue
        self._markets = {market.symbol: market for market in markets or (a_market(),)}

    def put(self, *markets: Market) -> None:
        """Write these markets anew."""
        self._markets.update({market.symbol: market for market in markets})

    def find(self, venue: str, symbol: str) -> Market | None:
        return self._markets.get(symbol) if venue == self._venue else None

    def resolve(self, venue: str, ticker: str) -> Market | None:
        return resolve_ticker(ticker, tuple(self._markets.values())) if venue == self._venue else None


Decision = Evaluation | DomainError | Callable[[StrategyDefinition, Sequence[Candle]], Evaluation | DomainError]


class FakeStrategyCode:
    """Strategies that decide what they are told: `decisions[strategy_id]` is an answer, an error, or a function.

    A version decides by `versions[strategy_id, number]` if there is one. `evaluated` has (strategy id, opening time of the
    newest candle) of each run, `evaluated_versions` the versions of the same runs.
    """

    def __init__(self, lookback: int = 10) -> None:
        self.decisions: dict[str, Decision] = {}
        self.versions: dict[tuple[str, int], Decision] = {}
        self.evaluated: list[tuple[str, datetime]] = []
        self.evaluated_versions: list[int | None] = []
        self._lookback = lookback

    def lookback(self, definition: StrategyDefinition) -> int:
        return self._lookback

    def version(self, definition: StrategyDefinition) -> str:
        return strategy_version(definition)

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> Sequence[Outcome]:
        return [self._outcome(definition, run) for run in runs]

    def _outcome(self, definition: StrategyDefinition, run: CodeRun) -> Outcome:
        strategy_id, number = definition.strategy_id, None if run.version is None else run.version.number
        self.evaluated.append((strategy_id, run.candles[-1].open_time))
        self.evaluated_versions.append(number)
        decision = self.versions.get((strategy_id, number or 0), self.decisions.get(strategy_id))
        if decision is None:
            return Evaluation(action=None, price=run.candles[-1].close)
        outcome = decision(definition, run.candles) if callable(decision) else decision
        if isinstance(outcome, DomainError) and not isinstance(outcome, Reject | RetryLater):
            raise outcome
        return outcome
