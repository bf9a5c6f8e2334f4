"""The steps of a clock's invocation: a step that fails keeps no other step from running."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from candlecast.domain.values.firing import FiringRefused
from candlecast.runtime.failures import described
from candlecast.runtime.observe import logger


class ClockSteps:
    """Run each step by itself, and raise the first failure at the end.

    A refused firing is no failure: the handler answers it at once.
    """

    def __init__(self) -> None:
        self._first: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __call__[T](self, name: str, step: Callable[[], T]) -> T | None:
        """The answer of the step, or None if the step failed."""
        try:
            return step()
        except FiringRefused:
            raise
        except Exception as error:  # the boundary of a step: any failure is this step's alone
            logger.error("step failed", extra=described(error) | {"step": name})
            self._first = self._first or error
            return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._first is not None and error is None:
            raise self._first
