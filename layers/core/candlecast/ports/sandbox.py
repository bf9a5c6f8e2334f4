"""Strangers' code as the services see it: a text and its owner in, what the code says about itself out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from candlecast.domain.market.candle import Candle
from candlecast.ports.code_checks import CheckedCode, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedCode:
    """A text with the parameters that it is to run with, and the tenant in whose sandbox it runs."""

    owner: str
    source: str
    parameters: Parameters


class Sandbox(Protocol):
    """Runs strangers' code, and nothing else does."""

    def inspect(self, code: OwnedCode) -> CheckedCode:
        """The description that the code gives of itself; raises `CodeRefused`, `RetryLater` (SANDBOX_UNAVAILABLE)."""
        ...

    def decide_all(self, code: OwnedCode, candles: Sequence[Candle], *, processes: int, rows: int) -> Sequence[str]:
        """Digests of the decisions on all candles, from so many processes that know nothing of each other.

        Each process also looks for decisions that use later candles or more than their lookback, in `rows` of the candles.
        Raises `CodeRefused` with the row among the candles, `RetryLater` (SANDBOX_UNAVAILABLE).
        """
        ...
