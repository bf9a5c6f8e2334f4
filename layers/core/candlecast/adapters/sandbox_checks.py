"""Checks of strangers' code in the sandbox of its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from candlecast.adapters.aws.sandbox_function import SandboxFunction, SandboxRun
from candlecast.domain.market.candle import Candle
from candlecast.domain.values.errors import CodeRefused, Reject, RetryLater
from candlecast.ports.code_checks import CheckedCode
from candlecast.ports.sandbox import OwnedCode
from candlecast.sandbox.protocol import Checked, Inspected, Job, Request, SandboxRefusal, encode_candles

# The API waits for both and for the candles, and has 29 s itself.
INSPECT_SECONDS = 4.0
CHECK_SECONDS = 12.0


class SandboxChecks:
    """`ports.sandbox.Sandbox`."""

    def __init__(self, sandbox: SandboxFunction) -> None:
        self._sandbox = sandbox

    def inspect(self, code: OwnedCode) -> CheckedCode:
        request = Request(job=Job.INSPECT, source=code.source, parameters=code.parameters, seconds=INSPECT_SECONDS)
        (found,) = self._results([SandboxRun(owner=code.owner, request=request)])
        described: Inspected = found
        return CheckedCode(
            parameters=described.parameters, parameter_schema=described.parameter_schema, lookback=described.lookback
        )

    def decide_all(self, code: OwnedCode, candles: Sequence[Candle], *, processes: int, rows: int) -> Sequence[str]:
        request = Request(
            job=Job.CHECK,
            source=code.source,
            parameters=code.parameters,
            columns=encode_candles(candles),
            seconds=CHECK_SECONDS,
            max_rows=rows,
        )
        found: list[Checked] = self._results([SandboxRun(owner=code.owner, request=request)] * processes)
        return [checked.digest for checked in found]

    def _results(self, runs: Sequence[SandboxRun]) -> list[Any]:
        """The results of all runs; raises the first refusal, and `RetryLater` only without one."""
        told = self._sandbox.run(runs)
        errors = [each for each in told if isinstance(each, Reject)] + [each for each in told if isinstance(each, RetryLater)]
        for error in errors:
            raise _refused(error) if isinstance(error, SandboxRefusal) else error
        return [each.result for each in told if not isinstance(each, Reject | RetryLater)]


def _refused(refusal: SandboxRefusal) -> CodeRefused:
    return CodeRefused(refusal.code, refusal.message, line=refusal.line, row=refusal.row)
