"""Parts that `candlecast sweep` and `candlecast walk-forward` share: options, candles with terms, progress, plain words."""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from candlecast.backtest.workers import MOST_PROCESSES, cores
from candlecast.domain.backtests.sweep import MAX_SEED, MOST_COMBINATIONS, RandomSearch
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast_cli.api import options, value_of
from candlecast_cli.author import backtest
from candlecast_cli.author.terms import Asked
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.local import stoppable
from candlecast_cli.printing import Steps, console, say
from candlecast_cli.stacks import spread

if TYPE_CHECKING:
    from candlecast.backtest.candle_table import CandleTable
    from candlecast.backtest.exact_path import Terms
    from candlecast.backtest.grid import Combinations
    from candlecast.backtest.plain import PlainTerms
    from candlecast.strategy import Strategy

# Of `backtest`: each command has its own.
OWN = ("strategy", "candles", "param", "json_out", "plot", "remote", "api", "token_file", "name")
LINE_SECONDS = 10.0  # between two lines of progress where no terminal is
FRAME_SECONDS = 0.1

CandleFile = Annotated[Path | None, typer.Option("--candles", metavar="FILE", help="Candles: .csv, .csv.gz or .parquet.")]
Axes = Annotated[
    list[str],
    typer.Option(
        "--param",
        metavar="NAME=VALUES",
        help="Values of a parameter: 5:50:5 (first:last:step), 20,40,80, or one value. Once for each.",
    ),
]
Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="The metric to choose by; higher is better.")]
Processes = Annotated[
    int | None, typer.Option("--processes", min=1, max=MOST_PROCESSES, help="Without it, one for each processor.")
]
METRIC = "sharpe_ratio"


class Search(StrEnum):
    """Which combinations are tried."""

    GRID = "grid"  # all
    RANDOM = "random"  # some, drawn by chance
    BAYESIAN = "bayesian"  # some, by the outcomes so far


@dataclass(frozen=True)
class Chosen:
    """The search of a command; each field is an option of the command."""

    search: Annotated[Search, typer.Option("--search", help="Try every combination, or --trials of them.")] = Search.GRID
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, max=MOST_COMBINATIONS, help="How many combinations a search tries.")
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=MAX_SEED, help="Another seed than 0 tries other combinations.")
    ] = None

    def random(self) -> RandomSearch | None:
        """The random search that is meant; None for the grid. Raises USAGE, for a search that learns too."""
        if self.search is Search.BAYESIAN:
            message = "--search bayesian belongs to candlecast sweep on this machine: its trials follow one another"
            raise CommandFailed("USAGE", message, ExitCode.USAGE)
        return self.sampled()

    def sampled(self) -> RandomSearch | None:
        """How many combinations a search tries, by which seed; None for the grid. Raises USAGE."""
        if self.search is Search.GRID:
            if (self.trials, self.seed) != (None, None):
                raise CommandFailed("USAGE", "--trials and --seed belong to a --search: a grid tries everything", ExitCode.USAGE)
            return None
        if self.trials is None:
            raise CommandFailed("USAGE", f"--search {self.search} needs --trials: how many combinations it tries", ExitCode.USAGE)
        return RandomSearch(count=self.trials, seed=self.seed or 0)


