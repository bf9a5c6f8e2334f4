"""Compute the backtest of a card: the stable version of a listed strategy, on the platform's own terms."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.backtests.backtest import TIME_LIMIT
from candlecast.domain.backtests.listed import figures_of, listed_backtest, refused
from candlecast.domain.strategies.listing import ListedBacktest, is_listed
from candlecast.domain.values.errors import InvalidValue, NotFound, Reject
from candlecast.ports.backtests import BacktestEngine
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.listings import ListingStore
from candlecast.ports.store import StrategyStore
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.run_backtest import TOO_SLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class TryListed:
    """The use case of a card's task. A repeat computes and writes the same again."""

    strategies: StrategyStore
    inputs: ReadInputs
    engine: BacktestEngine
    listings: ListingStore
    clock: Clock
    metrics: Metrics

    def __call__(self, strategy_id: str) -> None:
        """Write the figures, or why there are none; nothing for a strategy that is listed no more.

        Raises `RetryLater` if candles, code or the store cannot be had now.
        """
        try:
            definition = self.strategies.get_strategy(strategy_id)
            if not is_listed(definition):
                return
            version = None if definition.release is None else definition.release.stable
            backtest = listed_backtest(definition, version, self.clock.now())
        except (NotFound, Reject):
            return  # it is gone, or its signals come from outside
        began = self.clock.now()

        def watch(_: int) -> None:
            if self.clock.now() - began > TIME_LIMIT:
                raise Reject(TOO_SLOW, f"it takes over {TIME_LIMIT} to compute")

        try:
            computation = self.inputs(backtest)
            outcome = self.engine.compute(computation, watch)
            made_at = None if computation.version is None else computation.version.created_at
            figures = figures_of(backtest.plan, outcome.summary, made_at, outcome.return_since_made)
            self.metrics.count("BacktestsDone")
        except (Reject, InvalidValue, NotFound) as error:
            figures = refused(backtest.plan, error.code)
            self.metrics.count("BacktestsFailed")
        self.listings.put_backtest(strategy_id, ListedBacktest(asked_at=began, version=version, figures=figures))
