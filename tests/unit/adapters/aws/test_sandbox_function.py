"""A run in its owner's sandbox: asked for with the owner as tenant, and its answer read as a stranger's."""

from __future__ import annotations

import io
import json
from collections import Counter
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from candlecast.adapters.aws.sandbox_function import MAX_ANSWER_BYTES, SandboxFunction, SandboxRun
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.ports.strategies import Evaluation
from candlecast.sandbox.protocol import Answer, SandboxRefusal
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.sandbox import request

LOCKED = {"rlimits": True, "no_new_privs": True, "landlock": 7, "seccomp": True}
RESULT = {
    "action": "LONG",
    "price": "100.5",
    "stop_loss": "95",
    "take_profits": [["110", "0.5"]],
    "confidence": "0.7",
    "atr": None,
    "metadata": {"why": "it rises"},
}


def told(**changes: Any) -> dict[str, Any]:
    answer = {"schema_version": 1, "ok": True, "result": RESULT, "logs": ["one"], "layers": LOCKED, "cpu_ms": 5, "memory_kb": 9}
    return {**answer, **changes}


def refused(code: str, message: str = "why", line: int | None = None, **changes: Any) -> dict[str, Any]:
    answer = told(ok=False, error={"code": code, "message": message, "line": line, "row": None}, **changes)
    return {name: value for name, value in answer.items() if name != "result"}


class Functions:
    """Lambda's client: each invocation takes its owner's answer, an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []  # type: ignore[var-annotated]
        self.together: Barrier | None = None

    def invoke(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.together is not None:
            self.together.wait(timeout=10)
        answer = self.answers[asked["TenantId"]]
        if isinstance(answer, Exception):
            raise answer
        failure = {"FunctionError": "Unhandled"} if isinstance(answer, dict) and "errorType" in answer else {}
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {"Payload": io.BytesIO(body), **failure}


def outcomes(**answers: Any) -> tuple[list[Any], Counter[str], Functions]:
    functions, metrics = Functions(**answers), RecordingMetrics()
    sandbox = SandboxFunction(lambda: functions, "stack-strategy_sandbox:live", FakeClock(), metrics)  # type: ignore[arg-type,return-value]
    runs = [SandboxRun(owner=owner, request=request()) for owner in answers]
    return sandbox.run(runs), Counter(metrics.counts), functions


def outcome(answer: Any) -> tuple[Any, Counter[str]]:
    (found,), counts, _ = outcomes(owner=answer)
    return found, counts


def test_a_run_is_asked_of_the_release_in_its_owners_sandbox_and_its_decision_comes_back() -> None:
    (answer,), counts, functions = outcomes(owner=told())
    assert isinstance(answer, Answer)
    assert isinstance(answer.result, Evaluation)
    assert (answer.result.action, answer.result.metadata, answer.logs) == (Action.LONG, {"why": "it rises"}, ("one",))
    (asked,) = functions.asked
    assert (asked["FunctionName"], asked["TenantId"]) == ("stack-strategy_sandbox:live", "owner")
    assert json.loads(asked["Payload"]) == request().to_json()
    assert counts == {"SandboxRuns": 1}


def test_runs_are_under_way_together_and_one_failure_changes_no_other() -> None:
    owners = {f"owner{number}": told() for number in range(9)}
    functions = Functions(broken=refused("SANDBOX_TIMEOUT"), **owners)
    functions.together = Barrier(10)  # all ten have been asked before the first is answered
    sandbox = SandboxFunction(lambda: functions, "sandbox", FakeClock(), RecordingMetrics())  # type: ignore[arg-type,return-value]
    broken, *rest = sandbox.run([SandboxRun(owner=owner, request=request()) for owner in ("broken", *owners)])
    assert isinstance(broken, SandboxRefusal)
    assert all(isinstance(each, Answer) for each in rest)


def test_nothing_is_asked_for_nothing() -> None:
    found, counts, functions = outcomes()
    assert (found, counts, functions.asked) == ([], {}, [])


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        ("SANDBOX_TIMEOUT", "SandboxRefusals"),
        ("SANDBOX_MEMORY", "SandboxRefusals"),
        ("SANDBOX_FORBIDDEN", "SandboxForbidden"),
        ("SANDBOX_CRASHED", "SandboxForbidden"),
        ("STRATEGY_FAILED", "SandboxRefusals"),
    ],
)
def test_a_refusal_keeps_its_code_and_its_line_and_is_counted_by_its_class(code: str, counted: str) -> None:
    found, counts = outcome(refused(code, line=12))
    assert isinstance(found, SandboxRefusal)
    assert (found.code, found.line, counts) == (code, 12, {"SandboxRuns": 1, counted: 1})


@pytest.mark.parametrize("missing", ["seccomp", "landlock"])
def test_a_run_without_a_lock_of_the_kernel_is_counted(missing: str) -> None:
    assert outcome(told(layers={**LOCKED, missing: False}))[1]["SandboxUnlocked"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"null",
        told(result={**RESULT, "price": "NaN"}),
        told(result={**RESULT, "stop_loss": "101"}),
        told(extra=1),
        refused("MADE_UP"),
    ],
)
def test_an_answer_of_another_form_is_a_refusal(answer: Any) -> None:
    found, counts = outcome(answer)
    assert isinstance(found, SandboxRefusal)
    assert (found.code, counts["SandboxForbidden"]) == ("SANDBOX_RESULT_INVALID", 1)


def test_an_answer_beyond_an_invocations_is_not_read() -> None:
    found, _ = outcome(b"[" + b" " * MAX_ANSWER_BYTES + b"]")
    assert (type(found), found.code) == (SandboxRefusal, "SANDBOX_RESULT_TOO_LARGE")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 1 Error: Task timed out"}, Reject, "SANDBOX_TIMEOUT"),
        ({"errorType": "", "errorMessage": "2026-12-01 Task timed out after 40.00 seconds"}, Reject, "SANDBOX_TIMEOUT"),
        ({"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"}, Reject, "SANDBOX_CRASHED"),
        ({"errorType": "OSError", "errorMessage": "no process"}, RetryLater, "SANDBOX_UNAVAILABLE"),
        ({"errorType": None}, RetryLater, "SANDBOX_UNAVAILABLE"),
    ],
)
def test_an_invocation_that_failed_is_the_codes_end_or_a_reason_to_retry(error: Any, kind: type, code: str) -> None:
    found, _ = outcome(error)
    assert (isinstance(found, kind), found.code) == (True, code)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}, "Invoke"),  # type: ignore[typeddict-item]
        ClientError({"Error": {"Code": "ServiceException"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "Invoke"),  # type: ignore[typeddict-item]
        ReadTimeoutError(endpoint_url="http://lambda"),
    ],
)
def test_a_function_that_is_throttled_or_silent_is_asked_later(error: Exception) -> None:
    found, counts = outcome(error)
    assert isinstance(found, RetryLater)
    assert (found.code, counts) == ("SANDBOX_UNAVAILABLE", {"SandboxRuns": 1, "SandboxUnavailable": 1})
