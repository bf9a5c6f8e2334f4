"""A backtest that the service runs for a tenant: its plan, its progress, its end.

A single backtest is computed by one worker at a time, which holds a lease; parts of a sweep have none. Each word on the progress
extends the lease. A redelivered message waits for the end of the lease. A worker whose lease another has taken can write nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.backtests.market_fill import MAX_SLIPPAGE_BPS
from candlecast.domain.backtests.sweep import SweepPlan
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.domain.values.money import ZERO, require_decimal, require_utc
from candlecast.domain.values.terms import WorkingType
from candlecast.domain.values.timeframe import Timeframe

# One run of the sandbox takes 60,000 candles, and the longest lookback stands before the first candle of the plan.
MAX_ROWS = 60_000 - MAX_LOOKBACK
FEWEST_ROWS = 2  # a return needs two closes
MAX_OPEN = 5  # backtests of a tenant that wait or run: enough to compare some, and the queue is everybody's
MAX_A_DAY = 100  # tasks of a tenant (UTC): each may take a quarter of an hour, which costs about two and a half cents
RESULT_DAYS = 90  # a backtest and its results are kept so long; a repeat is one request
KEY_DAYS = 30  # a repeated request is known as one: far longer than any client repeats, and shorter than its backtest is kept
LEASE = timedelta(minutes=1)  # from the last word of a worker; its message is held for longer, so it comes back to an ended lease
TIME_LIMIT = timedelta(minutes=12)  # to compute, of a single backtest with its candles; the function has three minutes more
RETRY_PAUSE_SECONDS = 30.0  # until a message that meets a running backtest looks again
MAX_FEE = Decimal("0.1")  # of the notional; a fee in per cent instead of a share is above it
DEFAULT_CASH = Decimal(10_000)  # quote units, where neither cash nor a capital is named
MAX_CASH = Decimal(10) ** 12  # quote units; beyond it a float has no cents
MAX_MESSAGE_CHARACTERS = 1_000  # of a failure, for people


class BacktestStatus(StrEnum):
    """How far a backtest has come."""

    QUEUED = "QUEUED"  # waits for a worker
    RUNNING = "RUNNING"  # a worker computes it
    DONE = "DONE"  # its results are kept
    FAILED = "FAILED"  # it ended without results; the error says why
    CANCELLED = "CANCELLED"  # its owner has ended it

    @property
    def is_open(self) -> bool:
        """Whether the backtest waits or runs."""
        return self in (BacktestStatus.QUEUED, BacktestStatus.RUNNING)


def time_in_id(asked_at: datetime) -> str:
    """The beginning of a backtest's id, which sorts as `asked_at` does (UTC)."""
    return f"{require_utc('asked_at', asked_at):%Y%m%dT%H%M%S%f}"


