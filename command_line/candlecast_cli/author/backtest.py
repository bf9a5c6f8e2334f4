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
from candlecast_cli.author.output import STDOUT, draw, put_document, require_outputs
from candlecast_cli.author.strategy import Named, Parameter
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import Steps, examples, put_table, visible
from candlecast_cli.times import milliseconds

if TYPE_CHECKING:
    from candlecast.backtest.candle_table import CandleTable, FileNotes
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
FEE = 0.0005  # a taker's ordinary fee at Binance's USD-M futures: a backtest without a fee flatters
CASH = 10_000.0
SETTINGS, COSTS, FILES = "Orders and sizes", "Costs and margin", "What is read and written"


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
    remote: Annotated[
        bool, typer.Option("--remote", help="STRATEGY is an id on the platform, which computes on its own candles.")
    ] = False,
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
        from candlecast_cli.author.remote_backtest import run_remotely

        run_remotely(
            at,
            strategy,
            asked,
            fee,
            maker_fee,
            json_out,
            plot,
            candles=candles,
            param=param,
            quantity=quantity,
            levels=levels,
            fill=fill,
            market=market,
            spread=spread,
            range_slippage=range_slippage,
            funding=funding,
            leverage=leverage,
            brackets=brackets,
        )
        return
    if candles is None:
        raise CommandFailed("USAGE", "name a file by --candles, or a strategy of the platform with --remote", ExitCode.USAGE)
    require_outputs((strategy, candles, *asked.files), json_out, plot)
    from candlecast.backtest.candle_table import read_candle_table
    from candlecast.backtest.strategy_file import author_errors, load_author_strategy

    with redirect_stdout(sys.stderr):  # its prints are no part of the answer
        made = load_author_strategy(strategy, param or ())
    with Steps() as steps:
        steps.step(f"reading {candles.name}")
        table = read_candle_table(candles, start_ms=asked.begin, end_ms=asked.end, history=made.lookback - 1)
        steps.step(f"running {made.name} over {len(table.candles):,} candles")
        terms = asked.terms(table)
        with author_errors(type(made)), redirect_stdout(sys.stderr):
            result = _run(made, table, terms)
        result.metrics  # noqa: B018 - computed before anything is written
        if json_out is not None or plot is not None:
            steps.step("writing")
        _write(result, table.notes, asked.described(terms), json_out, plot)
    if json_out != STDOUT:
        show(result, table.notes)


def asked_of(*, maker_fee: float | None, since: str | None, until: str | None, **options: Any) -> Asked:
    """The options of a backtest beside strategy, candles and outputs, or a refusal of those that do not go together."""
    names = ("levels", "leverage", "brackets")
    _require_one_sizing(options["quantity"], options["settings"], maker_fee, **{name: options[name] for name in names})
    begin, end = milliseconds("--from", since, end=False), milliseconds("--to", until, end=True)
    if begin is not None and end is not None and begin >= end:
        raise CommandFailed("USAGE", "--from is not before --to", ExitCode.USAGE)
    options["fee"] = FEE if options["fee"] is None else options["fee"]
    return Asked(**options, maker_fee=options["fee"] if maker_fee is None else maker_fee, begin=begin, end=end)


def _require_one_sizing(
    quantity: float | None,
    settings: Path | None,
    maker_fee: float | None,
    *,
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


def _write(result: Result, notes: FileNotes, asked: dict[str, Any], json_out: str | None, plot: Path | None) -> None:
    from candlecast.backtest.document import document, report_of, versions

    if plot is not None:
        draw(report_of(result, notes), plot)
    if json_out is not None:
        put_document(document(result, file=notes, settings=asked, versions=versions()), json_out)


def show(result: Result, notes: FileNotes) -> None:
    """The metrics beside buy-and-hold, and every fact that a reader must know."""
    from candlecast.backtest.document import bands_of
    from candlecast.backtest.pictures.labels import money, percent, rows_of

    position, bands = result.open_position, bands_of(result)
    hold = result.cash * result.metrics.buy_and_hold_return
    rows = [
        ("Final equity", money(result.final_equity), money(result.cash + hold)),
        ("Profit after fees", money(result.pnl), money(hold)),
        ("Fees", money(result.fees), ""),
        *([("Funding", money(result.funding), "")] if result.funding else []),
        ("Filled orders", f"{result.orders:,}", ""),
        ("Open position", "" if position is None else f"{position.side} {position.quantity:g}, {money(position.pnl)}", ""),
        *((label, value, held) for label, value, held in rows_of(result.metrics)),
    ]
    if bands is not None:
        low, high = bands.final_equity[0], bands.final_equity[-1]
        rows.append(("Bootstrap, 5 to 95 %", f"{money(low)} to {money(high)}", ""))
        rows.append(("Bootstrap, a loss", percent(bands.loss_probability), ""))
    print(visible(title_of(result, notes)))
    put_table(("", result.strategy, "buy and hold"), rows)
    for line in (*_facts(result), *(str(note) for note in notes.notes), *(str(note) for note in result.notes)):
        print(visible(line))


def title_of(result: Result, notes: FileNotes) -> str:
    """The file, the span and the cash of a result."""
    from candlecast.backtest.pictures.labels import moment, money

    first, last = (moment(int(result.candles.time[row])) for row in (0, -1))
    return f"{notes.file}, {notes.timeframe}, {first} to {last} UTC, {result.rows:,} candles, cash {money(result.cash)}"


def _facts(result: Result) -> list[str]:
    from candlecast.backtest.document import refused
    from candlecast.backtest.fast_path import ExitBy

    words = {"fast": "whole columns", "exact": "the live code"}
    facts = [f"First decision at row {result.first_decision_row:,}. Trades by {words[result.path]}."]
    if result.first_decision_row >= result.rows:
        facts = ["No row decides: the strategy looks back further than these candles go."]
    if liquidated := sum(by == ExitBy.LIQUIDATED for by in result.trades.reason.tolist()):
        facts.append(f"Positions that the venue has liquidated: {liquidated:,}.")
    elif result.metrics.ruined:
        facts.append("The equity fell to zero or below: a venue would have closed the position before (--brackets).")
    if result.denials:
        facts.append(refused(result.denials))
    if result.differing_decisions:
        facts.append(f"Decisions that differ from live ones, which see the lookback alone: {result.differing_decisions:,}.")
    return facts
