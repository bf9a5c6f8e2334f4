"""Checks of uploaded code by way of the function that fetches candles and asks the sandbox: the port of the API.

Event: `{"check": {source, parameters, owner, venue, market, timeframe}}`. Answer: `{parameters, parameter_schema, lookback}`, or
`{"refused_because": {code, message, line, row, candle_close}}` with nulls where nothing shows the place. The answer tells what a
stranger's code said about itself, so nothing in it is believed before its form was checked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, FunctionRefused, ask_function
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.domain.values.text import is_readable
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.sandbox.lint import lint
from candlecast.sandbox.protocol.refusal import SandboxRefusal

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "VALIDATOR_UNAVAILABLE"
MALFORMED = "SANDBOX_RESULT_INVALID"
CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
MAX_MESSAGE_CHARACTERS = 1_000
MAX_LINE = 1_000_000  # a source of the largest size, with nothing in its lines
MAX_PARAMETERS = 100  # a person sets them
MAX_NAME_CHARACTERS = 64
MAX_VALUE_CHARACTERS = 200
MAX_WHOLE = 2**53  # exact in every JSON reader
MAX_SCHEMA_BYTES = 100_000  # a kilobyte for each parameter; the version's item has at most 400 kB
MAX_ROWS = 10_000  # more candles than a check has


class FunctionCodeChecks:
    """`ports.code_checks.CodeChecks`: one synchronous invocation each; the client is made at the first use and never retries."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def check(self, upload: CodeUpload) -> CheckedCode:
        """Lint the text here, which needs none of its code to run, and have the function check the rest."""
        try:
            hints = lint(upload.source.encode())
        except SandboxRefusal as refusal:
            raise CodeRefused(refusal.code, refusal.message, line=refusal.line) from None
        return replace(self._ask(upload), hints=hints)

    def _ask(self, upload: CodeUpload) -> CheckedCode:
        event = {"check": {**asdict(upload), "timeframe": upload.timeframe.value}}
        try:
            return _checked(ask_function(self._client(), self._function, event, UNAVAILABLE))
        except FunctionRefused as refusal:
            if refusal.code == UNAVAILABLE:  # of the function: its venue or its sandbox did not answer
                raise RetryLater(UNAVAILABLE, "the check could not be made", after_seconds=RETRY_AFTER_SECONDS) from None
            raise _refused(refusal) from None
        except (ValueError, RecursionError):  # no JSON, a number that is none, text that is no UTF-8
            raise CodeRefused(MALFORMED, "what the code says about itself cannot be read") from None


class _Malformed(CodeRefused):
    """An answer that no honest code leads to."""

    def __init__(self, message: str) -> None:
        super().__init__(MALFORMED, message)


def _checked(text: str) -> CheckedCode:
    answer: Any = json.loads(text)
    schema = answer.get("parameter_schema")
    if not isinstance(schema, dict) or len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode()) > MAX_SCHEMA_BYTES:
        raise _Malformed("the schema of the parameters is none, or too large")
    properties, parameters = schema.get("properties"), answer.get("parameters")
    if not isinstance(properties, dict) or not all(isinstance(described, dict) for described in properties.values()):
        raise _Malformed("the schema of the parameters describes none of them")
    if not isinstance(parameters, dict) or parameters.keys() != properties.keys():
        raise _Malformed("parameters and their schema have different names")
    if len(parameters) > MAX_PARAMETERS or not all(len(name) <= MAX_NAME_CHARACTERS and is_readable(name) for name in parameters):
        raise _Malformed(f"over {MAX_PARAMETERS} parameters, or a name of over {MAX_NAME_CHARACTERS} characters")
    if not all(map(_is_value, parameters.values())):
        raise _Malformed("a parameter has a value that is neither text, number nor truth value")
    return CheckedCode(parameters=parameters, parameter_schema=schema, lookback=_whole(answer, "lookback", 1, MAX_LOOKBACK))


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARACTERS and is_readable(value)
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and abs(value) <= MAX_WHOLE


def _whole(answer: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = answer.get(name)
    if type(value) is not int or not least <= value <= most:
        raise _Malformed(f"{name} is no whole number from {least} to {most}")
    return value


def _refused(refusal: FunctionRefused) -> CodeRefused:
    """The refusal, as far as it has a form of ours."""
    if not isinstance(refusal.code, str) or not CODE.fullmatch(refusal.code) or not isinstance(refusal.message, str):
        return CodeRefused(MALFORMED, "the code was refused, for a reason that cannot be shown")
    message = "".join(it if is_readable(it) else "?" for it in refusal.message[:MAX_MESSAGE_CHARACTERS])
    details = refusal.details
    return CodeRefused(
        refusal.code,
        message,
        line=_place(details.get("line"), 1, MAX_LINE),
        row=_place(details.get("row"), 0, MAX_ROWS),
        candle_close=_instant(details.get("candle_close")),
    )


def _place(value: object, least: int, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None


def _instant(value: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return instant if instant is not None and instant.tzinfo is not None else None
