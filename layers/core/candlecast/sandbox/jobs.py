"""The work of the child: one job on one source. Every failure of the source's code becomes a refusal with code, line and row."""

from __future__ import annotations

import builtins
import errno
import hashlib
import time
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import numpy as np

from candlecast.domain.values.errors import DomainError
from candlecast.domain.values.text import is_readable
from candlecast.sandbox.lint import ABSENT_NAMES, FILE
from candlecast.sandbox.modules import is_allowed, refusal
from candlecast.sandbox.protocol.answer import MAX_DESCRIPTION_CHARACTERS, MAX_MESSAGE_CHARACTERS, SIGNAL_COLUMNS
from candlecast.sandbox.protocol.columns import CANDLE_COLUMNS, WIDTH, decode_columns, encode_columns
from candlecast.sandbox.protocol.refusal import CODES, SANDBOX_FORBIDDEN, SANDBOX_MEMORY, SANDBOX_REQUEST_INVALID, one_line
from candlecast.sandbox.protocol.request import Job, Request, parse_request
from candlecast.sandbox.protocol.values import Malformed, loads
from candlecast.strategy import Candles, Side, Signals, Strategy, StrategyError, decide, decide_rows, evaluate
from candlecast.strategy.guard import difference_at, first_difference, first_unequal
from candlecast.strategy.source import class_of, errors_of, line_in, run_source

MODULE = "strategy"  # the name of the uploaded source's module
DECISION_MS = 1000  # of processor time: a minute is what all strategies of a candle have together
DECISIONS = 3  # that are timed; the fastest counts, since the machine may be busy
UNSEEN_ROWS = 10  # for each the source is run anew, so that nothing is kept from later rows

# C code of numpy imports these as if the line that calls it did: for `std` of an array, and for its text.
PARTS_OF_NUMPY = "numpy._core."

# Answers of the locks (seccomp, Landlock, limits, namespace) to code that asks for files, sockets, processes.
DENIALS = frozenset(
    {errno.EPERM, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EFBIG, errno.ENETUNREACH, errno.ENOSYS}
)


def run(request: bytes) -> dict[str, Any]:
    """The outcome of a request's bytes: `result` with the result, or `error` with code, message, line and row.

    Never raises for an error of the source. A source may end or confuse this process, which serves no other run.
    """
    try:
        return {"result": _run(parse_request(loads(request)))}
    except Malformed as error:
        return _error(SANDBOX_REQUEST_INVALID, str(error))
    except DomainError as error:
        return _of_domain(error)
    except MemoryError as error:
        return _error(SANDBOX_MEMORY, f"{FILE}: out of memory", line_in(error, FILE))
    except BaseException as error:  # a stranger's code may raise anything
        return _of_stranger(error)


def _run(request: Request) -> dict[str, Any]:
    kind = _class(request)
    with errors_of(FILE):
        strategy = kind.with_parameters(request.parameters)
    if request.job is Job.INSPECT:
        return _inspection(strategy)
    candles = _candles(request.columns)
    if request.job is Job.DECIDE:
        return _decision(strategy, candles)
    if request.job is Job.SIGNALS:
        return _columns(strategy, candles, evaluate)
    if request.job is Job.DECISIONS:
        return _columns(strategy, candles, decide_rows)
    return _check(request, strategy, candles)


def _class(request: Request) -> type[Strategy[Any]]:
    return class_of(run_source(request.source.encode(), FILE, MODULE, _builtins()))


def _builtins() -> dict[str, object]:
    """The names that need no import, without those of files and of code made at run time; imports are judged by name."""
    names = {name: value for name, value in vars(builtins).items() if name not in ABSENT_NAMES}
    names["__import__"] = _import
    return names


def _import(name: str, *arguments: Any, **named: Any) -> ModuleType:
    level = named.get("level", arguments[3] if len(arguments) > 3 else 0)
    if level or not (is_allowed(name) or name.startswith(PARTS_OF_NUMPY)):
        raise ImportError(refusal("." * level + name))
    return builtins.__import__(name, *arguments, **named)


def _candles(packed: object) -> Candles:
    _, columns = decode_columns(packed, [WIDTH for _ in CANDLE_COLUMNS])
    types = ("<i8", *("<f8" for _ in CANDLE_COLUMNS[1:]))
    return Candles(*(np.frombuffer(column, kind) for column, kind in zip(columns, types, strict=True)))


def _inspection(strategy: Strategy[Any]) -> dict[str, Any]:
    with errors_of(FILE):
        description = str(strategy.description)
        if len(description) > MAX_DESCRIPTION_CHARACTERS:
            message = f"{FILE}: the description has over {MAX_DESCRIPTION_CHARACTERS} characters"
            raise StrategyError("STRATEGY_INVALID", message)
        schema = type(strategy).parameters_type.json_schema()
        for name, described in schema["properties"].items():
            if not is_readable(str(described["description"])):
                raise StrategyError("STRATEGY_INVALID", f"{FILE}: the description of {name} has a character that cannot be shown")
        return {
            "name": strategy.name,
            "description": one_line(description),
            "parameter_schema": schema,
            "parameters": strategy.parameters.to_mapping(),
            "lookback": int(strategy.lookback),
        }


