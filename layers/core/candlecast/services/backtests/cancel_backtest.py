"""Cancel a backtest: a waiting one is never computed, a running one stops at its next word."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.backtests.backtest import Backtest
from candlecast.ports.backtests import BacktestStore
from candlecast.ports.clock import Clock
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class CancelBacktest:
    """Ends a backtest for its tenant."""

    backtests: BacktestStore
    clock: Clock

    def __call__(self, tenant_id: str, backtest_id: str, *, expect: Expectation[Backtest] = anything) -> Backtest:
        """The cancelled backtest. An ended backtest stays as it is. Raises `NotFound`, `RetryLater`, the errors of `expect`."""

        def attempt() -> Backtest:
            found = self.backtests.find_backtest(tenant_id, backtest_id)
            expect(found)
            ended = found.cancelled(self.clock.now())
            return found if ended is found else self.backtests.save_backtest(ended)

        return retry_conflict(attempt)
