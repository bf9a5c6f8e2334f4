"""The checks of `candlecast strategy check`: each names its code and, where there is one, the row that shows the fault.

Look-ahead and lookback are judged by `candlecast.strategy.guard`, on the head of the candles row by row and on rows of the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from candlecast.backtest.strategy_file import author_errors, source_file, strategy_class
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast.sandbox.lint import FILE, lint
from candlecast.sandbox.protocol import SandboxRefusal
from candlecast.strategy import Candles, Flags, Side, Signals, Strategy, StrategyError, decide, evaluate
from candlecast.strategy.candles import MILLISECOND
from candlecast.strategy.guard import difference_at, first_difference, first_unequal
from candlecast.strategy.registry import available, load_strategy
from candlecast_cli.author.generated_candles import generated_candles
from candlecast_cli.author.live_imports import foreign_imports
from candlecast_cli.printing import moment

SEEDS = (1, 2, 3)
GENERATED_ROWS = 2_000  # after the lookback; enough for a rule that acts once in a hundred rows
HEAD_ROWS = 400  # after the lookback: each of them is checked, so the row that is named is the first
SPREAD_ROWS = 150  # of the whole, half of them rows with a signal
UNSEEN_ROWS = 30  # with a signal, spread evenly: for each of them the file is run anew
LIVE_SECONDS = 1.0  # of one decision: a minute is what all strategies of a market have together
RUNS = 3  # of the decision that is timed; the fastest counts, since the machine may be busy


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check: `ok` is None where another fault kept it from being judged, and where only a run will tell."""

    name: str
    ok: bool | None
    text: str
    code: str = ""  # stable; of a failed check
    row: int | None = None  # from 0, of the candles named
    time_ms: int | None = None  # the open of the row's candle
    candles: str | None = None

    def __str__(self) -> str:
        at = "" if self.time_ms is None else f", candle of {moment(EPOCH + self.time_ms * MILLISECOND)}"
        code = f"{self.code}: " if self.code else ""
        where = "" if self.row is None else f"row {self.row}{at} ({self.candles}): "
        return f"{code}{where}{self.text}"


@dataclass(slots=True)
class Trial:
    """A strategy's answer on one set of candles."""

    label: str
    candles: Candles
    signals: Signals
    fault: StrategyError | None = None  # of its levels: `signals` are the answer as it came
    entries: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.entries = np.abs(self.signals.side) == Side.LONG

    def failed(self, name: str, code: str, text: str, row: int | None = None) -> Check:
        time_ms = None if row is None else int(self.candles.time[row])
        return Check(name, False, text, code, row, time_ms, self.label)


def check_strategy(strategy: Strategy[Any], candles: Candles | None, label: str, *, told: Callable[[str], None]) -> list[Check]:
    """All checks of a strategy, on the given candles, or on generated ones. `told` hears of each step.

    Never raises for the strategy's own faults: each is a failed check.
    """
    checks = [*_of_the_file(strategy)]
    size, lookback = _rows_needed(strategy)
    checks.append(size)
    if lookback is None:
        return checks
    told("answers")
    try:
        trials = [_trial(strategy, candles, label)] if candles is not None else _generated(strategy, lookback)
    except StrategyError as error:
        return [*checks, Check("answers", False, error.message, error.code, candles=label if candles is not None else None)]
    rows = sum(len(trial.candles) for trial in trials)
    others = f", and {len(trials) - 1} sets more" if len(trials) > 1 else ""
    checks.append(Check("answers", True, f"to {rows} rows: {trials[0].label}{others}"))
    checks.append(_levels(trials))
    checks += [_decides(trials), _stops(trials), _numbers(trials)]
    if any(trial.fault for trial in trials):
        hidden = ("repeatable", "look-ahead", "lookback", "speed")
        return [*checks, *(Check(name, None, "not judged: a live run would fail with LEVEL_INVALID") for name in hidden)]
    told("repeatable")
    checks.append(_repeatable(strategy, trials))
    for name, live_window in (("look-ahead", False), ("lookback", True)):
        if not all(check.ok for check in checks if check.name in ("repeatable", "look-ahead")):
            checks.append(Check(name, None, "not judged: the fault above hides it"))
            continue
        told(name)
        checks.append(_guarded(strategy, trials, name, live_window=live_window))
    told("speed")
    return [*checks, _speed(strategy, trials[0])]