@dataclass(frozen=True, kw_only=True)
class BacktestPlan:
    """Everything that a backtest computes with, but for code and candles themselves. Money in quote units.

    Raises `InvalidValue`: BACKTEST_SPAN_INVALID, BACKTEST_TOO_LONG, BACKTEST_MARK_PRICE_UNKNOWN, CASH_INVALID, COSTS_INVALID.
    """

    strategy_id: str
    venue: str
    market: str
    timeframe: Timeframe
    start: datetime
    """Open of the first candle."""
    until: datetime
    """Close of the last candle."""
    settings: Settings
    """Settings of a subscription, which the live code follows."""
    cash: Decimal
    """Equity at the begin."""
    version: int | None = None
    """Number of the strategy's version; None: the definition's own code and parameters."""
    taker_fee: Decimal | None = None
    """Share of the notional; None: the market's own."""
    maker_fee: Decimal | None = None
    """Share of the notional of limit orders that have rested; None: that of a taker."""
    slippage_bps: Decimal = ZERO
    """Basis points by which a fill at market is worse than its price."""
    sweep: SweepPlan | None = None
    """The parameters that vary; None for a single backtest."""

    def __post_init__(self) -> None:
        for name in ("start", "until"):
            if not self.timeframe.is_close(require_utc(name, getattr(self, name))):
                raise InvalidValue(f"{name} is no boundary of a {self.timeframe} candle", code="BACKTEST_SPAN_INVALID")
        if self.rows < FEWEST_ROWS:
            raise InvalidValue(
                f"from {self.start} to {self.until} are {max(self.rows, 0)} closed candles, and {FEWEST_ROWS} are the fewest",
                code="BACKTEST_SPAN_INVALID",
            )
        if self.rows > MAX_ROWS:
            raise InvalidValue(
                f"{self.rows} candles, at most {MAX_ROWS}: choose a shorter span or a longer timeframe", code="BACKTEST_TOO_LONG"
            )
        require_cash(self.cash)
        for fee in (self.taker_fee, self.maker_fee):
            if fee is not None and not 0 <= require_decimal("fee", fee) <= MAX_FEE:
                raise InvalidValue(f"a fee is a share of the notional, from 0 to {MAX_FEE}", code="COSTS_INVALID")
        if not 0 <= require_decimal("slippage_bps", self.slippage_bps) <= MAX_SLIPPAGE_BPS:
            raise InvalidValue(f"slippage is from 0 to {MAX_SLIPPAGE_BPS} basis points", code="COSTS_INVALID")
        if self.settings.stop_working_type is not WorkingType.CONTRACT_PRICE or self.settings.stop_price_protect:
            raise InvalidValue("candles have no mark price for stops", code="BACKTEST_MARK_PRICE_UNKNOWN")

    @property
    def rows(self) -> int:
        """Candles of the span, if the market has no gap."""
        return (self.until - self.start) // self.timeframe.length

    @property
    def parts(self) -> Sequence[int | None]:
        """The part of each task that computes it: the numbers of a sweep's parts; None alone for a single backtest."""
        return (None,) if self.sweep is None else range(self.sweep.parts)

    @property
    def tasks(self) -> int:
        """How many tasks compute it."""
        return len(self.parts)

    def require_part(self, part: int | None) -> None:
        """Raises `InvalidValue` unless one of its tasks has this part."""
        if part not in self.parts:
            raise InvalidValue(f"part {part} is none of the {self.tasks} tasks of this backtest")


def require_cash(cash: Decimal) -> Decimal:
    """Return the money of a backtest's begin; raises `InvalidValue` (CASH_INVALID)."""
    if not 0 < require_decimal("cash", cash) <= MAX_CASH:
        raise InvalidValue(f"cash is above 0 and at most {MAX_CASH}", code="CASH_INVALID")
    return cash


