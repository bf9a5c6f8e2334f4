"""One account is due: compare it with its venue and put right what differs."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import observed

with uncollected():
    from candlecast.runtime.compose import order_reconciler


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return order_reconciler.build()(event, context)
