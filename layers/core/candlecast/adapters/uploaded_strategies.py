"""Uploaded code behind the `StrategyCode` port, and the choice between it and built-in code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.sandbox_function import SandboxFunction, SandboxRun, Told
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.values.errors import NotFound, Reject, RetryLater
from candlecast.ports.code_store import CodeStore
from candlecast.ports.strategies import CodeRun, Evaluation, Outcome, StrategyCode
from candlecast.sandbox.protocol import Job, Request, SandboxRefusal, encode_candles

if TYPE_CHECKING:
    from candlecast.ports.parity import FrameRun

# For one decision: ten times the processor time that the check of an upload allows. Code that passes the check and loops later
# holds a place of UploadedStrategyConcurrency so long, and other authors wait for that place.
RUN_SECONDS = 10.0
REMEMBERED_SOURCES = 32  # of at most a megabyte each


class UploadedStrategies:
    """Runs versions in the sandboxes of their owners, side by side."""

    def __init__(self, code: CodeStore, sandbox: SandboxFunction) -> None:
        self._source = lru_cache(REMEMBERED_SOURCES)(code.get)
        self._sandbox = sandbox

    def lookback(self, definition: StrategyDefinition) -> int:
        """Raises `Reject`: the lookback stands in each version."""
        raise _without_version(definition)

    def version(self, definition: StrategyDefinition) -> str:
        """Raises `Reject`: the digest stands in each version."""
        raise _without_version(definition)

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> list[Outcome]:
        """Decide each run, all side by side.

        Of a run that fails, the outcome is `Reject` with the sandbox's code and the line of the fault. `RetryLater` says that
        code or sandbox did not answer.
        """
        asked = [run_of(definition, run, self._source, Job.DECIDE, RUN_SECONDS) for run in runs]
        told = iter(self._sandbox.run([each for each in asked if isinstance(each, SandboxRun)]))
        return [_outcome(next(told)) if isinstance(each, SandboxRun) else each for each in asked]


def run_of(
    definition: StrategyDefinition,
    run: CodeRun | FrameRun,
    source_of: Callable[[str], str],
    job: Job,
    seconds: float,
) -> SandboxRun | Reject | RetryLater:
    """The run of a version on its candles, in the sandbox of the owner; or why there is none. `source_of` reads by hash."""
    version = run.version
    try:
        if version is None:
            raise _without_version(definition)
        owner, source = owned_source(definition, version.source_hash, source_of)
    except (Reject, RetryLater) as error:
        return error
    columns = encode_candles(run.candles)
    request = Request(job=job, source=source, parameters=version.parameters, columns=columns, seconds=seconds)
    return SandboxRun(owner=owner, request=request)


def owned_source(definition: StrategyDefinition, source_hash: str | None, source_of: Callable[[str], str]) -> tuple[str, str]:
    """The owner, whose sandbox runs the code, and the source; `source_of` reads by hash.

    Raises `Reject` (VERSION_MISSING) without code or owner, and for code that is gone; `RetryLater` if it cannot be had now.
    """
    if source_hash is None or definition.owner is None:
        raise _without_version(definition)
    try:
        return definition.owner, source_of(source_hash)
    except NotFound as error:
        raise Reject(error.code, error.message) from None


def result_of(told: Told) -> Any:
    """The result that the sandbox has answered. Raises `Reject` with its code and the line of the fault, `RetryLater`."""
    if isinstance(told, SandboxRefusal) and told.line is not None:
        raise Reject(told.code, f"line {told.line}: {told.message}")
    if isinstance(told, Reject | RetryLater):
        raise told
    return told.result


class StrategiesByKind:
    """`StrategyCode` of all kinds: each definition goes to the code of its kind."""

    def __init__(self, codes: Mapping[StrategyKind, StrategyCode]) -> None:
        self._codes = codes

    def lookback(self, definition: StrategyDefinition) -> int:
        return self._codes[definition.kind].lookback(definition)

    def version(self, definition: StrategyDefinition) -> str:
        return self._codes[definition.kind].version(definition)

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> Sequence[Outcome]:
        return self._codes[definition.kind].evaluate(definition, runs)


def _without_version(definition: StrategyDefinition) -> Reject:
    return Reject("VERSION_MISSING", f"{definition.strategy_id} has no version with code")


def _outcome(told: Told) -> Outcome:
    try:
        decided: Evaluation = result_of(told)
    except (Reject, RetryLater) as error:
        return error
    return decided