def _of_the_file(strategy: Strategy[Any]) -> Iterator[Check]:
    file = source_file(type(strategy))
    values = ", ".join(f"{name} {value}" for name, value in strategy.parameters.to_mapping().items())
    yield Check("parameters", True, values or "none")
    same = file.stem == strategy.name
    text = f"{strategy.name}, as its file" if same else f"{strategy.name!r} lies in {file.name}: live, the name finds the file"
    yield Check("name", same, text, "" if same else "STRATEGY_NAME_DIFFERS")
    found = foreign_imports(file)
    if found:
        named = ", ".join(f"{file.name}:{line}: {name}" for line, name in found)
        yield Check("imports", False, f"no live run has {named}", "IMPORT_NOT_LIVE")
        yield Check("upload", None, "not judged: the fault above hides it")
    else:
        yield Check("imports", True, "a live run has them all")
        yield _upload(strategy, file)


def _upload(strategy: Strategy[Any], file: Path) -> Check:
    """Read the text as an upload would: it may import fewer modules than a deployment's own strategies."""
    if strategy.name in available() and type(strategy) is load_strategy(strategy.name):
        return Check("upload", True, "ships with its deployment, which trusts it")
    try:
        hints = lint(file.read_bytes())
    except SandboxRefusal as refusal:
        return Check("upload", False, f"{file.name}{refusal.message.removeprefix(FILE)}", refusal.code)
    if hints:
        return Check("upload", None, "; ".join(f"{file.name}:{hint.line}: {hint.message}" for hint in hints))
    return Check("upload", True, "the sandbox takes the file as it is")


def _rows_needed(strategy: Strategy[Any]) -> tuple[Check, int | None]:
    with author_errors(type(strategy)):
        needed = strategy.rows_needed()
    if not isinstance(needed, (int, np.integer)) or needed < 1:
        return Check("rows", False, f"rows_needed() must be a whole number from 1, not {needed!r}", "ROWS_NEEDED_INVALID"), None
    lookback = strategy.lookback
    return Check("rows", True, f"rows_needed {needed}, a live run gets {lookback} of at most {MAX_LOOKBACK}"), lookback


def _trial(strategy: Strategy[Any], candles: Candles, label: str) -> Trial:
    with author_errors(type(strategy)):
        if len(candles) < strategy.lookback:
            message = f"{label} has {len(candles)} candles, {strategy.lookback} are needed"
            raise StrategyError("HISTORY_TOO_SHORT", message)
        try:
            return Trial(label, candles, evaluate(strategy, candles))
        except StrategyError as error:
            if error.code != "LEVEL_INVALID":
                raise
            return Trial(label, candles, strategy.signals(candles), error)


def _generated(strategy: Strategy[Any], lookback: int) -> list[Trial]:
    """Trials on generated candles of 1h, or of the first timeframe that the strategy takes."""
    timeframes = [Timeframe.H1, *(it for it in Timeframe if it is not Timeframe.H1)]
    for timeframe in timeframes:
        try:
            made = ((seed, generated_candles(lookback + GENERATED_ROWS, seed, timeframe)) for seed in SEEDS)
            return [_trial(strategy, candles, f"generated {timeframe}, seed {seed}") for seed, candles in made]
        except StrategyError as error:
            if error.code != "TIMEFRAME_MISMATCH" or timeframe is timeframes[-1]:
                raise
    raise AssertionError("unreachable: the last timeframe returns or raises")


def _levels(trials: Sequence[Trial]) -> Check:
    for trial in trials:
        if trial.fault is not None:
            return trial.failed("levels", trial.fault.code, trial.fault.message.partition(" (candle")[0], trial.fault.row)
    return Check("levels", True, "stops on the losing side, targets on the winning side")


def _decides(trials: Sequence[Trial]) -> Check:
    entries, rows = sum(int(trial.entries.sum()) for trial in trials), sum(len(trial.entries) for trial in trials)
    exits = sum(int((np.abs(trial.signals.side) == Side.EXIT_LONG).sum()) for trial in trials)
    text = f"{entries} entries and {exits} exits in {rows} rows"
    if not entries:
        return Check("decisions", False, f"{text}: it never enters", "NO_ENTRIES")
    return Check("decisions", True, text)


def _stops(trials: Sequence[Trial]) -> Check:
    bare = 0
    first: tuple[Trial, int] | None = None
    for trial in trials:
        stop = trial.signals.stop_loss
        rows = np.flatnonzero(trial.entries & (np.isnan(stop) if stop is not None else True))
        bare += len(rows)
        if len(rows) and first is None:
            first = trial, int(rows[0])
    if first is not None:
        return first[0].failed("stops", "ENTRY_WITHOUT_STOP", f"the first of {bare} entries without stop_loss", first[1])
    return Check("stops", True, "every entry has one")


