"""Work on live connections, handed to the function that may do it.

Events: `{"close": [connection ids]}`, and `{"push": [changes with connections]}` as the codec writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.codec import list_from_json, to_json
from candlecast.domain.live.change import Push

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "LIVE_UNAVAILABLE"
# Of one asynchronous invocation, which takes 256 KB at least: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_BYTES = 240_000


class LiveFunction:
    """`ports.live.LiveTasks`: one asynchronous invocation each, which Lambda makes once and never again."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def ask_to_close(self, connection_ids: Sequence[str]) -> None:
        self._send(json.dumps({"close": list(connection_ids)}))

    def ask_to_push(self, pushes: Sequence[Push]) -> None:
        for texts in _within_bounds([to_json(push) for push in pushes]):
            self._send(f'{{"push":[{",".join(texts)}]}}')

    def _send(self, payload: str) -> None:
        with aws_errors(UNAVAILABLE):
            self._client().invoke(FunctionName=self._function, InvocationType="Event", Payload=payload.encode())


def pushes_of(pushed: Any) -> tuple[Push, ...]:
    """The pushes of such an event. Raises `InvalidValue` (UNREADABLE)."""
    return list_from_json(Push, json.dumps(pushed))


def _within_bounds(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in as few invocations as take them: nearly always one."""
    part: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode()) + 1
        if part and size + length > MAX_BYTES:
            yield part
            part, size = [], 0
        part.append(text)
        size += length
    if part:
        yield part
