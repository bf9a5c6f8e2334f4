"""The function that rebuilds and its caller: the same requests, answers and refusals on both sides."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from candlecast.adapters.aws.rebuild_function import FunctionRebuild
from candlecast.adapters.codec import from_json
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest
from candlecast.runtime.compose import history_rebuild
from functions.history_rebuild.handler import handle
from tests.support.queue_events import Context

PROGRESS = RebuildProgress(
    cursor="events/date=2026-11-20/x",
    events={"trade.closed": 2},
    reached=datetime(2026, 11, 20, 12, tzinfo=UTC),
    unreadable=("events/date=2026-11-20/y",),
    interrupted_by="STORE_UNAVAILABLE",
)


class Function:
    """Lambda's client in front of the real handler; `outcome` is what the use case returns or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[RebuildRequest] = []
        self.outcome: RebuildProgress | Exception = PROGRESS
        self.crashes = False

        def build(event: Mapping[str, Any], seconds_left: Any) -> RebuildProgress:
            assert seconds_left() > 0
            self.asked.append(from_json(RebuildRequest, json.dumps(event)))
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return self.outcome

        monkeypatch.setattr(history_rebuild, "build", lambda: build)

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["FunctionName"] == "stack-history_rebuild:live"
        if self.crashes:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "canary"}')}
        answer = handle(json.loads(request["Payload"]), Context())  # type: ignore[arg-type]
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(monkeypatch)


@pytest.fixture
def asking(function: Function) -> FunctionRebuild:
    return FunctionRebuild(lambda: function, "stack-history_rebuild:live")  # type: ignore[arg-type,return-value]


def test_the_request_and_the_progress_arrive_as_they_are(asking: FunctionRebuild, function: Function) -> None:
    wanted = RebuildRequest(since=datetime(2026, 11, 1, tzinfo=UTC), tenant_id="t", dry_run=True, cursor="events/x")
    assert asking(wanted, "cli:operator") == PROGRESS
    assert function.asked == [wanted]
    assert asking(RebuildRequest(), "cli:operator") == PROGRESS
    assert function.asked[1] == RebuildRequest()


@pytest.mark.parametrize("refusal", [Conflict("LETTERS_WAITING", "letters"), InvalidValue("none", code="CURSOR_INVALID")])
def test_a_refusal_reaches_the_caller_with_its_code(asking: FunctionRebuild, function: Function, refusal: Exception) -> None:
    function.outcome = refusal
    with pytest.raises(type(refusal)) as refused:
        asking(RebuildRequest(), "cli:operator")
    assert str(refused.value) == str(refusal)


def test_a_function_that_fails_is_asked_again_later_and_its_text_stays_there(asking: FunctionRebuild, function: Function) -> None:
    function.crashes = True
    with pytest.raises(RetryLater) as later:
        asking(RebuildRequest(), "cli:operator")
    assert (later.value.code, "canary" in str(later.value)) == ("REBUILD_UNAVAILABLE", False)


def test_a_request_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_rebuild, "build", lambda: lambda event, _: from_json(RebuildRequest, json.dumps(event)))
    assert handle({"since": "yesterday"}, Context())["refused_because"]["code"] == "UNREADABLE"  # type: ignore[arg-type]
    assert handle({"since": "2026-11-01T00:00:00"}, Context())["refused_because"]  # type: ignore[arg-type]
