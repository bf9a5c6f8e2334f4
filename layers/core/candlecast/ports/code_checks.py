"""Checks of code before the code is kept: the upload as it comes, and the description that a check gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.values.timeframe import Timeframe

type Parameters = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUpload:
    """Code that a tenant brings, with where it is to run."""

    source: str
    """Text of the file, at most `MAX_SOURCE_BYTES` of UTF-8."""
    parameters: Parameters
    """The parameters that differ from their defaults, or all of them."""
    owner: str
    """The tenant in whose sandbox the code runs."""
    venue: str
    market: str
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class CodeHint:
    """A line that may not do what its author hopes for."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCode:
    """The description of code that has passed, as the code gives it."""

    parameters: Parameters
    """Every parameter with its value, defaults included."""
    parameter_schema: Mapping[str, Any]
    """JSON Schema of the parameters."""
    lookback: int
    """Candles that a decision gets."""
    hints: tuple[CodeHint, ...] = ()


class CodeChecks(Protocol):
    """Checks uploaded code; nothing of it runs outside of its owner's sandbox."""

    def check(self, upload: CodeUpload) -> CheckedCode:
        """Run the code on real closed candles of its market.

        Raises `CodeRefused` with the reason and its place, `RetryLater` (VALIDATOR_UNAVAILABLE).
        """
        ...


class BuiltInCode(Protocol):
    """Code of this deployment, which needs no check."""

    def inspect(self, definition: StrategyDefinition) -> CheckedCode:
        """The description that the definition's code gives of itself; raises `Reject` for invalid parameters."""
        ...

    def version(self, definition: StrategyDefinition) -> str:
        """Version of code and parameters (`domain/strategies/version.py`); raises `Reject` as `inspect` does."""
        ...
