"""Quotes by way of the function that has the exchange layer and no keys: the port of functions that must not load ccxt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, FunctionRefused, ask_function
from candlecast.adapters.codec import from_json
from candlecast.domain.market.quote import Quote
from candlecast.domain.values.errors import Reject, RetryLater

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UNAVAILABLE = "QUOTE_UNAVAILABLE"


class FunctionQuotes:
    """`ports.venue.Quotes`: one synchronous invocation each; the client is made at the first use and never retries."""

    def __init__(self, client: Callable[[], LambdaClient], function: str) -> None:
        self._client = client
        self._function = function

    def quote(self, venue: str, market: str, at: datetime) -> Quote:
        """The quote with the function's own time of it, which is about `at`; raises `Reject` (UNKNOWN_MARKET), `RetryLater`."""
        event = {"quote": {"venue": venue, "market": market}}
        try:
            return from_json(Quote, ask_function(self._client(), self._function, event, UNAVAILABLE))
        except FunctionRefused as refusal:
            if refusal.code == "UNKNOWN_MARKET":
                raise Reject("UNKNOWN_MARKET", refusal.message) from None
            raise RetryLater(UNAVAILABLE, refusal.code, after_seconds=RETRY_AFTER_SECONDS) from None
