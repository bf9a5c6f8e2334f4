"""From columns to one decision (live) or to all rows (backtest), by the same evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.strategy import indicators
from candlecast.strategy.base import ATR_PERIOD, Strategy
from candlecast.strategy.candles import Candles, Floats, Integers
from candlecast.strategy.errors import StrategyError
from candlecast.strategy.parameters import Parameters
from candlecast.strategy.signals import Side, Signals, Target

METADATA = "metadata "  # before the names of such columns, in `Signals.float_columns`
METADATA_DIGITS = 10  # for people; the noise of float64 begins at the sixteenth


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision for the newest candle.

    `action` None is HOLD. Prices are Decimals in quote units, exactly the float's shortest text. `price` is the strategy's
    reference price, or the close. `stop_loss` and `take_profits` belong to entries. `atr` is Wilder's ATR(14) in quote units,
    None in a market that did not move at all. `candle_open_ms` is the open of the newest candle.
    """

    action: Action | None
    price: Decimal
    candle_open_ms: int
    stop_loss: Decimal | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    confidence: Decimal | None = None
    atr: Decimal | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()


def decide[P: Parameters](strategy: Strategy[P], candles: Candles) -> Decision:
    """Decide the newest candle, from the newest `strategy.lookback` candles alone.

    Raises `StrategyError` HISTORY_TOO_SHORT if there are fewer, SIGNALS_MALFORMED or LEVEL_INVALID if the strategy's answer can
    not be traded. Errors of the strategy's own code pass through.
    """
    if len(candles) < strategy.lookback:
        raise StrategyError("HISTORY_TOO_SHORT", f"{strategy.name} needs {strategy.lookback} candles, got {len(candles)}")
    window = candles.last(strategy.lookback)
    signals = _answer(strategy, window)
    last = len(window) - 1
    _check_levels(signals, window, last)
    return replace(decision_at(signals, window, last), atr=_atr(window), logs=signals.logs)


def decision_at(signals: Signals, candles: Candles, row: int) -> Decision:
    """The decision of one row of checked signals, without the ATR, which depends on the history before it, and without logs."""
    side = Side(int(signals.side[row]))
    is_entry = side in (Side.LONG, Side.SHORT)
    reference = _at(signals.price, row)
    return Decision(
        action=None if side is Side.HOLD else Action[side.name],
        price=_decimal(float(candles.close[row])) if reference is None else reference,
        candle_open_ms=int(candles.time[row]),
        stop_loss=_at(signals.stop_loss, row) if is_entry else None,
        take_profits=_ladder(signals, row) if is_entry else (),
        confidence=_at(signals.confidence, row),
        metadata={name: f"{column[row]:.{METADATA_DIGITS}g}" for name, column in signals.metadata.items()},
    )


def evaluate[P: Parameters](strategy: Strategy[P], candles: Candles) -> Signals:
    """Decide every row: what `decide` would have said at each candle.

    Rows that have less than the lookback behind them are HOLD, because a live run would refuse them. Raises like `decide`, for
    the first row that can not be traded.
    """
    signals = _answer(strategy, candles)
    side = signals.side.copy()
    side[: strategy.lookback - 1] = Side.HOLD
    masked = replace(signals, side=side)
    _check_levels(masked, candles, 0)
    return masked


def decide_rows[P: Parameters](strategy: Strategy[P], candles: Candles) -> Signals:
    """Decide every row from its own lookback alone, as live does; rows with less behind them are HOLD. Metadata is left out.

    Each window lies in memory of its own, so no later row can be reached. Raises like `decide`, with the row. SIGNALS_MALFORMED
    too if two ladders divide a position otherwise: the shares of a ladder are those of all rows. An entry may have no ladder.
    """
    rows = _Rows(len(candles))
    for row in range(strategy.lookback - 1, len(candles)):
        window = candles.rows(row + 1 - strategy.lookback, row + 1).apart()
        signals = _answer(strategy, window)
        try:
            _check_levels(signals, window, len(window) - 1)
            rows.take(row, signals)
        except StrategyError as error:
            raise StrategyError(error.code, error.message, row=row) from error
    return rows.signals()


