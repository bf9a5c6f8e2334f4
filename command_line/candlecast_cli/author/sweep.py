"""`candlecast sweep`: every combination of parameters over one file of candles, and how much of the best one is luck."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast_cli.api import At
from candlecast_cli.author import backtest
from candlecast_cli.author.many import (
    METRIC,
    Axes,
    CandleFile,
    Chosen,
    Many,
    Metric,
    Processes,
    Search,
    body_of,
    counted,
    counts,
    prepared,
    said,
    shown,
    with_terms,
)
from candlecast_cli.author.output import Outputs, draw, put_result, require_outputs, write_whole
from candlecast_cli.author.remote_backtest import run_remotely
from candlecast_cli.author.strategy import Named
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed
from candlecast_cli.printing import Steps, examples, put_table, say, visible

if TYPE_CHECKING:
    from candlecast.backtest.result import Result
    from candlecast.backtest.sweep import SweepResult
    from candlecast.domain.backtests.sweep import RandomSearch

EXAMPLES = examples(
    "candlecast sweep sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param slow_period=60:250:10 --quantity 1",
    "candlecast sweep my_breakout.py --candles candles.csv.gz --param entry_period=20,40,80 --metric calmar_ratio --csv all.csv",
    "candlecast sweep sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param stop_atr=1:4:0.5 --plot map.html",
    "candlecast sweep my-breakout-btc --remote --from 2026-11-01 --param entry_period=10:60:10 --search random --trials 5",
)
TOP = 10
COLUMNS = ("total_return", "sharpe_ratio", "max_drawdown", "trades")  # of a trial, beside the metric


@with_terms
def sweep(
    at: At,
    strategy: Named,
    param: Axes,
    asked: Asked,
    chosen: Chosen,
    candles: CandleFile = None,
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
    remote: backtest.Remote = False,
) -> None:
    """Run every combination of parameters, and judge the best one by its neighbours and by the number of trials."""
    show = partial(_show, top=top)
    if remote:
        body, written = body_of(param, metric, chosen), Outputs(json_out, plot, csv_out)
        run_remotely(at, strategy, asked, show, written, sweep=body, candles=candles, processes=processes)
        return
    candles = backtest.required(candles)
    require_outputs((strategy, candles, *asked.files), json_out, plot, csv_out)
    from candlecast.backtest.sweep import require_metric

    require_metric(metric)
    if learns := chosen.search is Search.BAYESIAN:
        from candlecast_cli.author.bayesian import require_optuna

        require_optuna()  # before the candles are read
    wanted = chosen.sampled()
    with Steps() as steps:
        many = prepared(strategy, param, chosen, candles, asked, processes, steps, learns=learns)
    swept = _swept(many, metric) if wanted is None or not learns else _searched(many, wanted, metric)
    many = replace(many, combinations=swept.combinations)
    if not len(swept.order):
        raise CommandFailed("SWEEP_FAILED", f"every combination failed, the first with {swept.failures[0]}")
    with Steps() as steps:
        steps.step("judging the best")
        document = _judged(many, swept, asked, csv_out, plot)
    put_result(document, json_out, show)


def _swept(many: Many, metric: str) -> SweepResult:
    from candlecast.backtest.sweep import run_sweep

    with counted(len(many.combinations.strategies) - many.combinations.refused, "combinations") as progress:
        return run_sweep(
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


def _searched(many: Many, wanted: RandomSearch, metric: str) -> SweepResult:
    from candlecast_cli.author.bayesian import run_bayesian

    with counted(wanted.count, "combinations") as progress:
        return run_bayesian(many, wanted, metric, progress)


def _judged(many: Many, swept: SweepResult, asked: Asked, csv_out: Path | None, plot: Path | None) -> dict[str, Any]:
    """The document of the sweep; page and table are written."""
    from candlecast.backtest.document import report_of, versions
    from candlecast.backtest.sweep import heat_map, whole_document

    best = _result(many, int(swept.order[0]))
    sample = swept.combinations.grid.sample
    if sample is not None and sample.search == Search.BAYESIAN:
        from candlecast_cli.author.bayesian import LEARNS

        best = replace(best, notes=(*best.notes, LEARNS))
    # Computed before anything is written.
    found = whole_document(swept, best, file=many.table.notes, settings=asked.described(many.terms), versions=versions())
    if plot is not None:
        drawn = heat_map(swept)
        draw(replace(report_of(best, many.table.notes), sweep=drawn), plot)
        if drawn is None:
            say("no heat map: it needs two numeric parameters with several values, and a combination with a metric")
    if csv_out is not None:
        write_whole(csv_out, lambda path: _put_csv(swept, path))
        say(f"wrote {csv_out}")
    return found


def _result(many: Many, index: int) -> Result:
    """The whole backtest of a combination."""
    from candlecast.backtest.sweep import run_rows

    table = many.table
    with redirect_stdout(sys.stderr):
        return run_rows(many.made(index), table.candles, table.first, len(table.candles), many.terms, table.notes.timeframe)


def _put_csv(swept: SweepResult, path: Path) -> None:
    from candlecast.backtest.sweep import put_trials

    with path.open("w", encoding="utf-8", newline="") as file:
        put_trials(swept, file)


def _show(document: dict[str, Any], top: int) -> None:
    """The best combinations of a sweep's document beside buy-and-hold, and how far the best is luck."""
    from candlecast.backtest.pictures.labels import HELD, LABELS

    metric, axes = document["metric"], document["axes"]
    others = [name for name in COLUMNS if name != metric]
    head = ("", *axes, LABELS[metric][0], "Its plateau", *(LABELS[name][0] for name in others))
    rows: list[tuple[object, ...]] = [
        (
            rank,
            *row["parameters"].values(),
            shown(metric, row["value"]),
            shown(metric, row["plateau"]),
            *(shown(name, row[name]) for name in others),
        )
        for rank, row in enumerate(document["trials"][: min(top, document["tried"])], 1)
    ]
    held = {name: shown(name, document["buy_and_hold"][name]) if name in HELD else "" for name in (metric, *others)}
    rows.append(("buy and hold", *("" for _ in axes), held[metric], "", *(held[name] for name in others)))
    print(visible(backtest.title_of(document)))
    put_table(head, rows)
    for line in (*_facts(document), *backtest.notes_of(document)):
        print(visible(line))


