"""A strategy by its built-in name or from its author's file, and its parameters as words of a command line.

A file is the author's own code on the author's own machine, so the file is simply run: nothing here confines it. Live, the code
runs where its account can do no harm. Errors of the code are told with file and line and a stable code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from candlecast.strategy import Strategy, StrategyError
from candlecast.strategy.parameters import JSON_TYPES
from candlecast.strategy.registry import available, load_strategy
from candlecast.strategy.source import class_of, errors_of, run_source

SUFFIX = ".py"
MAX_FILE_BYTES = 1_000_000  # a strategy is a page; a larger file is something else by mistake
MAX_SHOWN = 60  # characters of a wrong word that a message repeats
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
FLAGS = {"true": True, "false": False}

type Value = int | float | bool | str


def load_author_strategy(text: str, parameters: Sequence[str] = ()) -> Strategy[Any]:
    """Make the strategy that `text` names (`strategy_class`) with words `name=value`; other parameters keep their defaults.

    Raises what `strategy_class` and `parameter_values` raise, and `StrategyError` PARAMETER_INVALID or LOOKBACK_TOO_LONG for
    values that are out of bounds or do not go together.
    """
    strategy = strategy_class(text)
    values = parameter_values(strategy, parameters)
    with author_errors(strategy):
        return strategy.with_parameters(values)


def strategy_class(text: str) -> type[Strategy[Any]]:
    """Find a built-in by its name, or run a .py file that defines exactly one class that extends `Strategy`.

    A word with a folder or with the ending .py is a file; imported classes do not count as the file's own. A file is read anew at
    each call. Raises `StrategyError` STRATEGY_UNKNOWN for a name or file that does not exist. STRATEGY_FILE_INVALID is for a file
    that cannot be run, or that has no class or several.
    """
    path = Path(text)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        return _class_of_file(path)
    try:
        return load_strategy(text)
    except StrategyError as error:
        if error.code not in ("STRATEGY_UNKNOWN", "STRATEGY_NAME_INVALID"):
            raise
        file = path.with_name(path.name + SUFFIX) if path.name else path
        hint = f"did you mean the file {file}?" if file.is_file() else f"known are {', '.join(available()) or 'none'}"
        message = f"there is no built-in strategy {_shown(text)}: {hint}"
        raise StrategyError("STRATEGY_UNKNOWN", message) from error


def source_file(strategy: type[Strategy[Any]]) -> Path:
    """The file that defines a strategy's class."""
    return Path(str(sys.modules[strategy.__module__].__file__))


def parameter_values(strategy: type[Strategy[Any]], words: Sequence[str]) -> dict[str, Value]:
    """Read words `name=value` by the types of the strategy's parameters; bounds are checked when a strategy is made of them.

    Raises `StrategyError` PARAMETER_UNKNOWN, and PARAMETER_INVALID for another form, a value of another type, a name given twice.
    """
    values: dict[str, Value] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise StrategyError("PARAMETER_INVALID", f"a parameter reads name=value, not {_shown(word)}")
        if name in values:
            raise StrategyError("PARAMETER_INVALID", f"{name} is given twice")
        values[name] = parameter_value(strategy, name, text.strip())
    return values


def parameter_value(strategy: type[Strategy[Any]], name: str, text: str) -> Value:
    """Read the value of one parameter by its type: an integer, a number, true or false, or the text itself.

    Raises `StrategyError` PARAMETER_UNKNOWN or PARAMETER_INVALID.
    """
    kinds = get_type_hints(strategy.parameters_type)
    known = [declared.name for declared in fields(strategy.parameters_type)]
    if name not in known:
        message = f"{strategy.name} has no parameter {_shown(name)}: known are {', '.join(known) or 'none'}"
        raise StrategyError("PARAMETER_UNKNOWN", message)
    kind = kinds[name]
    if kind is int and WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if kind is float and NUMBER.fullmatch(text):
        return float(text)
    if kind is bool and text.lower() in FLAGS:
        return FLAGS[text.lower()]
    if kind is str:
        return text
    raise StrategyError("PARAMETER_INVALID", f"{name} must be {JSON_TYPES.get(kind, kind)}, not {_shown(text)}")


@contextmanager
def author_errors(strategy: type[Strategy[Any]]) -> Iterator[None]:
    """Tell errors of the strategy's own code as `errors_of` of its file does."""
    with errors_of(str(source_file(strategy))):
        yield


def _class_of_file(path: Path) -> type[Strategy[Any]]:
    source, file = _read(path), str(path.resolve())
    return class_of(run_source(source, file, f"author_strategy:{file}"))


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise StrategyError("STRATEGY_UNKNOWN", f"there is no file {_shown(str(path))}")
    if path.suffix != SUFFIX:
        raise StrategyError("STRATEGY_FILE_INVALID", f"{path.name}: a strategy file ends with {SUFFIX}")
    try:
        with path.open("rb") as file:
            source = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StrategyError("STRATEGY_FILE_INVALID", f"{path.name}: {error.strerror}") from error
    if len(source) > MAX_FILE_BYTES:
        raise StrategyError("STRATEGY_FILE_INVALID", f"{path.name}: over {MAX_FILE_BYTES} bytes")
    return source


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
