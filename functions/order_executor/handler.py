"""One subscriber's share of a signal: decide it on their account and place it, exactly once in effect."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime import bootstrap
from candlecast.runtime.observe import observed


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return bootstrap.order_executor()(event, context)