@dataclass(frozen=True, kw_only=True)
class BacktestSummary:
    """The numbers of a result that a list shows. Money in quote units, returns and drawdowns as shares."""

    rows: int
    """Candles that were decided, gaps left out."""
    trades: int
    """Closed trades."""
    final_equity: Decimal
    fees: Decimal
    total_return: Decimal
    max_drawdown: Decimal
    sharpe_ratio: Decimal | None
    """Of a year; None with fewer than two days."""
    win_rate: Decimal | None
    """Share of trades with a profit; None without a trade."""
    buy_and_hold_return: Decimal
    denials: Mapping[str, int] = field(default_factory=dict)
    """How many orders the live code has refused, by reason."""
    is_ruined: bool = False
    """Whether the equity was at or below zero at some close: returns and ratios say nothing then."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """A backtest of a tenant. `version` counts its writes; a change is written only over the version that it was made from."""

    tenant_id: str
    backtest_id: str
    """Sorts as `asked_at` does."""
    plan: BacktestPlan
    shows_code: bool
    """Whether its tenant may see the strategy's parameters, and the place of an error in its code."""
    asked_at: datetime
    correlation_id: str
    status: BacktestStatus = BacktestStatus.QUEUED
    rows_done: int = 0
    """Candles that the present try has passed."""
    tries: int = 0
    """How often a worker has begun."""
    worker: str | None = None
    """The worker that computes; None while none does."""
    lease_expires_at: datetime | None = None
    started_at: datetime | None = None
    """When the last try began."""
    ended_at: datetime | None = None
    code_version: str | None = None
    """Hash of the code and parameters that decided; None before the end."""
    summary: BacktestSummary | None = None
    error_code: str | None = None
    error_message: str = ""
    parts_done: tuple[int, ...] = ()
    """Parts of a sweep whose outcome is kept, ascending."""
    version: int = 0

    def __post_init__(self) -> None:
        for name in ("asked_at", "lease_expires_at", "started_at", "ended_at"):
            if (value := getattr(self, name)) is not None:
                require_utc(name, value)

    @property
    def strategy_id(self) -> str:
        """The strategy that is tried."""
        return self.plan.strategy_id

    @property
    def expires_at(self) -> datetime:
        """When the backtest and its results are forgotten, once it has ended."""
        return self.asked_at + timedelta(days=RESULT_DAYS)

    def begun(self, worker: str, now: datetime) -> Backtest:
        """The backtest in the hands of a worker. Raises `Conflict` (BACKTEST_ENDED), `RetryLater` (BACKTEST_RUNS)."""
        if not self.status.is_open:
            raise Conflict("BACKTEST_ENDED", f"the backtest is {self.status}")
        if self.lease_expires_at is not None and now < self.lease_expires_at:
            raise RetryLater("BACKTEST_RUNS", "another worker computes it", after_seconds=RETRY_PAUSE_SECONDS)
        return replace(
            self,
            status=BacktestStatus.RUNNING,
            rows_done=0,
            tries=self.tries + 1,
            worker=worker,
            lease_expires_at=now + LEASE,
            started_at=now,
        )

    def at_row(self, rows_done: int, now: datetime) -> Backtest:
        """The backtest with its progress, which extends the lease."""
        return replace(self, rows_done=min(rows_done, self.plan.rows), lease_expires_at=now + LEASE)

    @property
    def trials_done(self) -> int:
        """Trials of a sweep that are behind."""
        sweep = self.plan.sweep
        return 0 if sweep is None else sum(len(sweep.trials_of(part)) for part in self.parts_done)

    @property
    def is_whole(self) -> bool:
        """Whether all parts of a sweep are done."""
        return len(self.parts_done) == self.plan.tasks

    def swept(self, now: datetime) -> Backtest:
        """The sweep with a worker at its first part. Parts have no lease: a repeat has the same outcome."""
        return replace(self, status=BacktestStatus.RUNNING, tries=1, started_at=now)

    def with_part(self, part: int) -> Backtest:
        """The sweep with one part more."""
        return replace(self, parts_done=tuple(sorted({*self.parts_done, part})))

    def given_back(self) -> Backtest:
        """The backtest waiting again, as its worker could not go on."""
        return replace(self, status=BacktestStatus.QUEUED, rows_done=0, worker=None, lease_expires_at=None)

    def done(self, summary: BacktestSummary, code_version: str, now: datetime) -> Backtest:
        """The backtest with its results."""
        ended = self._ended(BacktestStatus.DONE, now)
        return replace(ended, summary=summary, code_version=code_version, rows_done=self.plan.rows)

    def failed(self, code: str, message: str, now: datetime) -> Backtest:
        """The backtest without results; a reader who may not see code gets no words that could show it."""
        told = message[:MAX_MESSAGE_CHARACTERS] if self.shows_code else ""
        return replace(self._ended(BacktestStatus.FAILED, now), error_code=code, error_message=told)

    def cancelled(self, now: datetime) -> Backtest:
        """The backtest, ended by its owner. An ended backtest is returned unchanged."""
        return self._ended(BacktestStatus.CANCELLED, now) if self.status.is_open else self

    def _ended(self, status: BacktestStatus, now: datetime) -> Backtest:
        return replace(self, status=status, worker=None, lease_expires_at=None, ended_at=now)
