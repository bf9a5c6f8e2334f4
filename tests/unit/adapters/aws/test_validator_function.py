"""A stranger's code describes itself, and nothing of its description is believed before its form was checked."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from candlecast.adapters.aws.validator_function import (
    MAX_MESSAGE_CHARACTERS,
    FunctionCodeChecks,
)
from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.code_checks import CodeUpload
from candlecast.sandbox.protocol.answer import MAX_CHOICES, MAX_INSPECTION_CHARACTERS
from candlecast.sandbox.protocol.request import MAX_PARAMETER_CHARACTERS, MAX_PARAMETERS
from candlecast.sandbox.protocol.values import MAX_INTEGER

SOURCE = "from candlecast.strategy import Parameters, Strategy\n\n\nclass Mine(Strategy[Parameters]): ...\n"
UPLOAD = CodeUpload(
    source=SOURCE,
    parameters={"period": 20, "factor": 1.5, "strict": True, "side": "long"},
    owner="tenant-1",
    venue="paper",
    market="BTC/USDT:USDT",
    timeframe=Timeframe.M15,
)
PERIOD = {"type": "integer", "default": 20, "description": "candles"}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


SCHEMA = schema(period=PERIOD)
ANSWER: dict[str, Any] = {"parameters": {"period": 20}, "parameter_schema": SCHEMA, "lookback": 60}


class Functions:
    """Lambda's client before a function that answers the text."""

    def __init__(self, text: str, *, failed: bool = False) -> None:
        self.asked: list[dict[str, Any]] = []
        self._text, self._failed = text, failed

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        failure = {"FunctionError": "Unhandled"} if self._failed else {}
        return {"Payload": io.BytesIO(self._text.encode("utf-8", "surrogatepass")), **failure}


def checks(text: str, *, failed: bool = False) -> FunctionCodeChecks:
    return FunctionCodeChecks(lambda: Functions(text, failed=failed), "stack-strategy_validator:live")  # type: ignore[arg-type,return-value]


def refused(text: str) -> CodeRefused:
    with pytest.raises(CodeRefused) as found:
        checks(text).check(UPLOAD)
    return found.value


def refusal(**refused_because: Any) -> str:
    return json.dumps({"refused_because": {"code": "LOOK_AHEAD", "message": "row 7 changed", **refused_because}})


def test_the_function_is_asked_once_with_the_whole_upload() -> None:
    functions = Functions(json.dumps(ANSWER))
    checked = FunctionCodeChecks(lambda: functions, "stack-strategy_validator:live").check(UPLOAD)  # type: ignore[arg-type,return-value]
    assert (checked.parameters, checked.parameter_schema, checked.lookback) == ({"period": 20}, SCHEMA, 60)
    (asked,) = functions.asked
    assert (asked["FunctionName"], json.loads(asked["Payload"])) == (
        "stack-strategy_validator:live",
        {
            "check": {
                "source": SOURCE,
                "parameters": {"period": 20, "factor": 1.5, "strict": True, "side": "long"},
                "owner": "tenant-1",
                "venue": "paper",
                "market": "BTC/USDT:USDT",
                "timeframe": "15m",
            }
        },
    )


