"""Check uploaded code before it is kept: on real candles of its market, in the sandbox of its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.market.candle import Candle, check_contiguous
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import CodeRefused, Reject
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.ports.sandbox import OwnedCode, Sandbox
from candlecast.ports.venue import MarketData

CANDLES = 3_000  # two requests: the longest lookback, and as many decisions
CANDLES_OF_A_REQUEST = MAX_LOOKBACK  # the most that a venue serves in one
MIN_DECISIONS = 100  # on fewer candles a look-ahead of some rows would hardly show
CHECKED_ROWS = 60  # each is decided twice more; half of them are rows with a signal
PROCESSES = 2  # two that differ show chance, time or an address of memory in the decisions
UNAVAILABLE = "VALIDATOR_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class CheckCode:
    """`ports.code_checks.CodeChecks`: an inspection, then the same check in two processes."""

    sandbox: Sandbox
    market_data: MarketData
    clock: Clock

    def check(self, upload: CodeUpload) -> CheckedCode:
        """The description of code that has passed.

        Raises `CodeRefused` with line, row and the close of the row's candle where they show the fault: the sandbox's codes,
        HISTORY_TOO_SHORT, STRATEGY_NOT_DETERMINISTIC, UNKNOWN_MARKET. Raises `RetryLater` if venue or sandbox do not answer.
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
        found: list[Candle] = []
        try:
            while len(found) < CANDLES:
                count = min(CANDLES_OF_A_REQUEST, CANDLES - len(found))
                part = list(self.market_data.candles(upload.venue, upload.market, timeframe, until, count))
                found[:0] = [candle for candle in part if candle.close_time(timeframe) <= until]
                if len(part) < count:
                    break
                until = found[0].open_time
        except Reject as error:
            raise CodeRefused(error.code, error.message) from None
        gaps = check_contiguous(found, timeframe)
        return found if not gaps else [candle for candle in found if candle.open_time >= gaps[-1].before]


def _with_close(error: CodeRefused, candles: Sequence[Candle], timeframe: Timeframe) -> CodeRefused:
    close = candles[error.row].close_time(timeframe) if error.row is not None and error.row < len(candles) else None
    return CodeRefused(error.code, error.message, line=error.line, row=error.row, candle_close=close)
