"""`candlecast walk-forward`: parameters chosen on one window of time and traded on the next, again and again."""

from __future__ import annotations

import re
from dataclasses import replace
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
    body_of,
    counted,
    counts,
    prepared,
    said,
    shown,
    with_terms,
)
from candlecast_cli.author.output import Outputs, draw, put_result, require_outputs
from candlecast_cli.author.remote_backtest import run_remotely
from candlecast_cli.author.strategy import Named
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, examples, put_table, visible

if TYPE_CHECKING:
    from candlecast.backtest.walk_forward import WalkForward

EXAMPLES = examples(
    "candlecast walk-forward sma_cross --candles candles.csv.gz --param fast_period=5:50:5 --param slow_period=60:250:10 "
    "--train 30d --test 7d --quantity 1",
    "candlecast walk-forward my_breakout.py --candles candles.csv.gz --param entry_period=20,40,80 --train 90d --test 30d",
    "candlecast walk-forward my-breakout-btc --remote --from 2026-11-01 --param entry_period=20,40,80 --train 10d --test 2d",
)
LENGTH = re.compile(r"([0-9]{1,6})(m|h|d|w)")
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@with_terms
def walk_forward(
    at: At,
    strategy: Named,
    param: Axes,
    asked: Asked,
    chosen: Chosen,
    train: Annotated[str, typer.Option("--train", metavar="LENGTH", help="Length of a training window: 30d, 12h, 4w.")],
    test: Annotated[str, typer.Option("--test", metavar="LENGTH", help="Length of the test window that follows: 7d.")],
    candles: CandleFile = None,
    anchored: Annotated[bool, typer.Option("--anchored", help="Every training begins with the first candle.")] = False,
    metric: Metric = METRIC,
    processes: Processes = None,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write windows and result as JSON; - is standard output.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write the tests as one backtest: .html or .png.")
    ] = None,
    remote: backtest.Remote = False,
) -> None:
    """Choose parameters on each training window, trade the window after it, and show the tests as one backtest."""
    train_ms, test_ms = _milliseconds("--train", train), _milliseconds("--test", test)
    if remote:
        hours = {"train_hours": _hours("--train", train_ms), "test_hours": _hours("--test", test_ms), "anchored": anchored}
        body = body_of(param, metric, chosen, hours)
        written = Outputs(json_out, plot)
        run_remotely(at, strategy, asked, _show, written, sweep=body, candles=candles, processes=processes)
        return
    candles = backtest.required(candles)
    require_outputs((strategy, candles, *asked.files), json_out, plot)
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
        document = _written(many, walked, asked, plot)
    put_result(document, json_out, _show)


def _milliseconds(option: str, text: str) -> int:
    found = LENGTH.fullmatch(text.strip().lower())
    if found is None or not int(found[1]):
        raise CommandFailed("USAGE", f"{option} is a length such as 30d, 12h, 90m or 4w, not {text[:40]!r}", ExitCode.USAGE)
    return int(found[1]) * UNITS_MS[found[2]]


def _hours(option: str, length_ms: int) -> int:
    hours, rest = divmod(length_ms, UNITS_MS["h"])
    if rest:
        raise CommandFailed("USAGE", f"{option}: the platform takes whole hours", ExitCode.USAGE)
    return hours


def _written(many: Many, walked: WalkForward, asked: Asked, plot: Path | None) -> dict[str, Any]:
    """The document of the walk-forward; the page is written."""
    from candlecast.backtest.document import document, report_of, versions
    from candlecast.backtest.walk_forward import walk_forward_document

    notes, result = many.table.notes, walked.result
    whole = document(result, file=notes, settings=asked.described(many.terms), versions=versions())
    if plot is not None:
        draw(report_of(result, notes), plot)
    return {**walk_forward_document(walked), "out_of_sample": whole}


def _show(document: dict[str, Any]) -> None:
    """The choices of a walk-forward's document with their tests, and the tests as one backtest."""
    from candlecast.backtest.pictures.labels import LABELS, moment

    metric = document["metric"]
    put_table(
        ("Test from", "Chosen", f"{LABELS[metric][0]} of the training", "Return of the training", "of the test", "middle of all"),
        [(moment(window["test_begin"]), *_cells(metric, window)) for window in document["windows"]],
    )
    print()
    backtest.show(document["out_of_sample"])
    for line in _facts(document):
        print(visible(line))


def _cells(metric: str, window: dict[str, Any]) -> tuple[str, ...]:
    from candlecast.backtest.pictures.labels import percent

    middle = "" if window["middle_test_return"] is None else percent(window["middle_test_return"])
    if window["parameters"] is None:
        return ("none", "", "", "", middle)
    test = "" if window["final_equity"] is None else percent(window["test_return"])
    trained = (shown(metric, window["train_value"]), percent(window["train_return"]))
    return (said(window["parameters"]), *trained, test, middle)


def _facts(document: dict[str, Any]) -> list[str]:
    from candlecast.backtest.pictures.labels import percent

    lines = [counts(document)]
    if document["efficiency"] is None:
        lines.append("Efficiency: none, because the choices earned nothing in their trainings.")
    else:
        lines.append(f"Efficiency: a day of the tests earned {percent(document['efficiency'])} of a day of the trainings.")
    if document["chance_of_as_many"] is not None:
        lines.append(
            f"The choice beat the middle of all combinations in {document['windows_above_middle']} of "
            f"{document['windows_judged']} tests. "
            f"A coin is as often right, or oftener, with probability {percent(document['chance_of_as_many'])}."
        )
    lines.append("Every window begins and ends flat: a position at its end is closed at the last close, with fee and slippage.")
    return lines
