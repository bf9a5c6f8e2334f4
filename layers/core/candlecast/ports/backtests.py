"""Backtests as the services see them: a store, an engine that computes, and a place for results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from candlecast.domain.backtests.backtest import Backtest, BacktestSummary
    from candlecast.domain.market.candle import Candle
    from candlecast.domain.market.funding import FundingRate
    from candlecast.domain.market.market import Market
    from candlecast.domain.strategies.definition import StrategyDefinition
    from candlecast.domain.strategies.versions import StrategyVersion
    from candlecast.ports.filters import BacktestFilter
    from candlecast.ports.store import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """The caller's own mark of a request, by which a repeat is known."""

    key: str
    asked_for: str
    """Digest of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRequest:
    """The request that a key was used for."""

    backtest: Backtest
    """Its backtest as it is now."""
    asked_for: str
    """Digest of the request."""


class BacktestStore(Protocol):
    """Backtests by tenant; those that have ended are forgotten after `RESULT_DAYS`."""

    def create_backtest(self, backtest: Backtest, key: RequestKey | None = None) -> Backtest:
        """Write a new backtest as version 1, its tasks not yet sent, and count it for its tenant.

        Raises `Conflict` (TOO_MANY_BACKTESTS) beyond `MAX_OPEN`, (TOO_MANY_BACKTESTS_TODAY) beyond `MAX_A_DAY`, and
        (ALREADY_EXISTS) for an id or a key that was used. One transaction.
        """
        ...

    def find_first(self, tenant_id: str, key: str, now: datetime) -> FirstRequest | None:
        """The backtest that the tenant's key was used for within the last `KEY_DAYS`; strongly consistent."""
        ...

    def note_sent(self, backtest: Backtest) -> None:
        """Note that all tasks of the backtest were sent. The end of it notes the same, and so does a begun single one."""
        ...

    def list_unsent(self, before: datetime, limit: int) -> Sequence[Backtest]:
        """Backtests of all tenants that were asked for before then and whose tasks nobody noted as sent, oldest first.

        A write of the last seconds may not show yet.
        """
        ...

    def find_backtest(self, tenant_id: str, backtest_id: str) -> Backtest:
        """The backtest, strongly consistent; raises `NotFound`."""
        ...

    def save_backtest(self, backtest: Backtest) -> Backtest:
        """Write as version + 1; one that has ended makes room for its tenant's next.

        Raises `Conflict` (VERSION_CONFLICT) if somebody else has written since it was read.
        """
        ...

    def list_backtests(self, tenant_id: str, where: BacktestFilter, cursor: str | None = None, limit: int = 50) -> Page[Backtest]:
        """One page of the backtests that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """Everything that an engine needs."""

    backtest: Backtest
    strategy: StrategyDefinition
    version: StrategyVersion | None
    """None: the definition's own code and parameters."""
    market: Market
    candles: Sequence[Candle]
    """Closed candles, ascending, with those before the plan's first candle that its decision needs."""
    funding: Sequence[FundingRate] = ()
    """The market's settlements in the plan's span, and the last before it, ascending; none at a venue without funding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFiles:
    """The results for people and programs."""

    document: bytes
    """JSON, as `--json` of `candlecast backtest`, `sweep` or `walk-forward` writes it."""
    page: bytes
    """HTML that needs no network."""
    trades: bytes
    """CSV with a header; times in ms since the epoch. Of a sweep without windows its combinations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOutcome:
    """A finished backtest: the numbers of its item, the code that decided, its files."""

    summary: BacktestSummary
    code_version: str
    files: ResultFiles
    return_since_made: Decimal | None = None
    """Share of the equity at the time when the version was made; None without a version, or without a candle since."""


class Stopped(Exception):
    """The run is nobody's any more: it was cancelled, or another worker has it."""


class SweepEngine(Protocol):
    """Tries combinations of parameters by the live code, a part of them at a time, and judges all of them together."""

    def try_part(self, computation: Computation, part: int, watch: Callable[[], None]) -> str:
        """Try the combinations of one part: the same candles give the same text. An error that `watch` raises ends the work.

        Raises as `BacktestEngine.compute`.
        """
        ...

    def merge(self, computation: Computation, parts: Sequence[str], watch: Callable[[], None]) -> BacktestOutcome:
        """Judge the trials of all parts, in order; the numbers of the item and the page are those of the best.

        `watch` is called before each window's choice is made again. An error that it raises ends the work.

        Raises as `BacktestEngine.compute`, and `Reject` (SWEEP_EMPTY, SWEEP_FAILED) if no combination could be tried.
        """
        ...


class SweepParts(Protocol):
    """Outcomes of a sweep's parts. Both methods raise `RetryLater` (RESULTS_UNAVAILABLE)."""

    def keep_part(self, backtest: Backtest, part: int, outcome: str) -> None:
        """Keep an outcome; a repeat replaces it."""
        ...

    def parts(self, backtest: Backtest) -> list[str]:
        """The outcomes of all parts, in order; raises `InvalidValue` (UNREADABLE) if one is damaged or far too long."""
        ...


class BacktestEngine(Protocol):
    """Runs a strategy over candles by the live code."""

    def lookback(self, strategy: StrategyDefinition, version: StrategyVersion | None) -> int:
        """Candles that a decision gets; raises `Reject` if code or parameters are not valid."""
        ...

    def compute(self, computation: Computation, watch: Callable[[int], None]) -> BacktestOutcome:
        """Compute, and call `watch` with the number of the plan's candles that are behind; an error that it raises ends the run.

        Raises `Reject` for any failure of the strategy's code, `InvalidValue` for a plan that cannot be computed, `RetryLater` if
        the code could not be run.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLinks:
    """Addresses of the results, open to everybody who has them, until they expire."""

    document: str
    page: str
    trades: str
    expires_at: datetime


class BacktestResults(Protocol):
    """Files of finished backtests."""

    def keep(self, backtest: Backtest, files: ResultFiles) -> None:
        """Keep the files; a repeat replaces them. Raises `RetryLater` (RESULTS_UNAVAILABLE)."""
        ...

    def links(self, backtest: Backtest, now: datetime) -> ResultLinks:
        """Links to the files; nothing is asked of their place."""
        ...
