"""An inspection and a check in the sandbox of the code's owner: the answers, and the place of a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.sandbox_checks import CHECK_SECONDS, INSPECT_SECONDS, SandboxChecks
from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.ports.code_checks import CheckedCode
from candlecast.ports.sandbox import OwnedCode
from candlecast.sandbox.protocol import encode_candles
from tests.support.builders import NOW, TENANT, candles_until
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.unit.adapters.aws.test_sandbox_function import Functions, refused, told

CODE = OwnedCode(owner=TENANT, source="class Mine: ...", parameters={"period": 20})
CANDLES = tuple(candles_until(NOW, 300))
SCHEMA = {
    "type": "object",
    "properties": {"period": {"type": "integer", "default": 20, "description": "Rows"}},
    "additionalProperties": False,
}
INSPECTED = {
    "name": "mine",
    "description": "Follows the last candles.",
    "parameter_schema": SCHEMA,
    "parameters": {"period": 20},
    "lookback": 60,
}
CHECKED = {"rows": 300, "rows_checked": 60, "decision_ms": 3.5, "digest": "ab" * 32}


def checks(answer: Any) -> tuple[SandboxChecks, Functions]:
    functions = Functions(**{TENANT: answer})
    return SandboxChecks(SandboxFunction(lambda: functions, "sandbox", FakeClock(), RecordingMetrics())), functions  # type: ignore[arg-type,return-value]


def test_an_inspection_tells_parameters_schema_and_lookback() -> None:
    sandbox, functions = checks(told(result=INSPECTED))
    assert sandbox.inspect(CODE) == CheckedCode(parameters={"period": 20}, parameter_schema=SCHEMA, lookback=60)
    asked = json.loads(functions.asked[0]["Payload"])
    assert (asked["job"], asked["source"], asked["seconds"]) == ("inspect", CODE.source, INSPECT_SECONDS)
    assert functions.asked[0]["TenantId"] == TENANT


def test_each_process_checks_the_same_candles_and_gives_its_digest() -> None:
    sandbox, functions = checks(told(result=CHECKED))
    assert sandbox.decide_all(CODE, CANDLES, processes=2, rows=60) == ["ab" * 32] * 2
    for asked in (json.loads(each["Payload"]) for each in functions.asked):
        assert (asked["job"], asked["max_rows"], asked["seconds"]) == ("check", 60, CHECK_SECONDS)
        assert asked["columns"] == encode_candles(CANDLES)
    assert len(functions.asked) == 2


def test_a_refusal_keeps_code_message_line_and_row() -> None:
    answer = refused("LOOK_AHEAD", "the decision differs", line=12)
    answer["error"]["row"] = 7
    with pytest.raises(CodeRefused) as found:
        checks(answer)[0].decide_all(CODE, CANDLES, processes=2, rows=60)
    assert (found.value.code, found.value.message, found.value.line, found.value.row) == (
        "LOOK_AHEAD",
        "the decision differs",
        12,
        7,
    )


def test_a_sandbox_that_does_not_answer_is_no_refusal() -> None:
    with pytest.raises(RetryLater):
        checks(ReadTimeoutError(endpoint_url="http://lambda"))[0].inspect(CODE)
