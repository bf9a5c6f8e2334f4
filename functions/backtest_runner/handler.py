"""A backtest is wanted: compute it on past candles, and keep its results."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import observed

with uncollected():
    from candlecast.runtime.compose import backtest_runner


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return backtest_runner.build()(event, context)
