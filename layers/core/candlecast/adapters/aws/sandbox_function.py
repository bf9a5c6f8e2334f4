"""Runs of strangers' code by way of the function that holds them: the only door to it.

One invocation is one run in the sandbox of the code's owner (`TenantId`), so no environment serves two owners. Code that broke
out of its process could forge the answer, so it is read as a stranger's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, aws_errors
from candlecast.adapters.lanes import side_by_side
from candlecast.domain.strategies.versions import MAX_VERSIONS_DUE
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.sandbox.protocol import (
    SANDBOX_CRASHED,
    SANDBOX_FORBIDDEN,
    SANDBOX_RESULT_INVALID,
    SANDBOX_RESULT_TOO_LARGE,
    SANDBOX_TIMEOUT,
    Answer,
    Request,
    SandboxRefusal,
    parse_answer,
)
from candlecast.sandbox.protocol.values import Malformed, loads

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "SANDBOX_UNAVAILABLE"
ANSWER_SECONDS = 12.0  # beyond the seconds of a run: a cold start, the process's own start, and its end
MAX_ANSWER_BYTES = 6 * 1024 * 1024  # what an invocation can answer
MILLISECOND = 1_000
# Of the locks, these two alone keep code from files, sockets and processes. The platform may refuse either.
KERNEL_LOCKS = ("seccomp", "landlock")
# Lambda names the ends of an invocation so (docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html), and a time-out in
# the message of older runtimes alone.
TIMED_OUT, TIMED_OUT_TEXT, RUNTIME_ENDED = "Sandbox.Timedout", "Task timed out", "Runtime."
# Honest code brings none of these about. The other refusals are errors of an author, or too much time and memory.
ATTACKS = frozenset({SANDBOX_FORBIDDEN, SANDBOX_CRASHED, SANDBOX_RESULT_INVALID})

type Told = Answer[Any] | Reject | RetryLater


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRun:
    """A request, and the tenant whose code it runs."""

    owner: str
    request: Request


class SandboxFunction:
    """Invokes the function; `client` makes one of `functions_client` that waits `ANSWER_SECONDS` longer than any run.

    At most `lanes` runs are under way at once.
    """

    def __init__(
        self,
        client: Callable[[], LambdaClient],
        function: str,
        clock: Clock,
        metrics: Metrics,
        lanes: int = MAX_VERSIONS_DUE,
    ) -> None:
        self._client = client
        self._lanes = lanes
        self._function = function
        self._clock = clock
        self._metrics = metrics

    def run(self, runs: Sequence[SandboxRun]) -> list[Told]:
        """Make the runs side by side; their outcomes in order.

        An outcome is an answer, `SandboxRefusal`, or `RetryLater` (SANDBOX_UNAVAILABLE) if the function is throttled or fails.
        """
        if not runs:
            return []
        client = self._client()  # made in this thread, and shared by the lanes
        timed = side_by_side(lambda run: self._timed(client, run), runs, self._lanes)
        for told, took in timed:
            self._count(told, took)
        return [told for told, _ in timed]

    def _timed(self, client: LambdaClient, run: SandboxRun) -> tuple[Told, float]:
        began = self._clock.now()
        return self._told(client, run), _milliseconds(began, self._clock.now())

    def _told(self, client: LambdaClient, run: SandboxRun) -> Told:
        try:
            return parse_answer(run.request.job, self._answer(client, run))
        except (Reject, RetryLater) as error:
            return error

    def _answer(self, client: LambdaClient, run: SandboxRun) -> object:
        with aws_errors(UNAVAILABLE):
            answer = client.invoke(FunctionName=self._function, TenantId=run.owner, Payload=run.request.to_bytes())
            body = answer["Payload"].read(MAX_ANSWER_BYTES + 1)
        if answer.get("FunctionError"):
            raise _failure(body)
        if len(body) > MAX_ANSWER_BYTES:
            raise SandboxRefusal(SANDBOX_RESULT_TOO_LARGE, "the answer is larger than an invocation's")
        try:
            return loads(body)
        except Malformed:
            raise SandboxRefusal(SANDBOX_RESULT_INVALID, "the answer is no JSON") from None

    def _count(self, told: Told, milliseconds: float) -> None:
        self._metrics.count("SandboxRuns")
        if isinstance(told, RetryLater):
            self._metrics.count("SandboxUnavailable")
            return
        self._metrics.milliseconds("SandboxMilliseconds", milliseconds)
        layers = told.layers if isinstance(told, Answer | SandboxRefusal) else {}
        if layers and not all(layers.get(name) for name in KERNEL_LOCKS):
            self._metrics.count("SandboxUnlocked")
        if isinstance(told, Reject):
            self._metrics.count("SandboxForbidden" if told.code in ATTACKS else "SandboxRefusals")


def _failure(body: bytes) -> Reject | RetryLater:
    """The end of an invocation without an answer: by its time, by a process that has died, or by a fault of ours."""
    try:
        error = json.loads(body)
    except ValueError:
        error = None
    kind, message = (str(error.get(name, "")) for name in ("errorType", "errorMessage")) if isinstance(error, dict) else ("", "")
    if kind == TIMED_OUT or TIMED_OUT_TEXT in message:
        return SandboxRefusal(SANDBOX_TIMEOUT, "the sandbox was ended at its time-out")
    if kind.startswith(RUNTIME_ENDED):
        return SandboxRefusal(SANDBOX_CRASHED, "the sandbox itself has ended")
    return RetryLater(UNAVAILABLE, "the function failed, see its log", after_seconds=RETRY_AFTER_SECONDS)


def _milliseconds(began: datetime, ended: datetime) -> float:
    return (ended - began).total_seconds() * MILLISECOND