def _facts(document: dict[str, Any]) -> list[str]:
    """The judgement on the best combination, and the counts."""
    from candlecast.backtest.pictures.labels import LABELS

    metric, best, broadest = document["metric"], document["best"], document["broadest"]
    label = LABELS[metric][0]
    lines = [counts(document)]
    if best is None:
        return [*lines, f"No combination has a {label}: none is best."]

    def told(row: dict[str, Any]) -> str:
        plateau = shown(metric, row["plateau"]) or "unknown"
        return f"{said(row['parameters'])}: {label} {shown(metric, row['value'])}, plateau {plateau}."

    lines.append(f"Best: {told(best)}")
    if edges := best["at_edge_of"]:
        lines.append(f"The best lies at the end of the values of {', '.join(edges)}: a better one may lie beyond.")
    if broadest is not None and broadest["parameters"] != best["parameters"]:
        lines.append(f"Highest plateau: {told(broadest)}")
    lines.append(
        "A plateau is the middle of a combination and its neighbours. A best one far above it is a peak, and often luck."
    )
    return [*lines, *_doubts(document["significance"])]


def _doubts(doubt: dict[str, Any]) -> list[str]:
    """How far chance explains the best."""
    from candlecast.backtest.pictures.labels import percent

    lines, deflated, overfitting = [], doubt["deflated_sharpe_ratio"], doubt["probability_of_overfitting"]
    if deflated is not None:
        trials = f"{doubt['independent_trials']:,.0f} independent trials"
        lines.append(
            f"Deflated Sharpe ratio: {percent(deflated)}, the probability that the best is more than luck. "
            f"Of {trials} without skill the best has a Sharpe ratio of {doubt['expected_best_sharpe_ratio']:.2f}."
        )
    if overfitting is None:
        days, needed = doubt["days"], doubt["days_needed_for_overfitting"]
        lines.append(f"Probability of overfitting: unknown. It needs {needed} days, here are {days:,}, and two combinations.")
    else:
        lines.append(
            f"Probability of overfitting: {percent(overfitting)}. So often the best of one half of the days is no better "
            "than the middle in the other half."
        )
    if doubt["ruined"]:
        lines.append(f"Combinations that lost all their cash: {doubt['ruined']:,}.")
    return lines
