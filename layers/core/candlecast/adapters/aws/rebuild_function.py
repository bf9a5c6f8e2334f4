"""A rebuild of history by way of the function that may do it: a slice for each synchronous invocation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "REBUILD_UNAVAILABLE"
RETRY_AFTER_SECONDS = 5.0
WAITING = "LETTERS_WAITING"


class FunctionRebuild:
    """Asks the function. The client waits for an answer longer than the function may work, and never asks again by itself."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, wanted: RebuildRequest, by: str) -> RebuildProgress:
        """One slice. Raises `Conflict` (LETTERS_WAITING), `InvalidValue`, or `RetryLater` if the function did not answer."""
        event = json.loads(to_json(wanted)) | {"by": by}
        with aws_errors(UNAVAILABLE):
            answer = self._client().invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError") or not isinstance(body, dict):
            raise RetryLater(UNAVAILABLE, "the function that rebuilds failed, see its log", after_seconds=RETRY_AFTER_SECONDS)
        refusal = body.get("refused_because")
        if refusal is None:
            return from_json(RebuildProgress, json.dumps(body))
        if refusal["code"] == WAITING:
            raise Conflict(refusal["code"], refusal["message"])
        raise InvalidValue(refusal["message"], code=refusal["code"])
