"""Answers of the sandbox. A strategy that has broken out of its process could forge them, so they are read as anything foreign.

A forged answer gains nothing: the strategy may answer what it likes anyway. The forms here keep every answer within what
an honest strategy says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from candlecast.domain.signals.signal import MAX_METADATA_CHARACTERS, MAX_METADATA_ENTRIES, MAX_TAKE_PROFITS, Action, TakeProfit
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES, MAX_UPLOADED_LOG_BYTES
from candlecast.domain.values.text import is_readable
from candlecast.ports.strategies import Evaluation
from candlecast.sandbox.protocol.columns import MAX_ROWS, WIDTH, decode_columns
from candlecast.sandbox.protocol.refusal import (
    CODES,
    SANDBOX_RESULT_INVALID,
    SandboxRefusal,
    one_line,
)
from candlecast.sandbox.protocol.request import MAX_PARAMETER_CHARACTERS, MAX_PARAMETERS, MAX_SECONDS, SCHEMA_VERSION, Job
from candlecast.sandbox.protocol.values import Malformed, Value, fraction, mapping, money, number, parameters, text, whole

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
DIGEST = re.compile(r"[0-9a-f]{64}")
LAYER = re.compile(r"[a-z_]{1,30}")
MAX_LAYERS = 16
MAX_DESCRIPTION_CHARACTERS = 500  # a sentence for the marketplace
SCHEMA_KEYS = {"type", "default", "description", "minimum", "maximum", "enum"}
SCHEMA_TYPES = ("integer", "number", "boolean", "string")
MAX_CHOICES = 50  # of a parameter; a person picks one of them
MAX_MESSAGE_CHARACTERS = MAX_LOG_CHARACTERS  # an execution record keeps it beside the logs
MAX_LINES = 1_000_000  # of a source: each takes a byte
MAX_CPU_MS = 10 * 60 * 1000  # of one process: more than any bound on its time lets it have
MAX_MEMORY_KB = 10 * 1024 * 1024  # a function's largest memory
MAX_SHARES = Decimal("1.000000001")  # shares of a ladder, with the noise of float64
SIDE_WIDTH = 1
MAX_INSPECTION_CHARACTERS = 40_000  # of parameters and schema as JSON: a page of a hundred versions fits an answer of 6 MB
# Bytes of a result in JSON. Signals: an answer of the function takes 6 MB.
MAX_RESULT_BYTES = {Job.INSPECT: 200_000, Job.DECIDE: 64_000, Job.CHECK: 16_000, Job.SIGNALS: 5_000_000, Job.DECISIONS: 5_000_000}
SIGNAL_COLUMNS = ("price", "stop_loss", "confidence", *(f"target {number}" for number in range(1, MAX_TAKE_PROFITS + 1)))
ENVELOPE = ("schema_version", "ok", "logs", "layers", "cpu_ms", "memory_kb")


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """A source's description of itself: all parameters, their JSON Schema, and the lookback in candles."""

    name: str
    description: str
    parameter_schema: Mapping[str, Any]
    parameters: Mapping[str, Value]
    lookback: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A check without a fault. `decision_ms` is the processor's time of one decision.

    `digest` is over the decisions of all rows: two processes that give different ones show a strategy that is not deterministic.
    """

    rows: int
    rows_checked: int
    decision_ms: float
    digest: str


@dataclass(frozen=True, kw_only=True)
class SignalColumns:
    """Decisions of all rows: `side` as int8, `columns` by name as little-endian float64, `shares` of the targets in order.

    Names are those of `SIGNAL_COLUMNS`. Columns of metadata stay in the sandbox: they explain, and decide nothing.
    """

    rows: int
    side: bytes
    columns: Mapping[str, bytes]
    shares: tuple[float, ...]


type Result = Inspected | Evaluation | Checked | SignalColumns


@dataclass(frozen=True, kw_only=True)
class Answer[R: Result]:
    """A result with the traces of its run: log lines, locks that held, the processor's time and the most memory."""

    result: R
    logs: tuple[str, ...]
    layers: Mapping[str, int]
    cpu_ms: int
    memory_kb: int


