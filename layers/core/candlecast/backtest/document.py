"""A finished backtest for others: as JSON, and as the report that pictures take."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

import candlecast
from candlecast.backtest.candle_table import FileNotes
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.pictures.labels import money
from candlecast.backtest.pictures.report import Report, ShownTrades
from candlecast.backtest.result import SIDES, ClosedTrades, Result
from candlecast.backtest.significance import LEVELS, Bands, bootstrap

BOOTSTRAP_SEED = 20_260_101  # any number; the same one gives the same bands


def document(
    result: Result, *, file: FileNotes | None = None, settings: Mapping[str, Any] | None = None, versions: Mapping[str, str]
) -> dict[str, Any]:
    """The result as JSON has it. Times are ms since the epoch; no number is NaN or infinite."""
    position = result.open_position
    return {
        "strategy": result.strategy,
        "parameters": dict(result.parameters),
        **span(result),
        "first_decision_row": result.first_decision_row,
        "orders": result.orders,
        "closed_trades": len(result.trades),
        "fees": result.fees,
        "funding": result.funding,
        "pnl": result.pnl,
        "final_equity": result.final_equity,
        "open_position": None if position is None else position.to_json(),
        "metrics": result.metrics.to_json(),
        "buy_and_hold": buy_and_hold(result),
        "bootstrap": _bands(bands_of(result)),
        "path": result.path,
        "denials": dict(result.denials),
        "differing_decisions": result.differing_decisions,
        "notes": run_notes(result),
        "file": None if file is None else file_notes(file),
        "settings": dict(settings or {}),
        "versions": dict(versions),
        "trades": trade_rows(result.trades),
    }


def span(result: Result) -> dict[str, Any]:
    """The candles of a result by the opens of the first and the last, and the cash at its begin."""
    first, last = (int(result.candles.time[row]) for row in (0, -1))
    return {"rows": result.rows, "first_candle": first, "last_candle": last, "cash": result.cash}


def run_notes(result: Result) -> list[dict[str, str]]:
    """The notes of the run."""
    return [{"code": note.code, "text": note.text} for note in result.notes]


def text_of(value: Mapping[str, Any]) -> str:
    """A line for each name, and for each row of a table such as trades: quick to write, and good to search and to compare."""
    lines = []
    for name, each in value.items():
        if isinstance(each, list) and each and isinstance(each[0], dict):
            told = "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in each) + "\n]"
        else:
            told = json.dumps(each, allow_nan=False)
        lines.append(f"{json.dumps(name)}: {told}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def versions() -> dict[str, str]:
    """The versions of everything that computes the numbers."""
    return {"candlecast": candlecast.__version__, "numpy": np.__version__, "python": sys.version.partition(" ")[0]}


def trade_rows(trades: ClosedTrades) -> list[dict[str, Any]]:
    """The closed trades, one dictionary each."""
    columns = {
        "side": [SIDES[side] for side in trades.side.tolist()],
        "entry_time": trades.entry_time.tolist(),
        "entry_price": trades.entry_price.tolist(),
        "exit_time": trades.exit_time.tolist(),
        "exit_price": trades.exit_price.tolist(),
        "quantity": trades.quantity.tolist(),
        "fees": trades.fees.tolist(),
        "funding": trades.funding.tolist(),
        "pnl": trades.pnl.tolist(),
        "reason": [ExitBy(by).name for by in trades.reason.tolist()],
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def file_notes(notes: FileNotes) -> dict[str, Any]:
    """Counts and faults of the candle file, for a reader of the result."""
    return {
        "name": notes.file,
        "timeframe": str(notes.timeframe),
        "time_unit": notes.time_unit,
        "rows_read": notes.rows_read,
        "rows": notes.rows,
        "missing": notes.missing,
        "longest_gap_ms": notes.longest_gap_ms,
        "notes": [{"code": note.code, "count": note.count, "line": note.line, "text": note.text} for note in notes.notes],
    }


def report_of(result: Result, file: FileNotes | None = None) -> Report:
    """The result as pictures take it; the open position is the last trade."""
    trades, position = result.trades, result.open_position
    last = [] if position is None else [position]
    return Report(
        strategy=result.strategy,
        parameters=result.parameters,
        candles=result.candles,
        cash=result.cash,
        equity=result.equity,
        trades=ShownTrades(
            side=np.append(trades.side, np.array([1 if it.side == SIDES[1] else -1 for it in last], dtype=np.int8)),
            entry_time=np.append(trades.entry_time, np.array([it.entry_time for it in last], dtype=np.int64)),
            exit_time=np.append(trades.exit_time, np.array([result.candles.time[-1] for _ in last], dtype=np.int64)),
            entry_price=np.append(trades.entry_price, [it.entry_price for it in last]),
            exit_price=np.append(trades.exit_price, [np.nan for _ in last]),
            pnl=np.append(trades.pnl, [it.pnl for it in last]),
        ),
        metrics=result.metrics,
        notes=file,
        remarks=(*_facts(result), *(str(note) for note in result.notes)),
    )


def refused(denials: Mapping[str, int]) -> str:
    """Orders that the live code has refused, as a sentence: most frequent reason first."""
    told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(denials.items(), key=lambda it: -it[1]))
    return f"Orders that were refused: {told}."


def _facts(result: Result) -> list[str]:
    """Sums that no metric has. Without them nobody sees what costs ate, and why a strategy has not traded."""
    fees, funding, equity = money(result.fees), money(result.funding), money(result.final_equity)
    facts = [f"Fees {fees}, funding {funding}, final equity {equity}. Filled orders: {result.orders:,}."]
    return [*facts, refused(result.denials)] if result.denials else facts


def buy_and_hold(result: Result) -> dict[str, float | None]:
    """The market itself as a strategy, without fees."""
    metrics = result.metrics
    return {
        "pnl": result.cash * metrics.buy_and_hold_return,
        "final_equity": result.cash * (1 + metrics.buy_and_hold_return),
        "total_return": metrics.buy_and_hold_return,
        "annual_return": metrics.buy_and_hold_annual_return,
        "sharpe_ratio": metrics.buy_and_hold_sharpe_ratio,
        "max_drawdown": metrics.buy_and_hold_max_drawdown,
    }


def bands_of(result: Result) -> Bands | None:
    """The spread of results by the bootstrap; None with fewer than two days, and after ruin."""
    returns = result.day_returns
    return None if len(returns) and float(returns.min()) <= -1 else bootstrap(returns, cash=result.cash, seed=BOOTSTRAP_SEED)


def _bands(bands: Bands | None) -> dict[str, Any] | None:
    if bands is None:
        return None
    return {
        "levels": list(LEVELS),
        "samples": bands.samples,
        "block_length_days": bands.block_length,
        "final_equity": bands.final_equity.tolist(),
        "max_drawdown": bands.max_drawdown.tolist(),
        "loss_probability": bands.loss_probability,
    }
