"""`candlecast walk-forward`: parameters chosen on one window of time and traded on the next, again and again."""

from __future__ import annotations

import re
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
from candlecast_cli.author.output import STDOUT, draw, put_document, require_outputs
from candlecast_cli.author.strategy import Named
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, examples, put_table, visible

if TYPE_CHECKING:
    from candlecast.backtest.walk_forward import Step, WalkForward

EXAMPLES = examples(
    "candlecast walk-forward sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param slow_period=60:250:10 "
    "--train 30d --test 7d --quantity 1",
    "candlecast walk-forward my_breakout.py --candles candles.csv.gz --param entry_period=20,40,80 --train 90d --test 30d",
)
LENGTH = re.compile(r"([0-9]{1,6})(m|h|d|w)")
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@with_terms
def walk_forward(
    strategy: Named,
    candles: CandleFile,
    param: Axes,
    asked: Asked,
    chosen: Chosen,
    train: Annotated[str, typer.Option("--train", metavar="LENGTH", help="Length of a training window: 30d, 12h, 4w.")],
    test: Annotated[str, typer.Option("--test", metavar="LENGTH", help="Length of the test window that follows: 7d.")],
    anchored: Annotated[bool, typer.Option("--anchored", help="Every training begins with the first candle.")] = False,
    metric: Metric = METRIC,
    processes: Processes = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write windows and result as JSON; - is standard output.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write the tests as one backtest: .html or .png.")
    ] = None,
) -> None:
    """Choose parameters on each training window, trade the window after it, and show the tests as one backtest."""
    require_outputs((strategy, candles, *asked.files), json_out, plot)
    train_ms, test_ms = _milliseconds("--train", train), _milliseconds("--test", test)
    from candlecast.backtest.sweep import require_metric
    from candlecast.backtest.walk_forward import walk_forward as walk
    from candlecast.backtest.walk_forward import windows_of

    require_metric(metric)
    with Steps() as steps:
        many = prepared(strategy, param, chosen, candles, asked, processes, steps)
    table = many.table
    windows = windows_of(table.candles.time, train_ms=train_ms, test_ms=test_ms, anchored=anchored, row=table.first)
    total = len(many.combinations.strategies) - many.combinations.refused
    with counted(total, f"combinations on {len(windows):,} windows") as progress:
        walked = walk(
            many.strategy,
            many.combinations,
            table.candles,
            many.terms,
            windows,
            metric=metric,
            timeframe=table.notes.timeframe,
            processes=many.processes,
            progress=progress,
        )
    named = {"train": train, "test": f"{test}, anchored" if anchored else test, "chosen by": metric}
    walked = replace(walked, result=replace(walked.result, parameters=named))
    with Steps() as steps:
        steps.step("writing")
        _write(many, walked, asked, json_out, plot)
    if json_out != STDOUT:
        _show(many, walked)


def _milliseconds(option: str, text: str) -> int:
    found = LENGTH.fullmatch(text.strip().lower())
    if found is None or not int(found[1]):
        raise CommandFailed("USAGE", f"{option} is a length such as 30d, 12h, 90m or 4w, not {text[:40]!r}", ExitCode.USAGE)
    return int(found[1]) * UNITS_MS[found[2]]


def _write(many: Many, walked: WalkForward, asked: Asked, json_out: str | None, plot: Path | None) -> None:
    from candlecast.backtest.document import document, report_of, versions
    from candlecast.backtest.walk_forward import walk_forward_document

    notes, result = many.table.notes, walked.result
    if plot is not None:
        draw(report_of(result, notes), plot)
    if json_out is not None:
        whole = document(result, file=notes, settings=asked.described(many.terms), versions=versions())
        put_document({**walk_forward_document(walked), "out_of_sample": whole}, json_out)


def _show(many: Many, walked: WalkForward) -> None:
    from candlecast.backtest.pictures.labels import LABELS, moment

    label = LABELS[walked.metric][0]
    put_table(
        ("Test from", "Chosen", f"{label} of the training", "Return of the training", "of the test", "middle of all"),
        [(moment(step.window.test_begin_ms), *_cells(walked, step)) for step in walked.steps],
    )
    print()
    backtest.show(walked.result, many.table.notes)
    for line in _facts(many, walked):
        print(visible(line))


def _cells(walked: WalkForward, step: Step) -> tuple[Any, ...]:
    from candlecast.backtest.pictures.labels import percent

    middle = "" if step.middle is None else percent(step.middle)
    if step.chosen is None or step.choice is None:
        return ("none", "", "", "", middle)
    test = "" if step.result is None else percent(step.chosen.test_return)
    chosen = said(walked.combinations.grid.parameters(step.choice))
    return (chosen, shown(walked.metric, step.chosen.train_value), percent(step.chosen.train_return), test, middle)


def _facts(many: Many, walked: WalkForward) -> list[str]:
    from candlecast.backtest.pictures.labels import percent
    from candlecast.backtest.sweep import Failed

    combinations = walked.combinations
    columns = zip(*(step.scores for step in walked.steps), strict=True)
    failed = [[str(each) for each in column if isinstance(each, Failed)] for column in columns]
    failures = [found[0] for found in failed if found]
    lines = [counts(many, len(combinations.grid) - combinations.refused, failures)]
    if walked.efficiency is None:
        lines.append("Efficiency: none, because the choices earned nothing in their trainings.")
    else:
        lines.append(f"Efficiency: a day of the tests earned {percent(walked.efficiency)} of a day of the trainings.")
    if walked.chance is not None:
        lines.append(
            f"The choice beat the middle of all combinations in {walked.above_middle} of {walked.judged} tests. "
            f"A coin is as often right, or oftener, with probability {percent(walked.chance)}."
        )
    lines.append("Every window begins and ends flat: a position at its end is closed at the last close, with fee and slippage.")
    return lines
