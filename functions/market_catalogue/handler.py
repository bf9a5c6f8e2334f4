"""Hourly, and when asked: write the catalogue of each venue's markets that every other function reads."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import market_catalogue


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Refresh the venues named in `event["venues"]`, or all of them; answers the number of markets by venue."""
    counts = market_catalogue.build()(event.get("venues"))
    logger.info("catalogue written", extra={"markets": counts})
    return counts
