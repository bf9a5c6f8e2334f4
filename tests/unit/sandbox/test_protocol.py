"""Requests and answers are read as hostile: one form each, and everything else is refused with a code."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from candlecast.domain.market.candle import Candle
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.domain.values.timeframe import EPOCH
from candlecast.ports.strategies import Evaluation
from candlecast.sandbox.protocol import (
    MAX_ROWS,
    Checked,
    Inspected,
    Job,
    SandboxRefusal,
    SignalColumns,
    decode_columns,
    encode_candles,
    encode_columns,
    parse_answer,
    parse_request,
)
from candlecast.sandbox.protocol.values import Malformed, loads
from candlecast.strategy import Candles
from tests.support.sandbox import request

LIMIT = 6_000_000  # of an invocation's payload


def event(changed: dict[str, object], job: Job = Job.DECIDE) -> dict[str, Any]:
    return request(job=job).to_json() | changed


def refused(found: object) -> SandboxRefusal:
    with pytest.raises(SandboxRefusal) as told:
        parse_request(found)
    assert told.value.code == "SANDBOX_REQUEST_INVALID"
    return told.value


@pytest.mark.parametrize("job", list(Job))
def test_a_request_comes_back_as_it_was_sent(job: Job) -> None:
    sent = request(job=job, parameters={"period": 7})
    assert parse_request(loads(sent.to_bytes())) == sent


@pytest.mark.parametrize(
    "changed",
    [
        {"schema_version": 2},
        {"schema_version": True},
        {"job": "shell"},
        {"job": ["decide"]},
        {"source": b"x"},
        {"source": "\ud800"},
        {"source": "x" * (MAX_SOURCE_BYTES + 1)},
        {"source": "é" * (MAX_SOURCE_BYTES // 2 + 1)},
        {"parameters": []},
        {"parameters": {"period": None}},
        {"parameters": {"period": [1]}},
        {"parameters": {"period": float("nan")}},
        {"parameters": {"period": 2**60}},
        {"parameters": {f"name{number}": 1 for number in range(101)}},
        {"parameters": {"": 1}},
        {"columns": None},
        {"columns": {"rows": MAX_ROWS + 1, "data": ""}},
        {"columns": {"rows": -1, "data": ""}},
        {"columns": {"rows": True, "data": ""}},
        {"columns": {"rows": 1}},
        {"seconds": 31},
        {"seconds": 0},
        {"seconds": "1"},
        {"seconds": float("nan")},
        {"seconds": True},
        {"max_rows": 5},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_request_of_another_form_is_refused(changed: dict[str, object]) -> None:
    refused(event(changed))


@pytest.mark.parametrize("found", [None, [], "x", 1, {}])
def test_what_is_no_request_is_refused(found: object) -> None:
    refused(found)


def test_jobs_take_only_what_they_need() -> None:
    refused(event({"columns": {"rows": 0, "data": ""}}, Job.INSPECT))
    refused(event({"max_rows": None}, Job.CHECK))
    refused(event({"max_rows": 0}, Job.CHECK))


def test_the_largest_request_fits_an_invocation() -> None:
    """Rows that cannot be compressed, and a source that JSON escapes character by character."""
    noise = Random(1).randbytes(MAX_ROWS * 8)
    sent = replace(request(), columns=encode_columns(MAX_ROWS, [noise] * 6), source="\n" * MAX_SOURCE_BYTES)
    assert parse_request(loads(sent.to_bytes())) == sent
    assert len(sent.to_bytes()) <= LIMIT


def candles(count: int) -> list[Candle]:
    return [
        Candle(
            open_time=EPOCH + timedelta(hours=number),
            open=Decimal("1.1"),
            high=Decimal("2.3"),
            low=Decimal("0.7"),
            close=Decimal("1.5") + number / Decimal(10),
            volume=Decimal(number),
        )
        for number in range(count)
    ]


def test_candles_travel_as_the_columns_that_a_strategy_would_get() -> None:
    expected = Candles.from_candles(candles(5))
    rows, found = decode_columns(encode_candles(candles(5)), [8] * 6)
    assert rows == 5
    assert found == [getattr(expected, name).tobytes() for name in ("time", "open", "high", "low", "close", "volume")]


def test_more_rows_than_an_invocation_holds_are_refused_before_they_are_packed() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode_columns(MAX_ROWS + 1, [])


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(zlib.compress(b"\0" * 50_000_000)).decode(),
        base64.b64encode(zlib.compress(b"\0" * 47)).decode(),
        base64.b64encode(zlib.compress(b"\0" * 48) + b"more").decode(),
        base64.b64encode(zlib.compress(b"\0" * 48)[:-1]).decode(),
        "no base64!",
        base64.b64encode(b"no zlib").decode(),
    ],
    ids=["bomb", "short", "trailing", "cut", "no base64", "no zlib"],
)
def test_packed_columns_of_another_size_are_refused(data: str) -> None:
    with pytest.raises(Malformed):
        decode_columns({"rows": 1, "data": data}, [8] * 6)


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b"{", b"[" * 200_000, b"\xff", b"1" * 5000], ids=range(6))
def test_json_of_strangers_is_json_or_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        loads(text)


DECISION = {
    "action": "LONG",
    "price": "100.5",
    "stop_loss": "90",
    "take_profits": [["110", "0.5"], ["1.2e2", "0.5"]],
    "confidence": "0.0",
    "atr": None,
    "metadata": {"rsi": "30.1"},
}
INSPECTION = {
    "name": "uploaded",
    "description": "Follows.",
    "parameter_schema": {
        "type": "object",
        "properties": {"period": {"type": "integer", "default": 5, "description": "Rows", "minimum": 2, "enum": [2, 5]}},
        "additionalProperties": False,
    },
    "parameters": {"period": 5},
    "lookback": 100,
}
CHECK = {"rows": 300, "rows_checked": 100, "decision_ms": 1.5, "digest": "0" * 64}
SIGNALS = {
    "columns": encode_columns(2, [b"\x01\xff", b"\0" * 16, b"\0" * 16]),
    "names": ["stop_loss", "target 1"],
    "shares": [0.5],
}
RESULTS: dict[Job, dict[str, Any]] = {
    Job.DECIDE: DECISION,
    Job.INSPECT: INSPECTION,
    Job.CHECK: CHECK,
    Job.SIGNALS: SIGNALS,
    Job.DECISIONS: SIGNALS,
}


def answered(result: object, **changed: object) -> dict[str, Any]:
    envelope = {"schema_version": 1, "ok": True, "logs": ["a"], "layers": {"seccomp": True, "landlock": 7}}
    return deepcopy({**envelope, "result": result, "cpu_ms": 90, "memory_kb": 40_000, **changed})


def test_each_result_is_read_into_its_own_type() -> None:
    decided = parse_answer(Job.DECIDE, answered(DECISION))
    assert decided.result == Evaluation(
        action=Action.LONG,
        price=Decimal("100.5"),
        stop_loss=Decimal(90),
        take_profits=(TakeProfit(Decimal(110), Decimal("0.5")), TakeProfit(Decimal(120), Decimal("0.5"))),
        confidence=Decimal(0),
        metadata={"rsi": "30.1"},
        logs=("a",),
    )
    assert decided.layers == {"seccomp": True, "landlock": 7}
    assert isinstance(parse_answer(Job.INSPECT, answered(INSPECTION)).result, Inspected)
    assert parse_answer(Job.CHECK, answered(CHECK)).result == Checked(
        rows=300, rows_checked=100, decision_ms=1.5, digest="0" * 64
    )
    found = parse_answer(Job.SIGNALS, answered(SIGNALS)).result
    assert found == SignalColumns(
        rows=2, side=b"\x01\xff", columns={"stop_loss": b"\0" * 16, "target 1": b"\0" * 16}, shares=(0.5,)
    )


FORGED: list[tuple[Job, Callable[[dict[str, Any]], object]]] = [
    (Job.DECIDE, lambda it: it.update(action="BUY")),
    (Job.DECIDE, lambda it: it.update(action=["LONG"])),
    (Job.DECIDE, lambda it: it.update(price=100.5)),
    (Job.DECIDE, lambda it: it.update(price="NaN")),
    (Job.DECIDE, lambda it: it.update(price="-1")),
    (Job.DECIDE, lambda it: it.update(price="1e9999")),
    (Job.DECIDE, lambda it: it.update(price="1" * 100)),
    (Job.DECIDE, lambda it: it.update(stop_loss="101")),
    (Job.DECIDE, lambda it: it.update(action="SHORT")),
    (Job.DECIDE, lambda it: it.update(action="EXIT_LONG")),
    (Job.DECIDE, lambda it: it.update(action=None)),
    (Job.DECIDE, lambda it: it.update(take_profits=[["110", "1"], ["120", "0.1"]])),
    (Job.DECIDE, lambda it: it.update(take_profits=[["99", "1"]])),
    (Job.DECIDE, lambda it: it.update(take_profits=[["110", "0.1"]] * 5)),
    (Job.DECIDE, lambda it: it.update(take_profits=[["110"]])),
    (Job.DECIDE, lambda it: it.update(confidence="1.1")),
    (Job.DECIDE, lambda it: it.update(metadata={"a": 1})),
    (Job.DECIDE, lambda it: it.update(metadata={"a": "b" * 300})),
    (Job.DECIDE, lambda it: it.update(metadata={f"n{number}": "" for number in range(17)})),
    (Job.DECIDE, lambda it: it.update(quantity="1000000")),
    (Job.DECIDE, lambda it: it.pop("atr")),
    (Job.INSPECT, lambda it: it.update(name="../etc")),
    (Job.INSPECT, lambda it: it.update(description="")),
    (Job.INSPECT, lambda it: it.update(lookback=1501)),
    (Job.INSPECT, lambda it: it.update(lookback=0)),
    (Job.INSPECT, lambda it: it["parameter_schema"].update(additionalProperties=True)),
    (Job.INSPECT, lambda it: it["parameter_schema"].update(type="array")),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"].update(x={"$ref": "http://example.com"})),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"]["period"].update(type="null")),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"]["period"].update(enum=[{}])),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"]["period"].update(description="\x1b[2Jcleared")),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"]["period"].update(default="\u202e", type="string")),
    (Job.INSPECT, lambda it: it["parameter_schema"]["properties"]["period"].update(enum=["a\nb"], type="string")),
    (
        Job.INSPECT,
        lambda it: it["parameter_schema"]["properties"].update({"a\tb": {"type": "integer", "default": 1, "description": ""}}),
    ),
    (Job.INSPECT, lambda it: it.update(parameters={"period": {}})),
    (Job.INSPECT, lambda it: it.update(parameters={"period": "\x1b[2J"})),
    (Job.INSPECT, lambda it: it.update(parameters={})),
    (Job.INSPECT, lambda it: it["parameters"].update(other=1)),
    (Job.CHECK, lambda it: it.update(rows_checked=301)),
    (Job.CHECK, lambda it: it.update(digest="g" * 64)),
    (Job.CHECK, lambda it: it.update(decision_ms=-1)),
    (Job.SIGNALS, lambda it: it.update(names=["stop_loss", "stop_loss"])),
    (Job.SIGNALS, lambda it: it.update(names=["wealth"])),
    (Job.SIGNALS, lambda it: it.update(shares=[0.5, 0.5])),
    (Job.SIGNALS, lambda it: it.update(shares=[2])),
    (Job.SIGNALS, lambda it: it.update(columns=encode_columns(2, [b"\x03\xff", b"\0" * 32]))),
    (Job.SIGNALS, lambda it: it.update(columns=encode_columns(3, [b"\x01\xff", b"\0" * 32]))),
]


def test_an_inspection_is_small_enough_for_a_page_of_versions() -> None:
    def inspected(count: int) -> Any:
        described = {"type": "string", "default": "", "description": "y" * 500}
        properties = {f"name_{number}": described for number in range(count)}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        result = {**INSPECTION, "parameter_schema": schema, "parameters": dict.fromkeys(properties, "")}
        return parse_answer(Job.INSPECT, answered(result)).result

    assert len(inspected(60).parameters) == 60
    with pytest.raises(SandboxRefusal, match="characters of JSON"):
        inspected(80)


@pytest.mark.parametrize("number", range(len(FORGED)))
def test_a_forged_result_is_refused(number: int) -> None:
    job, forge = FORGED[number]
    result = deepcopy(RESULTS[job])
    assert parse_answer(job, answered(result))
    forge(result)
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(job, answered(result))
    assert told.value.code == "SANDBOX_RESULT_INVALID"


@pytest.mark.parametrize(
    "changed",
    [
        {"schema_version": 2},
        {"ok": 1},
        {"ok": False},
        {"logs": ["x"] * 51},
        {"logs": ["x" * 501]},
        {"logs": ["x" * 500] * 17},
        {"logs": ["\U0001f4c8" * 500] * 5},
        {"logs": [1]},
        {"layers": {"seccomp": "yes"}},
        {"layers": {"a b": True}},
        {"layers": {f"l{'a' * number}": True for number in range(17)}},
        {"cpu_ms": -1},
        {"memory_kb": 10**12},
        {"more": 1},
    ],
    ids=str,
)
def test_a_forged_envelope_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.DECIDE, answered(DECISION, **changed))
    assert told.value.code == "SANDBOX_RESULT_INVALID"


def failed(**changed: object) -> dict[str, Any]:
    error = {"code": "LOOK_AHEAD", "message": "row 7 knows row 8", "line": 3, "row": 7, **changed}
    answer = answered(None, ok=False, error=error)
    del answer["result"]
    return answer


def test_a_refusal_is_raised_with_its_code_line_row_and_log() -> None:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.CHECK, failed())
    found = told.value
    assert (found.code, found.message, found.line, found.row) == ("LOOK_AHEAD", "row 7 knows row 8", 3, 7)
    assert (found.logs, found.layers) == (("a",), {"seccomp": True, "landlock": 7})


@pytest.mark.parametrize("changed", [{"code": "KEYS_REFUSED"}, {"code": []}, {"line": 0}, {"row": -1}, {"message": 1}], ids=str)
def test_a_forged_refusal_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.CHECK, failed(**changed))
    assert told.value.code == "SANDBOX_RESULT_INVALID"


def test_texts_of_strangers_bring_no_second_line_and_no_colours() -> None:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.CHECK, failed(message='x\n{"level":"ERROR"}\x1b[31m'))
    assert told.value.message == 'x?{"level":"ERROR"}?[31m'
    assert parse_answer(Job.DECIDE, answered(DECISION, logs=["a\rb\u2028c"])).logs == ("a?b?c",)
    assert json.dumps(parse_answer(Job.DECIDE, answered(DECISION)).logs)