def with_terms(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `candlecast backtest`, `Chosen` and `At` for its parameters `asked`, `chosen` and `at`."""
    command = options(spread(command, "chosen", Chosen))
    theirs = [each for name, each in inspect.signature(backtest.backtest, eval_str=True).parameters.items() if name not in OWN]
    names = [each.name for each in theirs]

    def called(**given: Any) -> None:
        terms = {name: given.pop(name) for name in names}
        command(asked=backtest.asked_of(**terms), **given)

    own = inspect.signature(command, eval_str=True)
    parts = [part for each in own.parameters.values() for part in (theirs if each.name == "asked" else [each])]
    parts = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parts]
    called.__signature__ = own.replace(parameters=parts)  # type: ignore[attr-defined] # typer reads it
    called.__annotations__ = {each.name: each.annotation for each in parts}
    called.__doc__ = command.__doc__
    return called


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Combinations of a strategy with the candles and terms that all of them have."""

    strategy: type[Strategy[Any]]
    combinations: Combinations
    table: CandleTable
    terms: PlainTerms | Terms
    processes: int

    def made(self, index: int) -> Strategy[Any]:
        """A combination that the strategy does not refuse."""
        strategy = self.combinations.strategies[index]
        assert strategy is not None  # noqa: S101 - it was tried
        return strategy


def prepared(
    strategy: str,
    words: list[str],
    chosen: Chosen,
    candles: Path,
    asked: Asked,
    processes: int | None,
    steps: Steps,
    *,
    learns: bool = False,
) -> Many:
    """Read the words, the strategy and the candles, with the rows before the span that the longest lookback needs.

    A search that learns has its axes, and no combination yet.
    """
    from candlecast.backtest.candle_table import read_candle_table
    from candlecast.backtest.grid import Combinations, Grid, Sample, axes_of, combinations_of
    from candlecast.backtest.strategy_file import author_errors, strategy_class

    with redirect_stdout(sys.stderr):
        kind = strategy_class(strategy)
    axes = axes_of(kind, words)
    with author_errors(kind), redirect_stdout(sys.stderr):
        if learns:
            combinations = Combinations(Grid(axes, Sample((), chosen.search, 0)), (), "")
        else:
            combinations = combinations_of(kind, axes, random=chosen.random())
    steps.step(f"reading {candles.name}")
    longest = max((each.lookback for each in combinations.strategies if each is not None), default=MAX_LOOKBACK)
    table = read_candle_table(candles, start_ms=asked.begin, end_ms=asked.end, history=longest - 1)
    terms = asked.terms(table)
    steps.end()
    return Many(kind, combinations, table, terms, cores() if processes is None else processes)


def body_of(words: list[str], metric: str, chosen: Chosen, walk_forward: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The sweep as the API takes it. The strategy is not here, so values are read as JSON.

    Raises as `read_axes`, and `InvalidValue` METRIC_UNKNOWN.
    """
    from candlecast.backtest.grid import read_axes
    from candlecast.backtest.sweep import require_metric

    require_metric(metric)
    random = chosen.random()
    return {
        "axes": {axis.name: list(axis.values) for axis in read_axes(lambda _, text: value_of(text), words)},
        "metric": metric,
        "random": None if random is None else asdict(random),
        "walk_forward": walk_forward,
    }


@contextmanager
def counted(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Progress with the time that is left; Ctrl-C and SIGTERM stop the block. Prints of strategies go to standard error.

    Nothing is drawn by a thread: workers are forked while it is shown.
    """
    screen, started, shown = console(stderr=True), time.monotonic(), 0.0
    if not screen.is_terminal:

        def told(ended: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if ended < total and now - max(shown, started) >= LINE_SECONDS:
                shown = now
                say(f"{ended:,} of {total:,} {what}, {math.ceil((now - started) / ended * (total - ended)):,} s left")

        with stoppable(), redirect_stdout(sys.stderr):
            yield told
        return
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with stoppable(), Progress(*columns, console=screen, auto_refresh=False, transient=True) as progress:
        task = progress.add_task(what, total=total)

        def drawn(ended: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if ended == total or now - shown >= FRAME_SECONDS:
                shown = now
                progress.update(task, completed=ended)
                progress.refresh()

        yield drawn


def said(parameters: dict[str, Any]) -> str:
    """Parameters in one cell of a table."""
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def counts(document: dict[str, Any]) -> str:
    """Combinations that were tried, refused and failed, in a sentence."""
    sample = document["sample"]
    of = "" if sample is None else f" of {sample['of']:,}, by {sample['search']} search with seed {sample['seed']}"
    parts = [f"{document['combinations']:,} combinations{of}: {document['tried']:,} tried"]
    if document["refused"]:
        parts.append(f"{document['refused']:,} refused by the strategy ({document['refusal']})")
    if document["failed"]:
        parts.append(f"{document['failed']:,} failed ({document['failure']})")
    return ", ".join(parts) + "."


def shown(metric: str, value: float | None) -> str:
    """The value of a metric as reports show it; nothing for none."""
    from candlecast.backtest.pictures.labels import LABELS

    return "" if value is None else LABELS[metric][1](value)
