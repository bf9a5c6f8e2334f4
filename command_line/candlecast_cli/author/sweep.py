"""`candlecast sweep`: every combination of parameters over one file of candles, and how much of the best one is luck."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast_cli.author import backtest
from candlecast_cli.author.many import (
    METRIC,
    Axes,
    CandleFile,
    Chosen,
    Many,
    Metric,
    Processes,
    counted,
    counts,
    prepared,
    said,
    shown,
    with_terms,
)
from candlecast_cli.author.output import STDOUT, draw, put_document, require_outputs, write_whole
from candlecast_cli.author.strategy import Named
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed
from candlecast_cli.printing import Steps, examples, put_table, say, visible

if TYPE_CHECKING:
    from candlecast.backtest.result import Result
    from candlecast.backtest.sweep import SweepResult
    from candlecast.strategy import Floats

EXAMPLES = examples(
    "candlecast sweep sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param slow_period=60:250:10 --quantity 1",
    "candlecast sweep my_breakout.py --candles candles.csv.gz --param entry_period=20,40,80 --metric calmar_ratio --csv all.csv",
    "candlecast sweep sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param stop_atr=1:4:0.5 --plot map.html",
)
TOP = 10
COLUMNS = ("total_return", "sharpe_ratio", "max_drawdown", "trades")  # of a trial, beside the metric


@with_terms
def sweep(
    strategy: Named,
    candles: CandleFile,
    param: Axes,
    asked: Asked,
    chosen: Chosen,
    metric: Metric = METRIC,
    top: Annotated[int, typer.Option("--top", min=1, max=1_000, help="How many combinations the table has.")] = TOP,
    processes: Processes = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all combinations as JSON; - is standard output.")
    ] = None,
    csv_out: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each combination.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write the best one with a heat map: .html or .png.")
    ] = None,
) -> None:
    """Run every combination of parameters, and judge the best one by its neighbours and by the number of trials."""
    require_outputs((strategy, candles, *asked.files), json_out, plot, csv_out)
    from candlecast.backtest.sweep import require_metric, run_sweep

    require_metric(metric)
    with Steps() as steps:
        many = prepared(strategy, param, chosen, candles, asked, processes, steps)
    with counted(len(many.combinations.strategies) - many.combinations.refused, "combinations") as progress:
        swept = run_sweep(
            many.strategy,
            many.combinations,
            many.table.candles,
            many.terms,
            metric=metric,
            first=many.table.first,
            timeframe=many.table.notes.timeframe,
            processes=many.processes,
            progress=progress,
        )
    if not len(swept.order):
        raise CommandFailed("SWEEP_FAILED", f"every combination failed, the first with {swept.failures[0]}")
    with Steps() as steps:
        steps.step("judging the best")
        best = _result(many, int(swept.order[0]))
        swept.doubt  # noqa: B018 - computed before anything is written
        _write(many, swept, best, asked, json_out, csv_out, plot)
    if json_out != STDOUT:
        _show(many, swept, best, top)


def _result(many: Many, index: int) -> Result:
    """The whole backtest of a combination."""
    from candlecast.backtest.sweep import run_rows

    table = many.table
    with redirect_stdout(sys.stderr):
        return run_rows(many.made(index), table.candles, table.first, len(table.candles), many.terms, table.notes.timeframe)


def _write(
    many: Many, swept: SweepResult, best: Result, asked: Asked, json_out: str | None, csv_out: Path | None, plot: Path | None
) -> None:
    from candlecast.backtest.document import report_of
    from candlecast.backtest.sweep import heat_map

    if plot is not None:
        drawn = heat_map(swept)
        draw(replace(report_of(best, many.table.notes), sweep=drawn), plot)
        if drawn is None:
            say("no heat map: it needs two numeric parameters with several values, and a combination with a metric")
    if csv_out is not None:
        write_whole(csv_out, lambda path: _put_csv(swept, path))
        say(f"wrote {csv_out}")
    if json_out is not None:
        put_document(_document(many, swept, best, asked), json_out)


def _document(many: Many, swept: SweepResult, best: Result, asked: Asked) -> dict[str, Any]:
    from candlecast.backtest.document import buy_and_hold, file_notes, versions
    from candlecast.backtest.sweep import sweep_document

    document = sweep_document(swept)
    trials = document.pop("trials")
    return {
        **document,
        "buy_and_hold": buy_and_hold(best),
        "file": file_notes(many.table.notes),
        "settings": asked.described(many.terms),
        "versions": versions(),
        "trials": trials,
    }


def _put_csv(swept: SweepResult, path: Path) -> None:
    from candlecast.backtest.sweep import put_trials

    with path.open("w", encoding="utf-8", newline="") as file:
        put_trials(swept, file)


def _show(many: Many, swept: SweepResult, best: Result, top: int) -> None:
    from candlecast.backtest.pictures.labels import HELD, LABELS
    from candlecast.backtest.sweep import trial_rows

    print(visible(backtest.title_of(best, many.table.notes)))
    axes = [axis.name for axis in swept.combinations.grid.axes]
    others = [name for name in COLUMNS if name != swept.metric]
    head = ("", *axes, LABELS[swept.metric][0], "Its plateau", *(LABELS[name][0] for name in others))
    rows: list[tuple[object, ...]] = [
        (
            rank,
            *row["parameters"].values(),
            shown(swept.metric, row["value"]),
            shown(swept.metric, row["plateau"]),
            *(shown(name, row[name]) for name in others),
        )
        for rank, row in enumerate(trial_rows(swept)[: min(top, len(swept.order))], 1)
    ]
    held = {name: shown(name, getattr(best.metrics, HELD[name])) if name in HELD else "" for name in (swept.metric, *others)}
    rows.append(("buy and hold", *("" for _ in axes), held[swept.metric], "", *(held[name] for name in others)))
    put_table(head, rows)
    for line in (*_facts(many, swept), *(str(note) for note in many.table.notes.notes), *(str(note) for note in best.notes)):
        print(visible(line))


def _facts(many: Many, swept: SweepResult) -> list[str]:
    """The judgement on the best combination, and the counts."""
    from candlecast.backtest.pictures.labels import LABELS, percent
    from candlecast.backtest.significance import SPLITS

    grid, best, broadest, doubt = many.combinations.grid, swept.best, swept.broadest, swept.doubt
    label = LABELS[swept.metric][0]
    lines = [counts(many, len(swept.order), [str(each) for each in swept.failures])]
    if best is None:
        return [*lines, f"No combination has a {label}: none is best."]

    def told(values: Floats, index: int) -> str:
        return shown(swept.metric, float(values[index]))

    near = told(swept.plateaus, best)
    lines.append(f"Best: {said(grid.parameters(best))}: {label} {told(swept.values, best)}, plateau {near or 'unknown'}.")
    if edges := grid.edges(best):
        lines.append(f"The best lies at the end of the values of {', '.join(edges)}: a better one may lie beyond.")
    if broadest is not None and broadest != best:
        plateau, itself = told(swept.plateaus, broadest), told(swept.values, broadest)
        lines.append(f"Highest plateau: {said(grid.parameters(broadest))}: {label} {itself}, plateau {plateau}.")
    lines.append(
        "A plateau is the middle of a combination and its neighbours. A best one far above it is a peak, and often luck."
    )
    if doubt.deflated_sharpe is not None and doubt.expected_best_sharpe is not None:
        trials = f"{doubt.independent_trials:,.0f} independent trials"
        lines.append(
            f"Deflated Sharpe ratio: {percent(doubt.deflated_sharpe)}, the probability that the best is more than luck. "
            f"Of {trials} without skill the best has a Sharpe ratio of {doubt.expected_best_sharpe:.2f}."
        )
    if doubt.overfitting is None:
        lines.append(
            f"Probability of overfitting: unknown. It needs {2 * SPLITS} days, here are {doubt.days:,}, and two combinations."
        )
    else:
        lines.append(
            f"Probability of overfitting: {percent(doubt.overfitting)}. So often the best of one half of the days is no better "
            "than the middle in the other half."
        )
    if doubt.ruined:
        lines.append(f"Combinations that lost all their cash: {doubt.ruined:,}.")
    return lines
