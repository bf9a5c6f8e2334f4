"""A candle has closed: run every strategy that is due on it, once."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime import bootstrap
from candlecast.runtime.observe import observed


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return bootstrap.strategy_runner()(event, context)
