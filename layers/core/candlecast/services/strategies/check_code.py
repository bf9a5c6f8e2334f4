"""Check uploaded code before it is kept: on real candles of its market, in the sandbox of its owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from candlecast.domain.market.candle import Candle
from candlecast.domain.market.history import KnownCandles, Series, Span
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import CodeRefused, Reject
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.ports.sandbox import OwnedCode, Sandbox

CANDLES = 2 * MAX_LOOKBACK  # the longest lookback, and as many decisions
MIN_DECISIONS = 100  # on fewer candles a look-ahead of some rows would hardly show
CHECKED_ROWS = 60  # each is decided twice more; half of them are rows with a signal
PROCESSES = 2  # two that differ show chance, time or an address of memory in the decisions
UNAVAILABLE = "VALIDATOR_UNAVAILABLE"

CandleReader = Callable[[Series, Span], KnownCandles]
"""The closed candles of a span, with their gaps: `services.market.read_history.ReadHistory`."""


@dataclass(frozen=True, slots=True)
class CheckCode:
    """`ports.code_checks.CodeChecks`: an inspection, then the same check in two processes."""

    sandbox: Sandbox
    read: CandleReader
    clock: Clock

    def check(self, upload: CodeUpload) -> CheckedCode:
        """The description of code that has passed.

        Raises `CodeRefused` with line, row and the close of the row's candle where they show the fault: the sandbox's codes,
        HISTORY_TOO_SHORT, STRATEGY_NOT_DETERMINISTIC, UNKNOWN_MARKET. Raises `RetryLater` if venue, store or sandbox do not
        answer.
        """
        code = OwnedCode(owner=upload.owner, source=upload.source, parameters=upload.parameters)
        described = self.sandbox.inspect(code)
        candles = self._candles(upload)
        if len(candles) < described.lookback + MIN_DECISIONS:
            message = f"the code looks back {described.lookback} candles and is tried on {MIN_DECISIONS} decisions at least"
            raise CodeRefused("HISTORY_TOO_SHORT", f"{message}; the market has {len(candles)} candles without a gap")
        try:
            digests = self.sandbox.decide_all(code, candles, processes=PROCESSES, rows=CHECKED_ROWS)
        except CodeRefused as error:
            raise _with_close(error, candles, upload.timeframe) from None
        if len(set(digests)) > 1:
            message = "the same candles have given other decisions in another process: no chance, no time, no order of a set"
            raise CodeRefused("STRATEGY_NOT_DETERMINISTIC", message)
        return described

    def _candles(self, upload: CodeUpload) -> Sequence[Candle]:
        """The newest candles without a gap, up to the close before the last one: a venue may still publish the last."""
        timeframe = upload.timeframe
        until = timeframe.floor(self.clock.now()) - timeframe.length
        series = Series(venue=upload.venue, market=upload.market, timeframe=timeframe)
        try:
            known = self.read(series, Span(until - timeframe.length * CANDLES, until))
        except Reject as error:
            raise CodeRefused(error.code, error.message) from None
        if not known.gaps:
            return known.candles
        return [candle for candle in known.candles if candle.open_time >= known.gaps[-1].before]


def _with_close(error: CodeRefused, candles: Sequence[Candle], timeframe: Timeframe) -> CodeRefused:
    close = candles[error.row].close_time(timeframe) if error.row is not None and error.row < len(candles) else None
    return CodeRefused(error.code, error.message, line=error.line, row=error.row, candle_close=close)
