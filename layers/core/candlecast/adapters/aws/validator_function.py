"""Checks of uploaded code by way of the function that fetches candles and asks the sandbox: the port of the API.

Event: `{"check": {source, parameters, owner, venue, market, timeframe}}`. Answer: `{parameters, parameter_schema, lookback}`, or
`{"refused_because": {code, message, line, row, candle_close}}` with nulls where nothing shows the place. The answer tells what a
stranger's code said about itself, so nothing in it is believed before its form was checked here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, FunctionRefused, ask_function
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.domain.values.text import is_readable
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.sandbox.lint import lint
from candlecast.sandbox.protocol import MAX_ROWS, SANDBOX_RESULT_INVALID, SandboxRefusal
from candlecast.sandbox.protocol.answer import MAX_LINES, described
from candlecast.sandbox.protocol.values import loads, whole

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "VALIDATOR_UNAVAILABLE"
CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
MAX_MESSAGE_CHARACTERS = 1_000


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
        except (ValueError, RecursionError):  # `Malformed`, or an answer that is no JSON
            raise CodeRefused(SANDBOX_RESULT_INVALID, "what the code says about itself cannot be read") from None


def _checked(text: str) -> CheckedCode:
    """Raises `Malformed` of the sandbox's protocol."""
    answer = loads(text.encode())
    schema, values = described(answer)
    lookback = whole(answer.get("lookback"), "lookback", 1, MAX_LOOKBACK)
    return CheckedCode(parameters=values, parameter_schema=schema, lookback=lookback)


def _refused(refusal: FunctionRefused) -> CodeRefused:
    """The refusal, as far as it has a form of ours."""
    if not isinstance(refusal.code, str) or not CODE.fullmatch(refusal.code) or not isinstance(refusal.message, str):
        return CodeRefused(SANDBOX_RESULT_INVALID, "the code was refused, for a reason that cannot be shown")
    message = "".join(it if is_readable(it) else "?" for it in refusal.message[:MAX_MESSAGE_CHARACTERS])
    details = refusal.details
    return CodeRefused(
        refusal.code,
        message,
        line=_place(details.get("line"), 1, MAX_LINES),
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
