"""The refusals of the sandbox, and the only codes that an answer may carry."""

from __future__ import annotations

from collections.abc import Mapping

from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS
from candlecast.domain.values.errors import Reject

SANDBOX_TIMEOUT = "SANDBOX_TIMEOUT"  # over its seconds, by the clock or by the processor
SANDBOX_MEMORY = "SANDBOX_MEMORY"
SANDBOX_FORBIDDEN = "SANDBOX_FORBIDDEN"  # asked the kernel for something that a computation does not need
SANDBOX_CRASHED = "SANDBOX_CRASHED"  # ended by a signal, or without an answer
SANDBOX_RESULT_INVALID = "SANDBOX_RESULT_INVALID"
SANDBOX_RESULT_TOO_LARGE = "SANDBOX_RESULT_TOO_LARGE"
SANDBOX_REQUEST_INVALID = "SANDBOX_REQUEST_INVALID"

FROM_SANDBOX = frozenset(
    {
        SANDBOX_TIMEOUT,
        SANDBOX_MEMORY,
        SANDBOX_FORBIDDEN,
        SANDBOX_CRASHED,
        SANDBOX_RESULT_INVALID,
        SANDBOX_RESULT_TOO_LARGE,
        SANDBOX_REQUEST_INVALID,
    }
)
# Those of `StrategyError` that a text and candles can bring about, and the two that only a check finds.
FROM_STRATEGY = frozenset(
    {
        "STRATEGY_INVALID",
        "STRATEGY_FILE_INVALID",
        "STRATEGY_FAILED",
        "STRATEGY_NOT_DETERMINISTIC",
        "STRATEGY_TOO_SLOW",
        "PARAMETER_UNKNOWN",
        "PARAMETER_INVALID",
        "LOOKBACK_TOO_LONG",
        "HISTORY_TOO_SHORT",
        "CANDLES_MALFORMED",
        "SIGNALS_MALFORMED",
        "LEVEL_INVALID",
        "LOOK_AHEAD",
        "LOOKBACK_TOO_SHORT",
        "TIMEFRAME_UNKNOWN",
        "TIMEFRAME_NOT_A_MULTIPLE",
        "TIMEFRAME_MISMATCH",
    }
)
CODES = FROM_SANDBOX | FROM_STRATEGY


class SandboxRefusal(Reject):
    """A run that gave no result. `line` is a line of the source, `row` a row of the columns, where one shows the fault.

    `logs` are the lines that the code had written, `layers` the locks that held; both are empty if nothing ran.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        line: int | None = None,
        row: int | None = None,
        logs: tuple[str, ...] = (),
        layers: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.line = line
        self.row = row
        self.logs = logs
        self.layers = dict(layers or {})


def one_line(text: str) -> str:
    """A stranger's text as it may stand in a log or a message: printable characters of one line, at most `MAX_LOG_CHARACTERS`."""
    return "".join(it if it.isprintable() else "?" for it in text[:MAX_LOG_CHARACTERS])