def _decision(strategy: Strategy[Any], candles: Candles) -> dict[str, Any]:
    with errors_of(FILE):
        decision = decide(strategy, candles)
    for line in decision.logs:
        print(line)  # noqa: T201 - the log of the run
    return {
        "action": None if decision.action is None else decision.action.value,
        "price": str(decision.price),
        "stop_loss": _text(decision.stop_loss),
        "take_profits": [[str(rung.price), str(rung.share)] for rung in decision.take_profits],
        "confidence": _text(decision.confidence),
        "atr": _text(decision.atr),
        "metadata": dict(decision.metadata),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _columns(strategy: Strategy[Any], candles: Candles, decided: Callable[[Strategy[Any], Candles], Signals]) -> dict[str, Any]:
    with errors_of(FILE):
        signals = decided(strategy, candles)
    found = signals.float_columns()
    names = [name for name in SIGNAL_COLUMNS if name in found]
    packed = (signals.side.tobytes(), *(found[name].astype("<f8").tobytes() for name in names))
    return {
        "columns": encode_columns(len(signals), packed),
        "names": names,
        "shares": [float(target.share) for target in signals.targets],
    }


def _check(request: Request, strategy: Strategy[Any], candles: Candles) -> dict[str, Any]:
    rows = request.max_rows or 1
    with errors_of(FILE):
        whole = evaluate(strategy, candles)
        milliseconds = _decision_ms(strategy, candles)  # first, since slow decisions could not all be repeated in the run's time
        if milliseconds > DECISION_MS:
            message = f"a decision takes {milliseconds:.0f} ms of the processor, at most {DECISION_MS}: compute whole columns"
            raise StrategyError("STRATEGY_TOO_SLOW", message)
        _require_repeatable(strategy, candles, whole)
        for live_window in (False, True):
            found = first_difference(strategy, candles, live_window=live_window, max_rows=rows)
            if found is not None:
                raise found
        _require_unseen(request, strategy, candles, whole)
    return {
        "rows": len(candles),
        "rows_checked": min(rows, len(candles) - strategy.lookback + 1),
        "decision_ms": milliseconds,
        "digest": _digest(whole),
    }


def _require_repeatable(strategy: Strategy[Any], candles: Candles, whole: Signals) -> None:
    """The same candles give the same answer, again and to a fresh instance."""
    for asked in (strategy, type(strategy)(strategy.parameters)):
        row = first_unequal(whole, evaluate(asked, candles))
        if row is not None:
            message = f"another answer to the same candles at row {row}: no clock, no randomness, nothing kept between calls"
            raise StrategyError("STRATEGY_NOT_DETERMINISTIC", message, row=row)


def _require_unseen(request: Request, strategy: Strategy[Any], candles: Candles, whole: Signals) -> None:
    """Rows with a signal are decided alike by the source run anew, which has seen no later row: a cache would know it."""
    acting = np.flatnonzero(whole.side != Side.HOLD)
    for row in np.unique(acting[np.linspace(0, len(acting) - 1, min(UNSEEN_ROWS, len(acting))).astype(np.int64)]):
        fresh = _class(request).with_parameters(strategy.parameters.to_mapping())
        found = difference_at(fresh, whole, candles, int(row), live_window=False)
        if found is not None:
            raise StrategyError(found.code, f"{found.message}: the source keeps rows between calls", row=found.row)


def _decision_ms(strategy: Strategy[Any], candles: Candles) -> float:
    window = candles.last(strategy.lookback)
    spent = []
    for _ in range(DECISIONS):
        start = time.thread_time()  # the clock of the process stands between ticks where its time is limited
        decide(strategy, window)
        spent.append(1000 * (time.thread_time() - start))
    return round(min(spent), 3)


def _digest(signals: Signals) -> str:
    """SHA-256 over all rows' decisions: the sides, then each column by its name, with one NaN and one zero."""
    found = hashlib.sha256(signals.side.tobytes())
    for name, column in sorted(signals.float_columns().items()):
        plain = np.where(np.isnan(column), np.nan, column + 0.0)
        found.update(name.encode() + b"\0" + plain.astype("<f8").tobytes())
    return found.hexdigest()


def _of_domain(error: DomainError) -> dict[str, Any]:
    cause = error.__cause__
    if isinstance(cause, MemoryError):
        return _error(SANDBOX_MEMORY, f"{FILE}: out of memory", getattr(error, "line", None))
    code = error.code if error.code in CODES else "STRATEGY_FAILED"
    if isinstance(cause, OSError) and cause.errno in DENIALS:
        code = SANDBOX_FORBIDDEN
    elif isinstance(cause, ImportError):
        code = "STRATEGY_FILE_INVALID"
    line = getattr(error, "line", None) or line_in(error, FILE)
    return _error(code, error.message, line, getattr(error, "row", None))


def _of_stranger(error: BaseException) -> dict[str, Any]:
    """Errors that never went through the source's frames, and those that are no `Exception`."""
    line = line_in(error, FILE)
    if isinstance(error, OSError) and error.errno in DENIALS:
        return _error(SANDBOX_FORBIDDEN, f"{FILE}:{line or 1}: {type(error).__name__}", line)
    return _error("STRATEGY_FAILED", f"{FILE}:{line or 1}: {type(error).__name__}: {_shown(error)}", line)


def _shown(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # the text of a stranger's error is the stranger's code
        return ""


def _error(code: str, message: str, line: int | None = None, row: int | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": one_line(message)[:MAX_MESSAGE_CHARACTERS], "line": line, "row": row}}
