"""The function that checks uploaded code: its answer to the API is the code's description, or the refusal with its place."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from candlecast.adapters.aws.validator_function import FunctionCodeChecks
from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.runtime.compose import strategy_validator
from functions.strategy_validator import handler
from tests.support.builders import BTC, TENANT, VENUE
from tests.support.queue_events import Context
from tests.support.sandbox import source

UPLOAD = CodeUpload(source=source(), parameters={"period": 20}, owner=TENANT, venue=VENUE, market=BTC, timeframe=Timeframe.M5)
DESCRIBED = CheckedCode(
    parameters={"period": 20, "side": "LONG"},
    parameter_schema={
        "type": "object",
        "properties": {
            "period": {"type": "integer", "default": 20, "description": "candles", "minimum": 2},
            "side": {"type": "string", "default": "LONG", "description": "", "enum": ["LONG", "SHORT"]},
        },
        "additionalProperties": False,
    },
    lookback=60,
)
FUNCTION = "stack-strategy_validator:live"


class Checks:
    """The use case behind the handler: passes every upload, unless it is told to raise."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[CodeUpload] = []

    def check(self, upload: CodeUpload) -> CheckedCode:
        self.asked.append(upload)
        if self.error is not None:
            raise self.error
        return DESCRIBED


class Function:
    """A client of Lambda behind which the handler itself answers."""

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  (boto3's names)
        assert FunctionName == FUNCTION
        answer = handler.handle(json.loads(Payload), Context())  # type: ignore[arg-type]
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    made = Checks()
    monkeypatch.setattr(strategy_validator, "build", lambda: made)
    return made


@pytest.fixture
def asking() -> FunctionCodeChecks:
    return FunctionCodeChecks(Function, FUNCTION)  # type: ignore[arg-type]


def test_the_caller_gets_the_description_of_the_code_that_it_sent(checks: Checks, asking: FunctionCodeChecks) -> None:
    assert asking.check(UPLOAD) == DESCRIBED
    assert checks.asked == [UPLOAD]


def test_a_refusal_reaches_the_caller_with_its_place(checks: Checks, asking: FunctionCodeChecks) -> None:
    close = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    checks.error = CodeRefused("LOOK_AHEAD", "row 7 changes", line=3, row=7, candle_close=close)
    with pytest.raises(CodeRefused) as refused:
        asking.check(UPLOAD)
    found = refused.value
    assert (found.code, found.message) == ("LOOK_AHEAD", "row 7 changes")
    assert (found.line, found.row, found.candle_close) == (3, 7, close)


def test_a_refusal_without_a_place_has_none(checks: Checks, asking: FunctionCodeChecks) -> None:
    checks.error = CodeRefused("HISTORY_TOO_SHORT", "30 candles")
    with pytest.raises(CodeRefused) as refused:
        asking.check(UPLOAD)
    assert (refused.value.line, refused.value.row, refused.value.candle_close) == (None, None, None)


@pytest.mark.parametrize("code", ["SANDBOX_UNAVAILABLE", "VENUE_UNAVAILABLE", "WEIGHT_SPENT"])
def test_a_check_that_could_not_be_made_is_asked_for_later(checks: Checks, asking: FunctionCodeChecks, code: str) -> None:
    checks.error = RetryLater(code, "later", after_seconds=1)
    with pytest.raises(RetryLater) as later:
        asking.check(UPLOAD)
    assert later.value.code == "VALIDATOR_UNAVAILABLE"


def test_neither_code_nor_candles_reach_the_log(
    checks: Checks, asking: FunctionCodeChecks, caplog: pytest.LogCaptureFixture
) -> None:
    checks.error = CodeRefused("STRATEGY_FAILED", "canary of the author's text")
    with pytest.raises(CodeRefused):
        asking.check(UPLOAD)
    logged = str([vars(record) for record in caplog.records])
    assert "STRATEGY_FAILED" in logged
    assert "canary" not in logged
    assert "class Uploaded" not in logged