def parse_answer(job: Job, answer: object) -> Answer[Any]:
    """Read the answer to a job. The result is `Inspected`, `Evaluation`, `SignalColumns` or `Checked`, as the job says.

    Raises `SandboxRefusal` with the refusal's own code, or SANDBOX_RESULT_INVALID for an answer of any other form.
    """
    try:
        fields = _envelope(answer)
        logs, layers = _logs(fields["logs"]), _layers(fields["layers"])
        if fields["ok"] is not True:
            raise _refusal(fields["error"], logs, layers)
        return Answer(
            result=parse_result(job, fields["result"], logs),
            logs=logs,
            layers=layers,
            cpu_ms=whole(fields["cpu_ms"], "cpu_ms", 0, MAX_CPU_MS),
            memory_kb=whole(fields["memory_kb"], "memory_kb", 0, MAX_MEMORY_KB),
        )
    except Malformed as error:
        raise SandboxRefusal(SANDBOX_RESULT_INVALID, str(error)) from error


def parse_result(job: Job, result: object, logs: tuple[str, ...] = ()) -> Result:
    """Read the result of a job; raises `Malformed`."""
    match job:
        case Job.INSPECT:
            return _inspected(result)
        case Job.DECIDE:
            return _decided(result, logs)
        case Job.SIGNALS | Job.DECISIONS:
            return _signals(result)
        case Job.CHECK:
            return _checked(result)


def parse_error(error: object) -> tuple[str, str, int | None, int | None]:
    """Code, message, line and row of a refusal; raises `Malformed`."""
    fields = mapping(error, "error", ("code", "message", "line", "row"))
    if type(fields["code"]) is not str or fields["code"] not in CODES:
        raise Malformed("error.code is not known")
    line = None if fields["line"] is None else whole(fields["line"], "error.line", 1, MAX_LINES)
    row = None if fields["row"] is None else whole(fields["row"], "error.row", 0, MAX_ROWS)
    return fields["code"], one_line(text(fields["message"], "error.message", MAX_MESSAGE_CHARACTERS)), line, row


def _envelope(answer: object) -> dict[str, Any]:
    is_ok = isinstance(answer, dict) and answer.get("ok") is True
    fields = mapping(answer, "the answer", (*ENVELOPE, "result" if is_ok else "error"))
    whole(fields["schema_version"], "schema_version", SCHEMA_VERSION, SCHEMA_VERSION)
    if type(fields["ok"]) is not bool:
        raise Malformed("ok must be true or false")
    return fields


def _refusal(error: object, logs: tuple[str, ...], layers: dict[str, int]) -> SandboxRefusal:
    code, message, line, row = parse_error(error)
    return SandboxRefusal(code, message, line=line, row=row, logs=logs, layers=layers)


def _logs(value: object) -> tuple[str, ...]:
    if type(value) is not list or len(value) > MAX_LOG_LINES:
        raise Malformed(f"logs must be at most {MAX_LOG_LINES} lines")
    lines = tuple(one_line(text(line, "a log line", MAX_LOG_CHARACTERS)) for line in value)
    if sum(len(line.encode()) for line in lines) > MAX_UPLOADED_LOG_BYTES:
        raise Malformed(f"logs must have at most {MAX_UPLOADED_LOG_BYTES} bytes")
    return lines


def _layers(value: object) -> dict[str, int]:
    if type(value) is not dict or len(value) > MAX_LAYERS:
        raise Malformed(f"layers must be at most {MAX_LAYERS}")
    for name, held in value.items():
        if not LAYER.fullmatch(name) or not (type(held) is bool or (type(held) is int and 0 <= held <= 100)):
            raise Malformed("layers must say whether each held, or in which version")
    return value


