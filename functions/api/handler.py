"""Everything that people do: the HTTP API's requests, answered by a FastAPI application behind Mangum."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from functions.api.app import create_adapter

with uncollected():
    from candlecast.runtime.compose import api


@cache
def _adapter() -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum asks for the current loop, and Python makes none by itself
    api.build()
    return create_adapter()


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload format 2.0)."""
    logger.append_keys(correlation_id=event["requestContext"]["requestId"])
    return _adapter()(event, context)
