"""`candlecast backtest`: the result of a strategy on a file of candles, as a table, a JSON document and a picture.

Orders are filled in one of two ways. With `--quantity` every entry has one size, as in other engines. Without it the live code
follows the settings of a subscription.
"""

from __future__ import annotations

import math
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast.backtest.fills import FillAt
from candlecast_cli.api import At, options
from candlecast_cli.author.output import Outputs, draw, put_result, require_outputs
from candlecast_cli.author.remote_backtest import run_remotely
from candlecast_cli.author.strategy import Named, Parameter
from candlecast_cli.author.terms import FEE, Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, examples, put_table, visible
from candlecast_cli.times import milliseconds

if TYPE_CHECKING:
    from candlecast.backtest.candle_table import CandleTable
    from candlecast.backtest.exact_path import Terms
    from candlecast.backtest.plain import PlainTerms
    from candlecast.backtest.result import Result
    from candlecast.strategy import Strategy

EXAMPLES = examples(
    "candlecast backtest sma_cross --candles candles.csv.gz --param fast_period=10 --param slow_period=30 --quantity 1",
    "candlecast backtest my_breakout.py --candles candles.csv.gz --fee 0.0004 --plot report.html",
    "candlecast backtest my_breakout.py --candles candles.csv.gz --settings settings.json --slippage-bps 2 --json result.json",
    "candlecast backtest sma_cross --candles candles.csv.gz --quantity 1 --from 2022-01-03 --to 2022-01-09 --json -",
    "candlecast backtest my-breakout-btc --remote --from 2026-11-01 --json result.json --plot report.html",
)
CASH = 10_000.0
SETTINGS, COSTS, FILES = "Orders and sizes", "Costs and margin", "What is read and written"

Remote = Annotated[bool, typer.Option("--remote", help="STRATEGY is an id on the platform, which computes on its own candles.")]