def _inspected(result: object) -> Inspected:
    fields = mapping(result, "result", ("name", "description", "parameter_schema", "parameters", "lookback"))
    if type(fields["name"]) is not str or not NAME.fullmatch(fields["name"]):
        raise Malformed("result.name must have the characters [a-z0-9_]")
    schema, values = described(fields)
    return Inspected(
        name=fields["name"],
        description=one_line(text(fields["description"], "result.description", MAX_DESCRIPTION_CHARACTERS, least=1)),
        parameter_schema=schema,
        parameters=values,
        lookback=whole(fields["lookback"], "result.lookback", 1, MAX_LOOKBACK),
    )


def described(fields: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, Value]]:
    """`parameter_schema` and `parameters` of a description: those of the schema, each with its value. Raises `Malformed`."""
    schema = _schema(fields.get("parameter_schema"))
    values = parameters(fields.get("parameters"), "result.parameters", MAX_PARAMETERS, MAX_PARAMETER_CHARACTERS)
    if values.keys() != schema["properties"].keys() or not is_readable("".join(map(str, values.values()))):
        raise Malformed("result.parameters must be those of the schema, in text that people can read")
    if len(json.dumps([schema, values])) > MAX_INSPECTION_CHARACTERS:
        raise Malformed(f"parameters and their schema must have at most {MAX_INSPECTION_CHARACTERS} characters of JSON")
    return schema, values


def _schema(value: object) -> dict[str, Any]:
    """JSON Schema as `Parameters.json_schema` makes it, and no other: people's programs are given it."""
    place = "result.parameter_schema"
    fields = mapping(value, place, ("type", "properties", "additionalProperties"))
    if fields["type"] != "object" or fields["additionalProperties"] is not False:
        raise Malformed(f"{place} must be that of an object")
    properties = fields["properties"]
    if type(properties) is not dict or len(properties) > MAX_PARAMETERS:
        raise Malformed(f"{place} must have at most {MAX_PARAMETERS} properties")
    for name, described in properties.items():
        text(name, f"a name in {place}", MAX_PARAMETER_CHARACTERS, least=1)
        if type(described) is not dict or not {"type", "default", "description"} <= described.keys() <= SCHEMA_KEYS:
            raise Malformed(f"{place} must describe each property")
        if type(described["type"]) is not str or described["type"] not in SCHEMA_TYPES:
            raise Malformed(f"{place} must have the types of parameters")
        text(described["description"], f"a description in {place}", MAX_DESCRIPTION_CHARACTERS)
        choices = described.get("enum", [])
        if type(choices) is not list or len(choices) > MAX_CHOICES:
            raise Malformed(f"{place} must have at most {MAX_CHOICES} choices")
        bounds = {key: described[key] for key in ("default", "minimum", "maximum") if key in described}
        parameters(
            bounds | {str(number): it for number, it in enumerate(choices)}, place, 3 + MAX_CHOICES, MAX_PARAMETER_CHARACTERS
        )
        if not is_readable("".join(map(str, (name, described["description"], *bounds.values(), *choices)))):
            raise Malformed(f"{place} must have text that people can read")
    return fields


def _decided(result: object, logs: tuple[str, ...]) -> Evaluation:
    keys = ("action", "price", "stop_loss", "take_profits", "confidence", "atr", "metadata")
    fields = mapping(result, "result", keys)
    action = _action(fields["action"])
    price, stop = money(fields["price"], "result.price"), _optional(fields["stop_loss"], "result.stop_loss")
    targets = _targets(fields["take_profits"])
    _check_levels(action, price, stop, targets)
    confidence = None if fields["confidence"] is None else fraction(fields["confidence"], "result.confidence")
    return Evaluation(
        action=action,
        price=price,
        stop_loss=stop,
        take_profits=targets,
        confidence=confidence,
        atr=_optional(fields["atr"], "result.atr"),
        metadata=_metadata(fields["metadata"]),
        logs=logs,
    )


