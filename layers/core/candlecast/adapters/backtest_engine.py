"""The engine of `candlecast backtest` behind the port of the service: the same code, terms and document.

Built-in code runs in this process. Uploaded code decides each candle from its lookback alone in its owner's sandbox, and the
engine trades what it has decided.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.codec import to_json
from candlecast.adapters.decided_columns import DecidedColumns, decided_columns
from candlecast.adapters.strategy_code import BuiltInStrategies, built_in_strategy
from candlecast.adapters.uploaded_code import UploadedCode
from candlecast.backtest.candle_table import FileNote, FileNotes
from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.document import document, report_of, text_of, trade_rows, versions
from candlecast.backtest.exact_path import Terms, decimal_of
from candlecast.backtest.pictures.page import page_of
from candlecast.backtest.result import Note, Result, without_history
from candlecast.backtest.run import run
from candlecast.domain.backtests.backtest import BacktestSummary
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.market.candle import check_contiguous
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.domain.values.timeframe import EPOCH
from candlecast.ports.backtests import BacktestOutcome, Computation, ResultFiles
from candlecast.ports.code_store import CodeStore
from candlecast.strategy import Candles, Strategy
from candlecast.strategy.candles import MILLISECOND

DIGITS = 8  # behind the point of a summary's numbers, which people compare
TRADE_COLUMNS = (
    "side",
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "quantity",
    "fees",
    "funding",
    "pnl",
    "reason",
)
NO_LIQUIDATION = Note("BACKTEST_WITHOUT_LIQUIDATION", "nobody asks for margin or liquidates; the equity may fall below zero")
NO_FUNDING = Note("BACKTEST_WITHOUT_FUNDING", "the venue knows no payment of funding in this span")


class LiveCodeEngine:
    """`ports.backtests.BacktestEngine`."""

    def __init__(self, code: CodeStore, sandbox: SandboxFunction) -> None:
        self._code = code
        self._sandbox = sandbox

    def lookback(self, strategy: StrategyDefinition, version: StrategyVersion | None) -> int:
        """Candles that a decision gets."""
        return built_in_strategy(strategy).lookback if version is None else version.lookback

    def compute(self, computation: Computation, watch: Callable[[int], None]) -> BacktestOutcome:
        """Trade the strategy's decisions on the plan's terms."""
        candles = Candles.from_candles(computation.candles)
        first = first_row(computation, candles)
        with refusals():
            made = self._strategy(computation, candles, watch)
            whole = run(made, candles, terms_of(computation), watch=lambda row: watch(max(0, row - first)))
        result = replace(without_history(whole, first), notes=(*whole.notes, *left_out(computation)))
        if isinstance(made, DecidedColumns):  # nobody has asked the code for all candles at once
            result = replace(result, differing_decisions=None)
        return self._outcome(computation, result)

    def _strategy(self, computation: Computation, candles: Candles, watch: Callable[[int], None]) -> Strategy[Any]:
        version = computation.version
        if version is None or version.source_hash is None:
            return built_in_strategy(definition_of(computation))
        code = UploadedCode(self._code, self._sandbox, computation, version.source_hash)
        told = code.decided_apart(version.parameters, version.lookback, computation.candles, lambda: watch(0))
        return decided_columns(told, candles, version.lookback)

    def _outcome(self, computation: Computation, result: Result) -> BacktestOutcome:
        version = computation.version
        shown = result.parameters if version is None else version.parameters
        shown = shown if computation.backtest.shows_code else {}
        result = replace(result, strategy=computation.strategy.name, parameters=shown)
        return outcome_of(computation, result)


@contextmanager
def refusals() -> Iterator[None]:
    """Any error of the strategy's own code, or of terms that the engine refuses, as `Reject`."""
    try:
        yield
    except (Reject, RetryLater):
        raise
    except DomainError as error:
        raise Reject(error.code, error.message) from error


def outcome_of(
    computation: Computation, result: Result, wrap: Callable[[dict[str, Any]], dict[str, Any]] = lambda whole: whole
) -> BacktestOutcome:
    """The outcome of one backtest, whose document `wrap` may put into a larger one."""
    notes, code_version = notes_of(computation, result), code_version_of(computation)
    whole = document(result, file=notes, settings=settings_of(computation), versions=versions_of(code_version))
    files = ResultFiles(
        document=text_of(wrap(whole)).encode(),
        page=page_of(report_of(result, notes)).encode(),
        trades=csv_of_trades(result).encode(),
    )
    return BacktestOutcome(
        summary=summary_of(result),
        code_version=code_version,
        files=files,
        return_since_made=return_since_made(computation, result),
    )