def _finite(value: float | None) -> float | None:
    """Refuse words such as nan and inf, which are numbers to the parser."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("not a finite number")
    return value


def _number(name: str, help_text: str, panel: str) -> Any:
    return typer.Option(name, metavar="NUMBER", help=help_text, callback=_finite, rich_help_panel=panel)


def _file(name: str, help_text: str, panel: str) -> Any:
    return typer.Option(name, metavar="FILE", help=help_text, rich_help_panel=panel)


@options
def backtest(
    at: At,
    strategy: Named,
    candles: Annotated[Path | None, _file("--candles", "Candles: .csv, .csv.gz or .parquet.", FILES)] = None,
    param: Parameter = None,
    quantity: Annotated[
        float | None, _number("--quantity", "Base units of every entry; an entry on the other side reverses.", SETTINGS)
    ] = None,
    settings: Annotated[
        Path | None,
        _file("--settings", "Settings of a subscription, as the API takes them; without both, the API's defaults.", SETTINGS),
    ] = None,
    levels: Annotated[
        bool, typer.Option("--levels", help="With --quantity: place the signals' stops and targets.", rich_help_panel=SETTINGS)
    ] = False,
    fill: Annotated[
        FillAt, typer.Option("--fill", help="When a decision is filled.", rich_help_panel=SETTINGS)
    ] = FillAt.NEXT_OPEN,
    cash: Annotated[float, _number("--cash", "Quote units at the begin.", SETTINGS)] = CASH,
    market: Annotated[Path | None, _file("--market", "Filters of the market; without it, nothing is rounded.", SETTINGS)] = None,
    fee: Annotated[
        float | None,
        _number("--fee", f"A taker's fee, a share of the notional of each side; {FEE}, or with --remote the market's.", COSTS),
    ] = None,
    maker_fee: Annotated[
        float | None, _number("--maker-fee", "The fee of limit orders that have rested; without it, that of --fee.", COSTS)
    ] = None,
    slippage_bps: Annotated[float, _number("--slippage-bps", "Basis points by which a fill at market is worse.", COSTS)] = 0.0,
    spread: Annotated[
        float, _number("--spread", "Quote units between bid and ask; a fill at market is worse by half of them.", COSTS)
    ] = 0.0,
    range_slippage: Annotated[
        float, _number("--range-slippage", "Share of the candle's range by which a fill at market is worse.", COSTS)
    ] = 0.0,
    funding: Annotated[Path | None, _file("--funding", "Recorded rates of funding: CSV, a time in ms and a rate.", COSTS)] = None,
    leverage: Annotated[
        int | None, typer.Option("--leverage", min=1, help="Instead of the settings' own.", rich_help_panel=COSTS)
    ] = None,
    brackets: Annotated[
        Path | None,
        _file("--brackets", "JSON pairs of floor and rate of maintenance margin; with it, positions are liquidated.", COSTS),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="First day, instant (UTC) or ms. Candles before it are history for the strategy.",
            rich_help_panel=FILES,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Last day, or the instant (UTC) or ms of the end.", rich_help_panel=FILES),
    ] = None,
    json_out: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the whole result as JSON; - is standard output.", rich_help_panel=FILES
        ),
    ] = None,
    plot: Annotated[Path | None, _file("--plot", "Write a page (.html) or a picture (.png).", FILES)] = None,
    remote: Remote = False,
) -> None:
    """Run a strategy over a file of candles, and show what it would have earned beside buy-and-hold."""
    asked = asked_of(
        quantity=quantity,
        settings=settings,
        levels=levels,
        fill=fill,
        cash=cash,
        market=market,
        fee=fee,
        maker_fee=maker_fee,
        slippage_bps=slippage_bps,
        spread=spread,
        range_slippage=range_slippage,
        funding=funding,
        leverage=leverage,
        brackets=brackets,
        since=since,
        until=until,
    )
    if remote:
        run_remotely(at, strategy, asked, show, Outputs(json_out, plot), candles=candles, param=param)
        return
    put_result(_here(strategy, param or [], required(candles), asked, json_out, plot), json_out, show)


def required(candles: Path | None) -> Path:
    """The file of candles. Raises USAGE."""
    if candles is None:
        raise CommandFailed("USAGE", "name a file by --candles, or a strategy of the platform with --remote", ExitCode.USAGE)
    return candles


def _here(
    strategy: str, param: list[str], candles: Path, asked: Asked, json_out: str | None, plot: Path | None
) -> dict[str, Any]:
    """The document of the backtest on this machine; the picture is drawn."""
    require_outputs((strategy, candles, *asked.files), json_out, plot)
    from candlecast.backtest.candle_table import read_candle_table
    from candlecast.backtest.document import document, report_of, versions
    from candlecast.backtest.strategy_file import author_errors, load_author_strategy

    with redirect_stdout(sys.stderr):  # its prints are no part of the answer
        made = load_author_strategy(strategy, param)
    with Steps() as steps:
        steps.step(f"reading {candles.name}")
        table = read_candle_table(candles, start_ms=asked.begin, end_ms=asked.end, history=made.lookback - 1)
        steps.step(f"running {made.name} over {len(table.candles):,} candles")
        terms = asked.terms(table)
        with author_errors(type(made)), redirect_stdout(sys.stderr):
            result = _run(made, table, terms)
        # Computed before anything is written.
        found = document(result, file=table.notes, settings=asked.described(terms), versions=versions())
        if plot is not None:
            steps.step("writing")
            draw(report_of(result, table.notes), plot)
    return found


def asked_of(*, since: str | None, until: str | None, **options: Any) -> Asked:
    """The options of a backtest beside strategy, candles and outputs, or a refusal of those that do not go together."""
    names = ("quantity", "settings", "maker_fee", "levels", "leverage", "brackets")
    _require_one_sizing(**{name: options[name] for name in names})
    begin, end = milliseconds("--from", since, end=False), milliseconds("--to", until, end=True)
    if begin is not None and end is not None and begin >= end:
        raise CommandFailed("USAGE", "--from is not before --to", ExitCode.USAGE)
    return Asked(**options, begin=begin, end=end)


def _require_one_sizing(
    *,
    quantity: float | None,
    settings: Path | None,
    maker_fee: float | None,
    levels: bool,
    leverage: int | None,
    brackets: Path | None,
) -> None:
    """Refuse options that would do nothing beside the others: somebody believes that they do."""
    wrong = None
    if quantity is not None and settings is not None:
        wrong = "--quantity and --settings are two ways to size: give one of them"
    elif levels and quantity is None:
        wrong = "--levels belongs to --quantity: settings place the signals' stops and targets always"
    elif maker_fee is not None and quantity is not None:
        wrong = "--maker-fee belongs to settings: with --quantity every order is at market, and pays --fee"
    elif leverage is not None and quantity is not None and brackets is None:
        wrong = "--leverage beside --quantity needs --brackets: without them nothing asks for margin"
    if wrong is not None:
        raise CommandFailed("USAGE", wrong, ExitCode.USAGE)


def _run(made: Strategy[Any], table: CandleTable, terms: PlainTerms | Terms) -> Result:
    """Run by whole columns where the terms are plain; the live code is loaded only if it is needed."""
    from candlecast.backtest.plain import PlainTerms, run_plainly
    from candlecast.backtest.result import without_history

    result = run_plainly(made, table.candles, terms) if isinstance(terms, PlainTerms) else None
    if result is None:
        from candlecast.backtest.run import run

        result = run(made, table.candles, terms, timeframe=table.notes.timeframe)
    return without_history(result, table.first)


# -- output ------------------------------------------------------------------------------------------------------------------


def show(document: dict[str, Any]) -> None:
    """The metrics of a backtest's document beside buy-and-hold, and every fact that a reader must know."""
    from candlecast.backtest.metrics import Metrics
    from candlecast.backtest.pictures.labels import money, percent, rows_of

    position, bands, held = document["open_position"], document["bootstrap"], document["buy_and_hold"]
    rows = [
        ("Final equity", money(document["final_equity"]), money(held["final_equity"])),
        ("Profit after fees", money(document["pnl"]), money(held["pnl"])),
        ("Fees", money(document["fees"]), ""),
        *([("Funding", money(document["funding"]), "")] if document["funding"] else []),
        ("Filled orders", f"{document['orders']:,}", ""),
        ("Open position", f"{position['side']} {position['quantity']:g}, {money(position['pnl'])}" if position else "", ""),
        *rows_of(Metrics(**document["metrics"])),
    ]
    if bands is not None:
        low, high = bands["final_equity"][0], bands["final_equity"][-1]
        rows.append(("Bootstrap, 5 to 95 %", f"{money(low)} to {money(high)}", ""))
        rows.append(("Bootstrap, a loss", percent(bands["loss_probability"]), ""))
    print(visible(title_of(document)))
    put_table(("", document["strategy"], "buy and hold"), rows)
    for line in (*_facts(document), *notes_of(document)):
        print(visible(line))


