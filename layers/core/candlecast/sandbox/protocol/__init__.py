"""Requests to the sandbox and its answers, both read as hostile: exact types, sizes, plausible values, no unknown keys."""

from candlecast.sandbox.protocol.answer import Answer, Checked, Inspected, SignalColumns, parse_answer
from candlecast.sandbox.protocol.columns import MAX_ROWS, decode_columns, encode_candles, encode_columns
from candlecast.sandbox.protocol.refusal import (
    CODES,
    SANDBOX_CRASHED,
    SANDBOX_FORBIDDEN,
    SANDBOX_MEMORY,
    SANDBOX_REQUEST_INVALID,
    SANDBOX_RESULT_INVALID,
    SANDBOX_RESULT_TOO_LARGE,
    SANDBOX_TIMEOUT,
    SandboxRefusal,
)
from candlecast.sandbox.protocol.request import (
    MAX_CHECK_ROWS,
    MAX_SECONDS,
    SCHEMA_VERSION,
    Job,
    Request,
    parse_request,
)

__all__ = [
    "CODES",
    "MAX_CHECK_ROWS",
    "MAX_ROWS",
    "MAX_SECONDS",
    "SANDBOX_CRASHED",
    "SANDBOX_FORBIDDEN",
    "SANDBOX_MEMORY",
    "SANDBOX_REQUEST_INVALID",
    "SANDBOX_RESULT_INVALID",
    "SANDBOX_RESULT_TOO_LARGE",
    "SANDBOX_TIMEOUT",
    "SCHEMA_VERSION",
    "Answer",
    "Checked",
    "Inspected",
    "Job",
    "Request",
    "SandboxRefusal",
    "SignalColumns",
    "decode_columns",
    "encode_candles",
    "encode_columns",
    "parse_answer",
    "parse_request",
]
