"""The one error of strategies, so that an execution record can hold its stable code as the reason."""

from __future__ import annotations

from candlecast.domain.values.errors import DomainError


class StrategyError(DomainError):
    """A strategy, its parameters, its input or its answer breaks a rule; `code` says which.

    STRATEGY_UNKNOWN, STRATEGY_NAME_INVALID, STRATEGY_INVALID, STRATEGY_FILE_INVALID, STRATEGY_FAILED,
    PARAMETER_UNKNOWN, PARAMETER_INVALID, LOOKBACK_TOO_LONG, HISTORY_TOO_SHORT, CANDLES_MALFORMED, SIGNALS_MALFORMED,
    LEVEL_INVALID, LOOK_AHEAD, LOOKBACK_TOO_SHORT, TIMEFRAME_UNKNOWN, TIMEFRAME_NOT_A_MULTIPLE, TIMEFRAME_MISMATCH.

    `row` is the row of the candles that shows the fault, where one row does; `line` is of the author's source.
    """

    def __init__(self, code: str, message: str = "", *, row: int | None = None, line: int | None = None) -> None:
        super().__init__(code, message)
        self.row = row
        self.line = line
