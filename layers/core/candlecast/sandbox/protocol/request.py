"""A request to the sandbox: one job on one source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.sandbox.protocol.columns import check_packed
from candlecast.sandbox.protocol.refusal import SANDBOX_REQUEST_INVALID, SandboxRefusal
from candlecast.sandbox.protocol.values import Malformed, Value, mapping, number, parameters, text, whole

SCHEMA_VERSION = 1
MAX_SECONDS = 30  # of one run: a minute is what all strategies of a candle have
MIN_SECONDS = 0.1
MAX_PARAMETERS = 100  # a person sets them
MAX_PARAMETER_CHARACTERS = 200
MAX_CHECK_ROWS = 3_000  # each is evaluated twice, on all rows before it
KEYS = ("schema_version", "job", "source", "parameters", "columns", "seconds", "max_rows")


class Job(StrEnum):
    """INSPECT describes the class, DECIDE decides the newest candle, CHECK looks for faults on real candles.

    SIGNALS decides all candles at once, and DECISIONS each from its own lookback alone. Both are answered by columns.
    """

    INSPECT = "inspect"
    DECIDE = "decide"
    SIGNALS = "signals"
    DECISIONS = "decisions"
    CHECK = "check"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One job. `columns` are packed candles (`encode_candles`), None for INSPECT alone; `max_rows` belongs to CHECK alone.

    Absent parameters take their defaults. The run has `seconds` once the process is ready.
    """

    job: Job
    source: str
    parameters: Mapping[str, Value]
    columns: Mapping[str, object] | None = None
    seconds: float = MAX_SECONDS
    max_rows: int | None = None

    def to_json(self) -> dict[str, object]:
        """The event of the function's invocation."""
        return {
            "schema_version": SCHEMA_VERSION,
            "job": self.job.value,
            "source": self.source,
            "parameters": dict(self.parameters),
            "columns": None if self.columns is None else dict(self.columns),
            "seconds": self.seconds,
            "max_rows": self.max_rows,
        }

    def to_bytes(self) -> bytes:
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":")).encode()


def parse_request(event: object) -> Request:
    """Read an event; columns are not unpacked yet. Raises `SandboxRefusal` SANDBOX_REQUEST_INVALID."""
    try:
        return _parsed(event)
    except Malformed as error:
        raise SandboxRefusal(SANDBOX_REQUEST_INVALID, str(error)) from error


def _parsed(event: object) -> Request:
    fields: dict[str, Any] = mapping(event, "the request", KEYS)
    whole(fields["schema_version"], "schema_version", SCHEMA_VERSION, SCHEMA_VERSION)
    if fields["job"] not in list(Job):
        raise Malformed(f"job must be one of {', '.join(Job)}")
    job = Job(fields["job"])
    source = text(fields["source"], "source", MAX_SOURCE_BYTES)
    if len(source.encode()) > MAX_SOURCE_BYTES:
        raise Malformed(f"source must have at most {MAX_SOURCE_BYTES} bytes")
    if job is Job.INSPECT:
        if fields["columns"] is not None:
            raise Malformed("an inspection takes no columns")
    else:
        check_packed(fields["columns"])
    if job is Job.CHECK:
        whole(fields["max_rows"], "max_rows", 1, MAX_CHECK_ROWS)
    elif fields["max_rows"] is not None:
        raise Malformed("max_rows belongs to a check")
    return Request(
        job=job,
        source=source,
        parameters=parameters(fields["parameters"], "parameters", MAX_PARAMETERS, MAX_PARAMETER_CHARACTERS),
        columns=fields["columns"],
        seconds=number(fields["seconds"], "seconds", MIN_SECONDS, MAX_SECONDS),
        max_rows=fields["max_rows"],
    )