def test_a_refusal_says_where() -> None:
    told = refused(refusal(line=12, row=7, candle_close="2026-11-20T12:15:00+00:00"))
    assert (told.code, told.message, told.line, told.row) == ("LOOK_AHEAD", "row 7 changed", 12, 7)
    assert told.candle_close == datetime(2026, 11, 20, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize("place", [None, True, "12", -1, 10**9, 1.5, [12]])
def test_a_place_that_is_none_is_left_out(place: object) -> None:
    told = refused(refusal(line=place, row=place, candle_close=place))
    assert (told.line, told.row, told.candle_close) == (None, None, None)


@pytest.mark.parametrize("instant", ["", "yesterday", "2026-11-20T12:15:00", "2026-99-20T12:15:00+00:00"])
def test_an_instant_that_is_none_is_left_out(instant: str) -> None:
    assert refused(refusal(candle_close=instant)).candle_close is None


@pytest.mark.parametrize("code", ["", "look ahead", "LOOK_AHEAD\n", "A" * 65, 7, None, ["LOOK_AHEAD"]])
def test_a_code_of_another_form_is_not_handed_on(code: object) -> None:
    told = refused(refusal(code=code))
    assert told.code == "SANDBOX_RESULT_INVALID"
    assert "row 7" not in told.message


def test_a_message_is_one_bounded_line() -> None:
    told = refused(refusal(message="a\n\x1b[31m\u202eb\ud800" + "x" * 2_000))
    assert told.message.startswith("a??[31m?b?xxx")
    assert len(told.message) == MAX_MESSAGE_CHARACTERS


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def described(*names: str, **changes: Any) -> dict[str, Any]:
    """Parts of an answer whose parameters have these names, and are described with these changes."""
    return {"parameters": dict.fromkeys(names, 20), "parameter_schema": schema(**{name: {**PERIOD, **changes} for name in names})}


MANY = [f"p{number}" for number in range(MAX_PARAMETERS + 1)]
LARGE = MANY[: MAX_INSPECTION_CHARACTERS // (MAX_CHOICES * MAX_PARAMETER_CHARACTERS)]  # too large with the most choices


@pytest.mark.parametrize(
    "changes",
    [
        {"lookback": 0},
        {"lookback": 1_501},
        {"lookback": True},
        {"lookback": "60"},
        {"lookback": None},
        {"parameters": None},
        {"parameters": []},
        {"parameters": {}},
        {"parameters": {"period": 20, "more": 1}},
        {"parameters": {"period": None}},
        {"parameters": {"period": [20]}},
        {"parameters": {"period": MAX_INTEGER + 1}},
        {"parameters": {"period": float("nan")}},
        {"parameters": {"period": float("inf")}},
        {"parameters": {"period": "x" * (MAX_PARAMETER_CHARACTERS + 1)}},
        {"parameters": {"period": "a\nb"}},
        described("a\nb"),
        described("x" * (MAX_PARAMETER_CHARACTERS + 1)),
        described(*MANY),
        described(*LARGE, enum=["x" * MAX_PARAMETER_CHARACTERS] * MAX_CHOICES),
        described("period", default=float("nan")),
        described("period", description="\ud800"),
        {"parameter_schema": None},
        {"parameter_schema": []},
        {"parameter_schema": {**SCHEMA, "properties": []}},
        {"parameter_schema": {**SCHEMA, "properties": {"period": 20}}},
        {"parameters": {}, "parameter_schema": {"type": "object"}},
        {"parameter_schema": {**SCHEMA, "more": 1}},
    ],
)
def test_an_answer_that_no_honest_code_leads_to_is_refused(changes: dict[str, Any]) -> None:
    assert refused(json.dumps({**ANSWER, **changes})).code == "SANDBOX_RESULT_INVALID"


def test_the_largest_answer_of_honest_code_is_taken() -> None:
    most = described(*MANY[1:], enum=["x"] * 9)
    checked = checks(json.dumps({**ANSWER, **most})).check(UPLOAD)
    assert (checked.parameters, checked.parameter_schema) == (most["parameters"], most["parameter_schema"])


@pytest.mark.parametrize("text", ["{", nested(100_000), '{"lookback":' + "9" * 5_000 + "}", '{"more":' + nested(100_000) + "}"])
def test_an_answer_that_cannot_be_read_is_refused(text: str) -> None:
    assert refused(text).code == "SANDBOX_RESULT_INVALID"


@pytest.mark.parametrize(("text", "failed"), [("{}", True), ("null", False), ("[]", False), ("", False)])
def test_a_function_that_fails_is_asked_again_later(text: str, failed: bool) -> None:
    with pytest.raises(RetryLater, match="VALIDATOR_UNAVAILABLE"):
        checks(text, failed=failed).check(UPLOAD)


def test_a_check_that_could_not_be_made_is_made_later() -> None:
    with pytest.raises(RetryLater, match="VALIDATOR_UNAVAILABLE"):
        checks(refusal(code="VALIDATOR_UNAVAILABLE")).check(UPLOAD)


@pytest.mark.parametrize(("source", "line"), [("x = (", 1), ("import os\n", 1), ("\n\nimport subprocess\n", 3), ("a\n", 1)])
def test_a_text_that_cannot_be_a_strategy_is_refused_before_the_function_is_asked(source: str, line: int) -> None:
    functions = Functions(json.dumps(ANSWER))
    asking = FunctionCodeChecks(lambda: functions, "stack-strategy_validator:live")  # type: ignore[arg-type,return-value]
    with pytest.raises(CodeRefused) as told:
        asking.check(replace(UPLOAD, source=source))
    assert (told.value.code, told.value.line, functions.asked) == ("STRATEGY_FILE_INVALID", line, [])


def test_hints_come_with_the_description() -> None:
    checked = checks(json.dumps(ANSWER)).check(replace(UPLOAD, source=SOURCE + "open(1)\n"))
    assert [(hint.line, hint.message) for hint in checked.hints] == [(5, "open does not exist in the sandbox")]
