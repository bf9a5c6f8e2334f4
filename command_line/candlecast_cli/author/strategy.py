"""`candlecast strategy`: a first file for an author, the checks before anybody trades it, and its way to followers."""

from __future__ import annotations

import keyword
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from candlecast_cli.author import publish
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import AsJson, Steps, examples, put_json, put_line, say

TEMPLATE = Path(__file__).with_name("new_strategy.template")
OURS = ("candlecast", "candlecast_cli", "numpy", "strategies", "tests")  # modules that a file of that name would hide
WORDS = {True: "ok", False: "FAIL", None: "-"}
STYLES = {True: "", False: "red", None: "yellow"}

Named = Annotated[str, typer.Argument(metavar="STRATEGY", help="The name of a built-in strategy, or a .py file.")]
Parameter = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the strategy; once for each.")
]

app = typer.Typer(
    help="Strategies: begin one, check it, upload it, and release its versions.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast strategy new my_breakout",
        "candlecast strategy check my_breakout.py",
        "candlecast strategy upload my_breakout.py --id my-breakout-btc --market BTC/USDT:USDT --timeframe 1h",
    ),
)


@app.command(epilog=examples("candlecast strategy new my_breakout", "candlecast strategy new my_breakout --folder ideas"))
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the strategy and its file: small letters, digits and _, a letter first.")
    ],
    folder: Annotated[Path, typer.Option("--folder", help="Where the file goes; made if it is missing.")] = Path(),
) -> None:
    """Write a documented strategy file that passes the checks and can be backtested at once. It never overwrites a file."""
    _require_free(name)
    file = folder / f"{name}.py"
    class_name = "".join(word.capitalize() for word in name.split("_"))
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(name=name, file=file.name, class_name=class_name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise CommandFailed("FILE_EXISTS", f"{file} is there already, and stays as it is: choose another name") from None
    except OSError as error:
        raise CommandFailed("FILE_NOT_WRITTEN", f"{file}: {error.strerror}") from None
    print(file)
    say(f"next: candlecast strategy check {file}")


@app.command(
    epilog=examples(
        "candlecast strategy check my_breakout.py",
        "candlecast strategy check my_breakout.py --candles candles.csv.gz --param entry_period=30",
        "candlecast strategy check sma_cross --json",
    )
)
def check(
    strategy: Named,
    candles: Annotated[
        Path | None, typer.Option("--candles", metavar="FILE", help="Check on these; without it, on generated candles.")
    ] = None,
    param: Parameter = None,
    as_json: AsJson = False,
) -> None:
    """Check a strategy: parameters, look-ahead, lookback, stops, levels, imports and speed. Exits with 1 if a check fails.

    The row that shows a fault is named with the time of its candle. A file is run as it is: it is your own code. Its prints
    are not shown, because each check runs the file many times.
    """
    from candlecast.backtest.candle_table import read_candle_table
    from candlecast.backtest.strategy_file import load_author_strategy
    from candlecast_cli.author.strategy_checks import check_strategy, failed

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), Steps() as steps:
        made = load_author_strategy(strategy, param or ())
        table = None if candles is None else read_candle_table(candles)
        columns, label = (None, "") if table is None else (table.candles, table.notes.file)
        checks = check_strategy(made, columns, label, told=lambda name: steps.step(f"checking {name}"))
    if as_json:
        put_json({"strategy": made.name, "parameters": made.parameters.to_mapping(), "checks": [asdict(it) for it in checks]})
    else:
        for it in checks:
            put_line(f"{WORDS[it.ok]:<4}  {it.name:<10}  {it}", style=STYLES[it.ok])
    if codes := failed(checks):
        raise CommandFailed("STRATEGY_UNSOUND", f"{len(codes)} of {len(checks)} checks failed: {', '.join(codes)}")


app.command("upload", epilog=publish.UPLOAD_EXAMPLES)(publish.upload)
app.command("versions", epilog=publish.VERSIONS_EXAMPLES)(publish.versions)
app.command("release", epilog=publish.RELEASE_EXAMPLES)(publish.release)
app.command("rollback", epilog=publish.ROLLBACK_EXAMPLES)(publish.rollback)
app.command("retire", epilog=publish.RETIRE_EXAMPLES)(publish.retire)


def _require_free(name: str) -> None:
    """Refuse a name that live would refuse, or that Python or a built-in has."""
    from candlecast.strategy.base import NAME_PATTERN
    from candlecast.strategy.registry import available

    if not NAME_PATTERN.fullmatch(name):
        message = f"{name!r} is no name of a strategy: small letters, digits and _, a letter first, at most 64"
        raise CommandFailed("STRATEGY_NAME_INVALID", message, ExitCode.USAGE)
    if name in available():
        raise CommandFailed("NAME_TAKEN", f"{name} is a built-in strategy: choose another name", ExitCode.USAGE)
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in OURS:
        raise CommandFailed("NAME_TAKEN", f"{name} is a name of Python's or of a package: choose another", ExitCode.USAGE)
