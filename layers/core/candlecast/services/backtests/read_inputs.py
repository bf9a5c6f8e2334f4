"""Read everything that a backtest computes with: strategy, version, market, candles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.backtests.backtest import Backtest
from candlecast.domain.market.history import Series, Span
from candlecast.domain.strategies.definition import MAX_LOOKBACK, StrategyDefinition
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import Reject
from candlecast.ports.backtests import BacktestEngine, Computation
from candlecast.ports.store import StrategyStore
from candlecast.ports.venue import Markets
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory

SETTLED_BEFORE = timedelta(hours=8)  # the longest interval of funding: limits of its rate need one before the first candle
NO_CANDLES = "BACKTEST_WITHOUT_CANDLES"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInputs:
    """Reads the inputs of a backtest as they are now."""

    strategies: StrategyStore
    markets: Markets
    history: ReadHistory
    funding: ReadFunding
    engine: BacktestEngine

    def __call__(self, backtest: Backtest) -> Computation:
        """The inputs.

        Raises `Reject` (UNKNOWN_MARKET, BACKTEST_WITHOUT_CANDLES), `NotFound` for a strategy that is gone, `RetryLater`.
        """
        plan = backtest.plan
        strategy = self.strategies.get_strategy(plan.strategy_id)
        version = None if plan.version is None else self.strategies.get_version(plan.strategy_id, plan.version)
        market = self.markets.find(plan.venue, plan.market)
        if market is None:
            raise Reject("UNKNOWN_MARKET", f"{plan.venue} has no such market")
        before = plan.timeframe.length * (self._lookback(backtest, strategy, version) - 1)
        series = Series(venue=plan.venue, market=plan.market, timeframe=plan.timeframe)
        candles = self.history(series, Span(plan.start - before, plan.until)).candles
        if not any(candle.open_time >= plan.start for candle in candles):
            raise Reject(NO_CANDLES, "the venue has no candle of this span")
        first = max(plan.start, candles[0].open_time)  # a span may begin years before its market
        return Computation(
            backtest=backtest,
            strategy=strategy,
            version=version,
            market=market,
            candles=candles,
            funding=self.funding(plan.venue, plan.market, Span(first - SETTLED_BEFORE, plan.until)),
        )

    def _lookback(self, backtest: Backtest, strategy: StrategyDefinition, version: StrategyVersion | None) -> int:
        """Candles that a decision gets; of a sweep the most that any combination may have, as all parts read the same."""
        return MAX_LOOKBACK if backtest.plan.sweep is not None else self.engine.lookback(strategy, version)
