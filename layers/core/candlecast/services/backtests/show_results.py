"""Show the results of a finished backtest to its tenant: by links that others can follow for minutes only."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.backtests.backtest import BacktestStatus
from candlecast.domain.values.errors import Conflict
from candlecast.ports.backtests import BacktestResults, BacktestStore, ResultLinks
from candlecast.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class ShowResults:
    """Makes links."""

    backtests: BacktestStore
    results: BacktestResults
    clock: Clock

    def __call__(self, tenant_id: str, backtest_id: str) -> ResultLinks:
        """New links. Raises `NotFound`, `Conflict` (BACKTEST_NOT_DONE), `RetryLater`."""
        found = self.backtests.find_backtest(tenant_id, backtest_id)
        if found.status is not BacktestStatus.DONE:
            raise Conflict("BACKTEST_NOT_DONE", f"the backtest is {found.status}")
        return self.results.links(found, self.clock.now())
