"""Signals as numpy columns: the whole answer of a strategy, one row a candle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from candlecast.domain.signals.signal import MAX_METADATA_ENTRIES, MAX_TAKE_PROFITS
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES
from candlecast.strategy.candles import Flags, Floats
from candlecast.strategy.errors import StrategyError

MAX_METADATA_NAME_CHARACTERS = 64  # a word or two; name and value together must fit an entry of a signal


class Side(IntEnum):
    """Code of a row in `Signals.side` (int8)."""

    EXIT_SHORT = -2
    SHORT = -1
    HOLD = 0
    LONG = 1
    EXIT_LONG = 2


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One rung of the take-profit ladder: close `share` of the position (0 < share <= 1) at the row's `price`; NaN is no rung."""

    price: Floats
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """The decisions of a strategy for every row.

    `side` holds `Side` codes. The float columns are optional and NaN where a row has no value. `price` is the reference price
    (none: the close); `stop_loss` and `targets` count on rows with an entry. `confidence` lies in [0, 1]. `metadata` are named
    columns that explain the decision; the last row's values travel with a live signal. `logs` are capped, not refused. Raises
    `StrategyError` SIGNALS_MALFORMED.
    """

    side: NDArray[np.int8]
    price: Floats | None = None
    stop_loss: Floats | None = None
    targets: tuple[Target, ...] = ()
    confidence: Floats | None = None
    metadata: Mapping[str, Floats] = field(default_factory=dict)
    logs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.side.ndim != 1 or self.side.dtype != np.int8:
            raise StrategyError("SIGNALS_MALFORMED", "side must be one int8 column")
        if not bool(np.all(np.abs(self.side) <= Side.EXIT_LONG)):
            raise StrategyError("SIGNALS_MALFORMED", "side holds a code that is no Side")
        for name, column in self.float_columns().items():
            if column.shape != self.side.shape or column.dtype != np.float64:
                raise StrategyError("SIGNALS_MALFORMED", f"{name} must be a float64 column as long as side")
        self._check_targets()
        if self.confidence is not None and bool(np.any((self.confidence < 0) | (self.confidence > 1))):
            raise StrategyError("SIGNALS_MALFORMED", "confidence must lie between 0 and 1")
        if len(self.metadata) > MAX_METADATA_ENTRIES:
            raise StrategyError("SIGNALS_MALFORMED", f"metadata has over {MAX_METADATA_ENTRIES} columns")
        if any(len(name) > MAX_METADATA_NAME_CHARACTERS for name in self.metadata):
            raise StrategyError("SIGNALS_MALFORMED", f"a name of metadata has over {MAX_METADATA_NAME_CHARACTERS} characters")
        object.__setattr__(self, "logs", _capped(self.logs))

    @classmethod
    def from_conditions(
        cls,
        *,
        long: Flags,
        short: Flags,
        exit_long: Flags | None = None,
        exit_short: Flags | None = None,
        price: Floats | None = None,
        stop_loss: Floats | None = None,
        targets: tuple[Target, ...] = (),
        confidence: Floats | None = None,
        metadata: Mapping[str, Floats] | None = None,
        logs: tuple[str, ...] = (),
    ) -> Signals:
        """Make the side column from boolean columns.

        An entry outweighs an exit in the same row (LONG closes a short by itself). A row that asks for both entries, or for both
        exits and no entry, contradicts itself and is HOLD.
        """
        side = long.astype(np.int8) - short.astype(np.int8)
        if exit_long is not None:
            leaves = exit_long if exit_short is None else exit_long & ~exit_short
            side[leaves & ~(long | short)] = Side.EXIT_LONG
        if exit_short is not None:
            leaves = exit_short if exit_long is None else exit_short & ~exit_long
            side[leaves & ~(long | short)] = Side.EXIT_SHORT
        return cls(
            side=side,
            price=price,
            stop_loss=stop_loss,
            targets=targets,
            confidence=confidence,
            metadata=metadata or {},
            logs=logs,
        )

    def __len__(self) -> int:
        return len(self.side)

    def float_columns(self) -> dict[str, Floats]:
        """Every float column by name, those of the ladder as `target 1`, `target 2` and metadata as `metadata <name>`."""
        columns = {"price": self.price, "stop_loss": self.stop_loss, "confidence": self.confidence}
        columns |= {f"target {number}": target.price for number, target in enumerate(self.targets, start=1)}
        columns |= {f"metadata {name}": column for name, column in self.metadata.items()}
        return {name: column for name, column in columns.items() if column is not None}

    def _check_targets(self) -> None:
        if len(self.targets) > MAX_TAKE_PROFITS:
            raise StrategyError("SIGNALS_MALFORMED", f"at most {MAX_TAKE_PROFITS} targets")
        shares = [target.share for target in self.targets]
        if not all(0 < share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise StrategyError("SIGNALS_MALFORMED", "shares of targets must be above 0 and add up to at most 1")


def _capped(lines: tuple[str, ...]) -> tuple[str, ...]:
    kept = tuple(line[:MAX_LOG_CHARACTERS] for line in lines[:MAX_LOG_LINES])
    dropped = len(lines) - len(kept)
    return (*kept[:-1], f"{dropped + 1} more lines were dropped") if dropped else kept
