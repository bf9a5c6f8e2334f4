"""Ask for a backtest: decide who may have which, count it, and queue it. A repeated request finds the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.backtests.backtest import DEFAULT_CASH, Backtest, BacktestPlan, require_cash, time_in_id
from candlecast.domain.backtests.sweep import METRICS, RandomSearch, SweepPlan, Value, WalkForwardPlan, planned_sweep
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.record import public_until
from candlecast.domain.subscriptions.subscription import Settings, SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import BacktestStore, RequestKey
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import StrategyStore, SubscriptionStore
from candlecast.ports.venue import Markets
from candlecast.services.backtests.send_tasks import SendTasks
from candlecast.services.strategies.admit_reader import Admission, AdmitReader


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
    random: RandomSearch | None = None


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
    subscriptions: SubscriptionStore
    admit: AdmitReader
    markets: Markets
    send: SendTasks
    clock: Clock
    identifiers: Identifiers

    def __call__(self, reader: Reader, wanted: WantedBacktest, correlation_id: str, key: RequestKey | None = None) -> Backtest:
        """The queued backtest, or the first one of the same key as it is now.

        A backtest whose tasks the queue does not take waits for the clock, which sends them. Settings are those that a
        subscription may have. Raises `NotFound` for a strategy or version that the reader may not find, `RetryLater`, and
        `Conflict`: NO_CODE, SWEEP_NEEDS_PARAMETERS, TOO_MANY_BACKTESTS, TOO_MANY_BACKTESTS_TODAY. Raises `InvalidValue`:
        UNKNOWN_MARKET, IDEMPOTENCY_KEY_REUSED, the codes of `BacktestPlan` and `SweepPlan`, and those of settings.
        """
        return self._first(reader, key) or self._ask(reader, wanted, correlation_id, key)

    def _ask(self, reader: Reader, wanted: WantedBacktest, correlation_id: str, key: RequestKey | None) -> Backtest:
        admitted = self.admit(reader.tenant_id, wanted.strategy_id, is_operator=reader.is_operator, link_key=reader.link_key)
        now = self.clock.now()
        backtest = Backtest(
            tenant_id=reader.tenant_id,
            backtest_id=f"{time_in_id(now)}-{self.identifiers.new()}",
            plan=self._plan(reader, admitted, wanted, now),
            shows_code=admitted.sees_parameters,
            asked_at=now,
            correlation_id=correlation_id,
        )
        try:
            stored = self.backtests.create_backtest(backtest, key)
        except Conflict as error:
            first = self._first(reader, key) if error.code == "ALREADY_EXISTS" else None
            if first is None:
                raise
            return first  # its repeat was faster
        with suppress(RetryLater):
            self.send(stored)
        return stored

    def _first(self, reader: Reader, key: RequestKey | None) -> Backtest | None:
        """The backtest of an earlier request with the same key. Raises `InvalidValue` if that asked for something else."""
        first = None if key is None else self.backtests.find_first(reader.tenant_id, key.key, self.clock.now())
        if first is None or key is None:
            return None
        if first.asked_for != key.asked_for:
            raise InvalidValue("the key was used for another backtest", code="IDEMPOTENCY_KEY_REUSED")
        return first.backtest

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
        return planned_sweep(asked.axes, asked.metric, rows, asked.walk_forward, timeframe, asked.random)

    def _version(self, reader: Reader, admitted: Admission, number: int | None) -> int | None:
        """The wanted version, else the stable version. None: the definition's own code is its only version.

        Raises `NotFound` for a draft of others. Those of the platform's own strategies are the operators'.
        """
        strategy = admitted.strategy
        if number is None:
            return None if strategy.release is None else strategy.release.stable
        may_see_drafts = admitted.is_author or (reader.is_operator and strategy.owner is None)
        if number not in strategy.released and not (may_see_drafts or self._has_pinned(reader, strategy, number)):
            raise NotFound("the strategy has no such version that is released")
        return self.strategies.get_version(strategy.strategy_id, number).number

    def _has_pinned(self, reader: Reader, strategy: StrategyDefinition, number: int) -> bool:
        """Whether the reader follows this version, which releases since may have left behind."""
        followed = (strategy.strategy_id, number)
        return any(
            (each.strategy_id, each.pinned_version) == followed and each.status is not SubscriptionStatus.CANCELLED
            for each in self.subscriptions.list_subscriptions(reader.tenant_id)
        )


def _cash(wanted: WantedBacktest) -> Decimal:
    """The money at the begin: that which is named, else the capital. Raises `InvalidValue` (CASH_INVALID)."""
    if wanted.cash is not None:
        return require_cash(wanted.cash)
    return DEFAULT_CASH if wanted.settings is None else require_cash(wanted.settings.capital)
