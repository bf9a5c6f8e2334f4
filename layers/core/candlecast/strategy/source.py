"""The text of a strategy as a module: run the text, find its one class, tell its errors with their lines.

Files of authors and the sandbox share this. Nothing here confines the text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from candlecast.domain.values.errors import DomainError
from candlecast.strategy.base import Strategy
from candlecast.strategy.errors import StrategyError


def run_source(source: bytes, file: str, module: str, builtins: Mapping[str, object] | None = None) -> ModuleType:
    """Run `source` as a new module of the given name; `file` is its name in tracebacks, and messages say the last part of it.

    `builtins` replace the usual names. Raises `StrategyError` STRATEGY_FILE_INVALID, or the code of an error with a code, with
    the line. No compiled copy is kept: a copy is told from its source by the second only.
    """
    made = ModuleType(module)
    made.__file__ = file
    if builtins is not None:
        vars(made)["__builtins__"] = dict(builtins)
    sys.modules[module] = made  # dataclasses look their module up
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(made))  # noqa: S102 - the author's own code
    except SyntaxError as error:
        line = error.lineno if error.filename in (None, file) else line_in(error, file)
        raise _refused("STRATEGY_FILE_INVALID", file, line, error.msg) from error
    except DomainError as error:
        raise _refused(error.code, file, line_in(error, file), error.message) from error
    except (Exception, SystemExit) as error:
        hint = " (a strategy is one file: put your own helpers into it)" if isinstance(error, ModuleNotFoundError) else ""
        raise _refused("STRATEGY_FILE_INVALID", file, line_in(error, file), f"{_told(error)}{hint}") from error
    return made


def class_of(module: ModuleType) -> type[Strategy[Any]]:
    """The one class of a module that extends `Strategy`; imported classes do not count as the module's own.

    Raises `StrategyError` STRATEGY_FILE_INVALID for none, for several, and for a class that leaves something undefined.
    """
    file = str(module.__file__)
    found = {
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Strategy) and member.__module__ == module.__name__
    }
    if len(found) == 1:
        (only,) = found
        if missing := ", ".join(sorted(only.__abstractmethods__)):
            raise _refused("STRATEGY_FILE_INVALID", file, _defined_at(only), f"{only.__name__} does not define {missing}")
        return only
    names = ", ".join(sorted(f"{it.__name__} (line {_defined_at(it)})" for it in found)) or "no class"
    message = f"{Path(file).name}: a strategy file defines exactly one class that extends Strategy, this one {names}"
    raise StrategyError("STRATEGY_FILE_INVALID", message)


@contextmanager
def errors_of(file: str) -> Iterator[None]:
    """Tell an error of the file's own code as `StrategyError` STRATEGY_FAILED, with file, line and the error's type.

    Errors with a stable code pass, and so do errors that never went through the file: these are ours.
    """
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        line = line_in(error, file)
        if line is None:
            raise
        raise _refused("STRATEGY_FAILED", file, line, _told(error)) from error


def line_in(error: BaseException, file: str) -> int | None:
    """The innermost line of a file that an error went through, or none."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else None


def _refused(code: str, file: str, line: int | None, message: str) -> StrategyError:
    return StrategyError(code, f"{Path(file).name}:{line or 1}: {message}", line=line or 1)


def _defined_at(found: type[Strategy[Any]]) -> int:
    return int(getattr(found, "__firstlineno__", 1))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
