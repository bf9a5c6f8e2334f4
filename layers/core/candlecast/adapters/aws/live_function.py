"""Work on live connections, handed to the function that may do it. Event: `{"close": [connection ids]}`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "LIVE_UNAVAILABLE"


class LiveFunction:
    """`ports.live.LiveTasks`: one asynchronous invocation each, which Lambda makes once and never again."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def ask_to_close(self, connection_ids: Sequence[str]) -> None:
        self._send({"close": list(connection_ids)})

    def _send(self, event: dict[str, Any]) -> None:
        with aws_errors(UNAVAILABLE):
            self._client().invoke(FunctionName=self._function, InvocationType="Event", Payload=json.dumps(event).encode())