def return_since_made(computation: Computation, result: Result) -> Decimal | None:
    """The return over the candles that closed after the version was made, as a share of the equity before them."""
    version, timeframe = computation.version, computation.backtest.plan.timeframe
    if version is None:
        return None
    opened = (version.created_at - EPOCH) // MILLISECOND - timeframe.milliseconds  # of a candle that closes as it is made
    first = int(np.searchsorted(result.candles.time, opened, side="right"))
    before = float(result.equity[first - 1]) if first else result.cash
    if first == result.rows or before <= 0:
        return None
    return decimal_of(round(result.final_equity / before - 1, DIGITS))


def code_version_of(computation: Computation) -> str:
    """Hash of the code and parameters that decide."""
    version = computation.version
    return BuiltInStrategies().version(computation.strategy) if version is None else version.digest


def settings_of(computation: Computation) -> dict[str, Any]:
    """The plan, as a document has it."""
    found: dict[str, Any] = json.loads(to_json(computation.backtest.plan))
    return found


def versions_of(code_version: str) -> dict[str, str]:
    return {**versions(), "strategy": code_version}


def first_row(computation: Computation, candles: Candles) -> int:
    """Place of the plan's first candle, behind those that its decision needs."""
    return int(np.searchsorted(candles.time, (computation.backtest.plan.start - EPOCH) // MILLISECOND))


def left_out(computation: Computation) -> tuple[Note, ...]:
    """Notes on liquidation and funding, where the backtest leaves them out."""
    return (NO_LIQUIDATION,) if computation.funding else (NO_LIQUIDATION, NO_FUNDING)


def definition_of(computation: Computation) -> StrategyDefinition:
    version = computation.version
    return computation.strategy if version is None else replace(computation.strategy, parameters=version.parameters)


def terms_of(computation: Computation) -> Terms:
    plan, market, version = computation.backtest.plan, computation.market, computation.version
    taker = market.taker_fee if plan.taker_fee is None else plan.taker_fee
    return Terms(
        market=market,
        timeframe=plan.timeframe,
        venue=plan.venue,
        settings=plan.settings,
        cash=plan.cash,
        fees=Fees(maker=taker if plan.maker_fee is None else plan.maker_fee, taker=taker),
        slippage=Slippage(bps=plan.slippage_bps),
        funding=tuple(((each.at - EPOCH) // MILLISECOND, each.rate) for each in computation.funding),
        strategy_id=plan.strategy_id,
        strategy_version=None if version is None else version.digest,
    )


def notes_of(computation: Computation, result: Result) -> FileNotes:
    """The facts of the candles, as those of a file: gaps are told and never filled."""
    plan = computation.backtest.plan
    span = [candle for candle in computation.candles if candle.open_time >= plan.start]
    gaps = check_contiguous(span, plan.timeframe)
    longest = max((gap.missing for gap in gaps), default=0) * plan.timeframe.milliseconds
    missing = plan.rows - len(span)
    text = f"{missing:,} candles of the span are missing; {len(gaps):,} gaps between others"
    return FileNotes(
        file=f"{plan.venue} {plan.market}",
        timeframe=plan.timeframe,
        time_unit="ms",
        rows_read=len(computation.candles),
        rows=result.rows,
        missing=missing,
        longest_gap_ms=longest,
        notes=(FileNote("CANDLE_FILE_GAP", len(gaps), 0, text),) if missing else (),
    )


def csv_of_trades(result: Result) -> str:
    told = io.StringIO()
    written = csv.DictWriter(told, TRADE_COLUMNS, lineterminator="\n")
    written.writeheader()
    written.writerows(trade_rows(result.trades))
    return told.getvalue()


def summary_of(result: Result) -> BacktestSummary:
    metrics = result.metrics
    numbers: Mapping[str, float | None] = {
        "final_equity": result.final_equity,
        "fees": result.fees,
        "total_return": metrics.total_return,
        "max_drawdown": metrics.max_drawdown,
        "sharpe_ratio": metrics.sharpe_ratio,
        "win_rate": metrics.win_rate,
        "buy_and_hold_return": metrics.buy_and_hold_return,
    }
    told: dict[str, Any] = {name: None if value is None else decimal_of(round(value, DIGITS)) for name, value in numbers.items()}
    return BacktestSummary(
        rows=result.rows, trades=len(result.trades), denials=dict(result.denials), is_ruined=metrics.ruined, **told
    )
