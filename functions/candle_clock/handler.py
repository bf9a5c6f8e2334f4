"""A schedule fires one minute before a close: announce the candles that are about to close."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.timeframe import Timeframe
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import candle_clock


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Take `{"timeframe": "1m", "scheduled_time": "2026-11-21T02:09:00Z"}` and answer how many candles were announced."""
    timeframe = Timeframe.parse(event["timeframe"])
    scheduled_at = datetime.fromisoformat(event["scheduled_time"])
    sent = candle_clock.build()(timeframe, scheduled_at)
    logger.info("candles announced", extra={"timeframe": timeframe, "scheduled_at": scheduled_at.isoformat(), "candles": sent})
    return {"candles": sent}
