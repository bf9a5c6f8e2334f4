"""A rebuild of history by way of the function that may do it: a slice for each synchronous invocation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import FunctionRefused, ask_function
from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "REBUILD_UNAVAILABLE"
WAITING = "LETTERS_WAITING"


class FunctionRebuild:
    """Asks the function. The client waits for an answer longer than the function may work, and never asks again by itself."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def __call__(self, wanted: RebuildRequest, by: str) -> RebuildProgress:
        """One slice. Raises `Conflict` (LETTERS_WAITING), `InvalidValue`, or `RetryLater` if the function did not answer."""
        event = json.loads(to_json(wanted)) | {"by": by}
        try:
            return from_json(RebuildProgress, ask_function(self._client(), self._function, event, UNAVAILABLE))
        except FunctionRefused as refusal:
            if refusal.code == WAITING:
                raise Conflict(refusal.code, refusal.message) from None
            raise InvalidValue(refusal.message, code=refusal.code) from None