class _Rows:
    """The last rows of many answers, as one answer."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._side = np.zeros(count, dtype=np.int8)
        self._columns: dict[str, Floats] = {}
        self._shares: tuple[float, ...] | None = None

    def take(self, row: int, signals: Signals) -> None:
        """Take the last row of an answer; a row that holds has a side and nothing else."""
        side = signals.side[-1]
        if side == Side.HOLD:
            return
        self._side[row] = side
        if abs(side) == Side.LONG:
            self._require_shares(tuple(target.share for target in signals.targets))
        for name, column in signals.float_columns().items():
            if not name.startswith(METADATA):
                self._columns.setdefault(name, np.full(self._count, np.nan))[row] = column[-1]

    def _require_shares(self, shares: tuple[float, ...]) -> None:
        if not shares:  # without targets, as live has it: the row has no rung
            return
        if self._shares is None:
            self._shares = shares
        elif self._shares != shares:
            message = f"targets take {list(shares)} of the position here, and {list(self._shares)} at an earlier entry"
            raise StrategyError("SIGNALS_MALFORMED", message)

    def signals(self) -> Signals:
        columns, none = self._columns, np.full(self._count, np.nan)
        return Signals(
            side=self._side,
            price=columns.get("price"),
            stop_loss=columns.get("stop_loss"),
            confidence=columns.get("confidence"),
            targets=tuple(
                Target(columns.get(f"target {number}", none), share) for number, share in enumerate(self._shares or (), start=1)
            ),
        )


def _answer[P: Parameters](strategy: Strategy[P], candles: Candles) -> Signals:
    signals = strategy.signals(candles)
    if not isinstance(signals, Signals):
        raise StrategyError("SIGNALS_MALFORMED", f"{strategy.name} returned {type(signals).__name__}, not Signals")
    if len(signals) != len(candles):
        raise StrategyError("SIGNALS_MALFORMED", f"{strategy.name} returned {len(signals)} rows for {len(candles)} candles")
    return signals


def _check_levels(signals: Signals, candles: Candles, first: int) -> None:
    """Refuse, from row `first` on, a signal whose price is none, or an entry with a level on the wrong side of its price."""
    acting = first + np.flatnonzero(signals.side[first:] != Side.HOLD)
    if signals.price is not None:
        given = signals.price[acting]
        _refuse(acting[np.isinf(given) | (given <= 0)], candles, "price must be finite and above zero")
    entries = acting[np.abs(signals.side[acting]) == Side.LONG]
    direction, reference = signals.side[entries], candles.close[entries]
    if signals.price is not None:
        given = signals.price[entries]
        reference = np.where(np.isnan(given), reference, given)
    for number, target in enumerate(signals.targets, start=1):
        level = target.price[entries]
        wrong = np.isinf(level) | (level <= 0) | ((level - reference) * direction <= 0)
        _refuse(entries[wrong], candles, f"target {number} must be a price on the winning side")
    if signals.stop_loss is not None:
        level = signals.stop_loss[entries]
        wrong = np.isinf(level) | (level <= 0) | ((level - reference) * direction >= 0)
        _refuse(entries[wrong], candles, "stop_loss must be a price on the losing side")


def _refuse(rows: Integers, candles: Candles, message: str) -> None:
    if len(rows):
        row = int(rows[0])
        raise StrategyError("LEVEL_INVALID", f"{message} (candle that opened at {int(candles.time[row])} ms)", row=row)


def _ladder(signals: Signals, row: int) -> tuple[TakeProfit, ...]:
    rungs = ((_at(target.price, row), _decimal(target.share)) for target in signals.targets)
    return tuple(TakeProfit(price, share) for price, share in rungs if price is not None)


def _atr(candles: Candles) -> Decimal | None:
    value = float(indicators.atr(candles.high, candles.low, candles.close, ATR_PERIOD)[-1])
    return _decimal(value) if value > 0 else None


def _at(column: Floats | None, row: int) -> Decimal | None:
    if column is None or np.isnan(column[row]):
        return None
    return _decimal(float(column[row]))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
