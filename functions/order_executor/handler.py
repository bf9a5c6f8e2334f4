"""One subscriber's share of a signal: decide it on their account and place it, exactly once in effect."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import observed

with uncollected():
    from candlecast.runtime.compose import order_executor


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return order_executor.build()(event, context)
