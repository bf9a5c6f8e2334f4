"""The function that runs strangers' code: its callers, its answers, and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from candlecast.sandbox.parent import refused as refusal_of
from candlecast.sandbox.protocol import Job, SandboxRefusal, parse_answer
from functions.strategy_sandbox import handler
from tests.support.sandbox import HONEST, request


@dataclass
class Context:
    """The context of an invocation."""

    tenant_id: str | None = "owner-1"
    aws_request_id: str = "request-1"
    left: int = 40_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left


def refused(event: object, context: Context) -> SandboxRefusal:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.DECIDE, json.loads(json.dumps(handler.handle(event, context))))
    return told.value


def log(captured: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = captured.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.parametrize("tenant", [None, ""])
def test_an_invocation_without_a_tenant_is_refused(tenant: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(request().to_json(), Context(tenant_id=tenant)).code == "SANDBOX_REQUEST_INVALID"
    assert log(capsys)["reason_code"] == "SANDBOX_REQUEST_INVALID"


@pytest.mark.parametrize("event", [None, [], {}, {"job": "decide"}], ids=str)
def test_an_event_of_another_form_is_refused_and_starts_nothing(event: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(handler, "answer")
    assert refused(event, Context()).code == "SANDBOX_REQUEST_INVALID"


def test_a_run_gets_no_more_seconds_than_the_invocation_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def answered(asked: Any) -> dict[str, Any]:
        given.append(asked.seconds)
        return refusal_of(SandboxRefusal("SANDBOX_TIMEOUT"))

    monkeypatch.setattr(handler, "answer", answered)
    for left in (40_000, 5_000, 1_000):
        handler.handle(request(seconds=5).to_json(), Context(left=left))
    assert given == [5, 2, 0]


@pytest.mark.slow
def test_a_run_is_answered_and_its_log_line_holds_nothing_of_the_owner(capsys: pytest.CaptureFixture[str]) -> None:
    event = request("print('marker-7f')\n" + HONEST, parameters={"period": 177}).to_json()
    answered = parse_answer(Job.DECIDE, handler.handle(event, Context()))
    assert answered.logs == ("marker-7f",)
    line = log(capsys)
    assert (line["tenant_id"], line["job"]) == ("owner-1", "decide")
    assert "reason_code" not in line, "the run went well"
    assert line["layers"] == answered.layers
    assert not any(secret in json.dumps(line) for secret in ("marker-7f", "period", "177", "rises"))
