"""Ask for a backtest: decide who may have which, count it, and queue it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.backtests.backtest import DEFAULT_CASH, Backtest, BacktestPlan, require_cash
from candlecast.domain.backtests.sweep import METRICS, SweepPlan, Value, WalkForwardPlan, planned_sweep
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.strategies.record import public_until
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import BacktestStore
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.queue import BacktestQueue
from candlecast.ports.store import StrategyStore
from candlecast.ports.venue import Markets
from candlecast.services.retry_conflict import retry_conflict
from candlecast.services.strategies.admit_reader import Admission, AdmitReader

NOT_QUEUED = "QUEUE_UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who asks."""

    tenant_id: str
    is_operator: bool = False
    link_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSweep:
    """Parameters that vary, and how their combinations are ranked."""

    axes: Mapping[str, Sequence[Value]]
    metric: str = METRICS[0]
    walk_forward: WalkForwardPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBacktest:
    """The question of a tenant; None leaves a choice to the strategy, or to the newest candle."""

    strategy_id: str
    start: datetime
    until: datetime | None = None
    version: int | None = None
    market: str | None = None
    timeframe: Timeframe | None = None
    cash: Decimal | None = None
    """None: the capital of the settings."""
    settings: Settings | None = None
    taker_fee: Decimal | None = None
    maker_fee: Decimal | None = None
    slippage_bps: Decimal = ZERO
    sweep: WantedSweep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBacktest:
    """Everybody who may find a strategy may have it tried on the past.

    A reader who sees no decisions learns no new decision by a backtest either. Its span ends where the strategy's public record
    ends.
    """

    backtests: BacktestStore
    strategies: StrategyStore
    admit: AdmitReader
    markets: Markets
    queue: BacktestQueue
    clock: Clock
    identifiers: Identifiers

    def __call__(self, reader: Reader, wanted: WantedBacktest, correlation_id: str) -> Backtest:
        """The queued backtest.

        Settings are those that a subscription may have. Raises `NotFound` for a strategy or version that the reader may not find,
        `RetryLater`, and `Conflict`: NO_CODE, SWEEP_NEEDS_PARAMETERS, TOO_MANY_BACKTESTS, TOO_MANY_BACKTESTS_TODAY. Raises
        `InvalidValue`: UNKNOWN_MARKET, the codes of `BacktestPlan` and `SweepPlan`, and those of settings.
        """
        admitted = self.admit(reader.tenant_id, wanted.strategy_id, is_operator=reader.is_operator, link_key=reader.link_key)
        now = self.clock.now()
        backtest = Backtest(
            tenant_id=reader.tenant_id,
            backtest_id=f"{now:%Y%m%dT%H%M%S%f}-{self.identifiers.new()}",
            plan=self._plan(reader, admitted, wanted, now),
            shows_code=admitted.sees_parameters,
            asked_at=now,
            correlation_id=correlation_id,
        )
        stored = self.backtests.create_backtest(backtest)
        tasks = [
            BacktestTask(tenant_id=stored.tenant_id, backtest_id=stored.backtest_id, correlation_id=correlation_id, part=part)
            for part in stored.plan.parts
        ]
        try:
            self.queue.send_backtests(tasks)
        except RetryLater:
            # A task may have been taken: a worker that gets it finds the end. It may even have begun meanwhile.
            retry_conflict(lambda: self._fail(stored, now))
            raise
        return stored

    def _fail(self, asked: Backtest, now: datetime) -> None:
        found = self.backtests.find_backtest(asked.tenant_id, asked.backtest_id)
        if found.status.is_open:
            self.backtests.save_backtest(found.failed(NOT_QUEUED, "the queue did not take it: ask again", now))

    def _plan(self, reader: Reader, admitted: Admission, wanted: WantedBacktest, now: datetime) -> BacktestPlan:
        strategy = admitted.strategy
        market, timeframe = wanted.market or strategy.market, wanted.timeframe or strategy.timeframe
        if strategy.source_id is not None or market is None or timeframe is None:
            raise Conflict("NO_CODE", "signals of an outside source cannot be computed again")
        if self.markets.find(strategy.venue, market) is None:
            raise InvalidValue(f"{strategy.venue} has no such market", code="UNKNOWN_MARKET")
        newest = now if admitted.sees_decisions else public_until(strategy, now)
        until = timeframe.floor(newest if wanted.until is None else min(wanted.until, newest))
        start = timeframe.floor(wanted.start)
        cash = _cash(wanted)
        return BacktestPlan(
            strategy_id=strategy.strategy_id,
            venue=strategy.venue,
            market=market,
            timeframe=timeframe,
            start=start,
            until=until,
            settings=Settings(capital=cash) if wanted.settings is None else wanted.settings.require_settable(),
            cash=cash,
            version=self._version(reader, admitted, wanted.version),
            taker_fee=wanted.taker_fee,
            maker_fee=wanted.maker_fee,
            slippage_bps=wanted.slippage_bps,
            sweep=self._sweep(admitted, wanted, max(1, (until - start) // timeframe.length), timeframe),
        )

    def _sweep(self, admitted: Admission, wanted: WantedBacktest, rows: int, timeframe: Timeframe) -> SweepPlan | None:
        if wanted.sweep is None:
            return None
        if not admitted.sees_parameters:
            raise Conflict("SWEEP_NEEDS_PARAMETERS", "its parameters are not yours to see, so they cannot be varied")
        asked = wanted.sweep
        return planned_sweep(asked.axes, asked.metric, rows, asked.walk_forward, timeframe)

    def _version(self, reader: Reader, admitted: Admission, number: int | None) -> int | None:
        """The wanted version, else the stable version. None: the definition's own code is its only version.

        Raises `NotFound` for a draft of others. Those of the platform's own strategies are the operators'.
        """
        strategy = admitted.strategy
        if number is not None:
            may_see_drafts = admitted.is_author or (reader.is_operator and strategy.owner is None)
            if number not in strategy.released and not may_see_drafts:
                raise NotFound("the strategy has no such version that is released")
            return self.strategies.get_version(strategy.strategy_id, number).number
        return None if strategy.release is None else strategy.release.stable


def _cash(wanted: WantedBacktest) -> Decimal:
    """The money at the begin: that which is named, else the capital. Raises `InvalidValue` (CASH_INVALID)."""
    if wanted.cash is not None:
        return require_cash(wanted.cash)
    return DEFAULT_CASH if wanted.settings is None else require_cash(wanted.settings.capital)