def _action(value: object) -> Action | None:
    if value is None:
        return None
    if type(value) is not str or value not in list(Action):
        raise Malformed("result.action is not known")
    return Action(value)


def _optional(value: object, place: str) -> Decimal | None:
    return None if value is None else money(value, place)


def _targets(value: object) -> tuple[TakeProfit, ...]:
    if type(value) is not list or len(value) > MAX_TAKE_PROFITS:
        raise Malformed(f"result.take_profits must be at most {MAX_TAKE_PROFITS}")
    found = []
    for rung in value:
        if type(rung) is not list or len(rung) != 2:
            raise Malformed("a take profit must be a price and a share")
        price, share = money(rung[0], "a target's price"), money(rung[1], "a target's share")
        if share > 1:
            raise Malformed("a target's share must be at most 1")
        found.append(TakeProfit(price, share))
    if sum((rung.share for rung in found), Decimal(0)) > MAX_SHARES:
        raise Malformed("shares must add up to at most 1")
    return tuple(found)


def _check_levels(action: Action | None, price: Decimal, stop: Decimal | None, targets: tuple[TakeProfit, ...]) -> None:
    """Levels belong to entries; a stop lies on the losing side of the price, targets on the winning side."""
    if action is None or not action.is_entry:
        if stop is not None or targets:
            raise Malformed("stop_loss and take_profits belong to entries")
        return
    direction = 1 if action is Action.LONG else -1
    if stop is not None and (stop - price) * direction >= 0:
        raise Malformed("result.stop_loss must lie on the losing side of the price")
    if any((rung.price - price) * direction <= 0 for rung in targets):
        raise Malformed("result.take_profits must lie on the winning side of the price")


def _metadata(value: object) -> dict[str, str]:
    if type(value) is not dict or len(value) > MAX_METADATA_ENTRIES:
        raise Malformed(f"result.metadata must have at most {MAX_METADATA_ENTRIES} names")
    for name, told in value.items():
        text(name, "a name of metadata", MAX_METADATA_CHARACTERS)
        text(told, "a value of metadata", MAX_METADATA_CHARACTERS - len(name))
    return {one_line(name): one_line(told) for name, told in value.items()}


def _signals(result: object) -> SignalColumns:
    fields = mapping(result, "result", ("columns", "names", "shares"))
    names = fields["names"]
    if type(names) is not list or any(name not in SIGNAL_COLUMNS for name in names) or len(set(names)) != len(names):
        raise Malformed("result.names are not known")
    shares = fields["shares"]
    if type(shares) is not list or len(shares) != sum(name.startswith("target ") for name in names):
        raise Malformed("result.shares must be one for each target")
    found = tuple(number(share, "a target's share", 0, 1) for share in shares)
    rows, (side, *columns) = decode_columns(
        fields["columns"], (SIDE_WIDTH, *(WIDTH for _ in names)), MAX_RESULT_BYTES[Job.SIGNALS]
    )
    if any(code not in (0, 1, 2, 254, 255) for code in set(side)):
        raise Malformed("result.columns have a side that is none")
    return SignalColumns(rows=rows, side=side, columns=dict(zip(names, columns, strict=True)), shares=found)


def _checked(result: object) -> Checked:
    fields = mapping(result, "result", ("rows", "rows_checked", "decision_ms", "digest"))
    if type(fields["digest"]) is not str or not DIGEST.fullmatch(fields["digest"]):
        raise Malformed("result.digest must be 64 hexadecimal digits")
    rows = whole(fields["rows"], "result.rows", 1, MAX_ROWS)
    return Checked(
        rows=rows,
        rows_checked=whole(fields["rows_checked"], "result.rows_checked", 1, rows),
        decision_ms=number(fields["decision_ms"], "result.decision_ms", 0, MAX_SECONDS * 1000),
        digest=fields["digest"],
    )