def _numbers(trials: Sequence[Trial]) -> Check:
    """No decision on NaN: where a column that explains a decision is not a number, the row must hold."""
    for trial in trials:
        acting = trial.signals.side != Side.HOLD
        found = []
        for name, column in trial.signals.float_columns().items():
            explains = name.startswith("metadata ")
            rows = np.flatnonzero(acting & (~np.isfinite(column) if explains else np.isinf(column)))
            found += [(int(rows[0]), name)] if len(rows) else []
        if found:
            row, name = min(found)
            side, value = Side(int(trial.signals.side[row])), trial.signals.float_columns()[name][row]
            return trial.failed("numbers", "DECIDES_ON_NAN", f"{side.name} while {name} is {value}", row)
    return Check("numbers", True, "no decision while a column is NaN or infinite")


def _repeatable(strategy: Strategy[Any], trials: Sequence[Trial]) -> Check:
    """The same candles give the same answer: again, after other candles, and to a fresh instance."""
    for trial in trials:
        fresh = type(strategy)(strategy.parameters)
        for asked in (strategy, strategy, fresh, fresh):
            try:
                with author_errors(type(strategy)):
                    answer = evaluate(asked, trial.candles)
            except StrategyError as error:
                text = f"the same candles end in {error.code}: {error.message}"
                return trial.failed("repeatable", "NOT_REPEATABLE", text, error.row)
            row = first_unequal(trial.signals, answer)
            if row is not None:
                text = "another answer to the same candles: no clock, no randomness, nothing kept between calls"
                return trial.failed("repeatable", "NOT_REPEATABLE", text, row)
            with suppress(Exception):  # an answer that nobody looks at: it may leave something behind
                asked.signals(trials[-1].candles.last(strategy.lookback))
    return Check("repeatable", True, "the same candles give the same answer")


def _guarded(strategy: Strategy[Any], trials: Sequence[Trial], name: str, *, live_window: bool) -> Check:
    checked = 0
    for trial in trials:
        head = trial.candles.rows(0, min(len(trial.candles), strategy.lookback - 1 + HEAD_ROWS))
        for candles, rows in ((head, HEAD_ROWS), (trial.candles, SPREAD_ROWS)):
            try:
                with author_errors(type(strategy)):
                    found = first_difference(strategy, candles, live_window=live_window, max_rows=rows)
            except StrategyError as error:  # on a part of the candles alone: the whole was answered
                found = error
            if found is not None:
                text = found.message.removeprefix(f"{strategy.name} ").replace(f" at row {found.row}", "")
                return trial.failed(name, found.code, text, found.row)
            checked += min(rows, len(candles) - strategy.lookback + 1)
    if not live_window and (unseen := _unseen(strategy, trials[0])) is not None:
        return trials[0].failed(name, unseen.code, f"{unseen.message}: the file keeps rows between calls", unseen.row)
    text = "its live window decides as the whole history" if live_window else "no decision changes without the later rows"
    return Check(name, True, f"{text}, {checked} rows compared")


def _unseen(strategy: Strategy[Any], trial: Trial) -> StrategyError | None:
    """A row that is decided otherwise by the file run anew, which has seen no later row: a cache of the module would know it."""
    acting = np.flatnonzero(trial.signals.side != Side.HOLD)
    for row in np.unique(acting[np.linspace(0, len(acting) - 1, min(UNSEEN_ROWS, len(acting))).astype(np.int64)]):
        try:
            with author_errors(type(strategy)):
                made = strategy_class(str(source_file(type(strategy)))).with_parameters(strategy.parameters.to_mapping())
                found = difference_at(made, trial.signals, trial.candles, int(row), live_window=False)
        except StrategyError as error:
            return error
        if found is not None:
            return found
    return None


def _speed(strategy: Strategy[Any], trial: Trial) -> Check:
    window = trial.candles.last(strategy.lookback)
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        try:
            with author_errors(type(strategy)):
                decide(strategy, window)
        except StrategyError as error:
            return Check("speed", None, f"not judged: the newest rows alone end in {error.code}")
        seconds.append(time.perf_counter() - start)
    text = f"a live decision takes {1000 * min(seconds):.1f} ms"
    if min(seconds) > LIVE_SECONDS:
        return Check("speed", False, f"{text}, at most {1000 * LIVE_SECONDS:.0f}: compute whole columns", "STRATEGY_SLOW")
    return Check("speed", True, text)


def failed(checks: Sequence[Check]) -> list[str]:
    """The codes of the checks that failed."""
    return [check.code for check in checks if check.ok is False]