def title_of(document: dict[str, Any]) -> str:
    """The file, the span and the cash of a document."""
    from candlecast.backtest.pictures.labels import moment, money

    file, first, last = document["file"], moment(document["first_candle"]), moment(document["last_candle"])
    span = f"{first} to {last} UTC, {document['rows']:,} candles"
    return f"{file['name']}, {file['timeframe']}, {span}, cash {money(document['cash'])}"


def notes_of(document: dict[str, Any]) -> list[str]:
    """The faults of the candles and the notes of the run."""
    return [f"{note['code']}: {note['text']}" for note in (*document["file"]["notes"], *document["notes"])]


def _facts(document: dict[str, Any]) -> list[str]:
    from candlecast.backtest.document import refused

    words = {"fast": "whole columns", "exact": "the live code"}
    facts = [f"First decision at row {document['first_decision_row']:,}. Trades by {words[document['path']]}."]
    if document["first_decision_row"] >= document["rows"]:
        facts = ["No row decides: the strategy looks back further than these candles go."]
    if liquidated := sum(trade["reason"] == "LIQUIDATED" for trade in document["trades"]):
        facts.append(f"Positions that the venue has liquidated: {liquidated:,}.")
    elif document["metrics"]["ruined"]:
        facts.append("The equity fell to zero or below: a venue would have closed the position before (--brackets).")
    if document["denials"]:
        facts.append(refused(document["denials"]))
    if document["differing_decisions"]:
        facts.append(f"Decisions that differ from live ones, which see the lookback alone: {document['differing_decisions']:,}.")
    return facts
