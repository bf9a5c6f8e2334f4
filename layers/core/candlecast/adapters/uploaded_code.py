"""The uploaded code of a backtest, asked in its owner's sandbox: for all candles at once, or for each from its lookback alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from candlecast.adapters.aws.sandbox_function import SandboxFunction, SandboxRun
from candlecast.adapters.uploaded_strategies import owned_source, result_of
from candlecast.domain.backtests.sweep import Value
from candlecast.domain.market.candle import Candle
from candlecast.domain.values.errors import Reject
from candlecast.ports.backtests import Computation
from candlecast.ports.code_store import CodeStore
from candlecast.sandbox.protocol import (
    SANDBOX_RESULT_INVALID,
    SANDBOX_TIMEOUT,
    Inspected,
    Job,
    Request,
    SignalColumns,
    encode_candles,
)

RUN_SECONDS = 30.0  # the longest run that the sandbox makes
APART_ROWS = 5_000  # decided apart in one run: a decision of the built-in rules takes 0.2 ms, and 6 ms fit
FEWEST_APART_ROWS = 25  # the check of an upload takes decisions of a second
FEWER = 4  # so many times fewer rows after a run that took too long
WIDTH = 8  # bytes of a float64


class UploadedCode:
    """The code of a computation's strategy; each answer is read as hostile."""

    def __init__(self, code: CodeStore, sandbox: SandboxFunction, computation: Computation, source_hash: str) -> None:
        """Raises `Reject` for code that is gone, `RetryLater` if it cannot be had now."""
        self._sandbox = sandbox
        self._owner, self._source = owned_source(computation.strategy, source_hash, code.get)

    def inspected(self, parameters: Mapping[str, Value]) -> Inspected:
        """The description of the code with these parameters. Raises as `decided`."""
        told: Inspected = self._answer(Request(job=Job.INSPECT, source=self._source, parameters=parameters))
        return told

    def decided(self, parameters: Mapping[str, Value], candles: Sequence[Candle]) -> SignalColumns:
        """The decisions on all candles, in one run. Raises `Reject` with the sandbox's code, `RetryLater`."""
        told: SignalColumns = self._answer(self._request(Job.SIGNALS, parameters, candles))
        return told

    def decided_apart(
        self, parameters: Mapping[str, Value], lookback: int, candles: Sequence[Candle], watch: Callable[[], None]
    ) -> SignalColumns:
        """The decision on each candle from its lookback alone, as live has it, in runs of some thousand candles.

        Rows with less than the lookback behind them hold. A run that takes too long is made anew on fewer candles. `watch` is
        called before each run, and an error that it raises ends the work. Raises `Reject` with the sandbox's code, `RetryLater`.
        """
        first = min(lookback - 1, len(candles))
        parts = list(self._parts(parameters, lookback, candles, watch))
        return _joined(first, parts)

    def _parts(
        self, parameters: Mapping[str, Value], lookback: int, candles: Sequence[Candle], watch: Callable[[], None]
    ) -> Iterator[SignalColumns]:
        """The decisions from the first row with a lookback on, part by part."""
        row, rows = lookback - 1, APART_ROWS
        while row < len(candles):
            watch()
            window = candles[row - (lookback - 1) : row + rows]
            try:
                told: SignalColumns = self._answer(self._request(Job.DECISIONS, parameters, window))
            except Reject as error:
                if error.code != SANDBOX_TIMEOUT or rows <= FEWEST_APART_ROWS:
                    raise
                rows = max(FEWEST_APART_ROWS, rows // FEWER)
                continue
            if told.rows != len(window):
                raise Reject(SANDBOX_RESULT_INVALID, "the answer is not one decision for each candle")
            yield _from_row(told, lookback - 1)
            row += rows

    def _request(self, job: Job, parameters: Mapping[str, Value], candles: Sequence[Candle]) -> Request:
        packed = encode_candles(candles)
        return Request(job=job, source=self._source, parameters=parameters, columns=packed, seconds=RUN_SECONDS)

    def _answer(self, request: Request) -> Any:
        (told,) = self._sandbox.run([SandboxRun(owner=self._owner, request=request)])
        return result_of(told)


def _from_row(told: SignalColumns, row: int) -> SignalColumns:
    columns = {name: column[row * WIDTH :] for name, column in told.columns.items()}
    return SignalColumns(rows=told.rows - row, side=told.side[row:], columns=columns, shares=told.shares)


def _joined(first: int, parts: Sequence[SignalColumns]) -> SignalColumns:
    """`first` rows that hold, and the rows of the parts. A part without an entry has no shares; all others have the same."""
    shares = {part.shares for part in parts if part.shares}
    if len(shares) > 1:
        raise Reject("SIGNALS_MALFORMED", "targets take other shares of the position at some entries than at others")
    held = SignalColumns(rows=first, side=bytes(first), columns={}, shares=())
    names = sorted({name for part in parts for name in part.columns})
    return SignalColumns(
        rows=sum(part.rows for part in (held, *parts)),
        side=b"".join(part.side for part in (held, *parts)),
        columns={name: b"".join(part.columns.get(name, _none(part.rows)) for part in (held, *parts)) for name in names},
        shares=next(iter(shares), ()),
    )


def _none(rows: int) -> bytes:
    return np.full(rows, np.nan, dtype="<f8").tobytes()
