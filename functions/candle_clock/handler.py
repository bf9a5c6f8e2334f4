"""A schedule fires one minute before a close: announce the candles that are about to close."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.market.firings import firing_in
from candlecast.domain.values.firing import FiringRefused
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from candlecast.runtime.refused_firings import refused

with uncollected():
    from candlecast.runtime.compose import candle_clock


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take `{"timeframe": "1m", "scheduled_time": "2026-11-21T02:09:00Z"}` and answer how many candles were announced.

    An event that is malformed, late or early is answered with `{"refused_because": ...}`.
    """
    announce = candle_clock.build()
    try:
        timeframe, scheduled_at = firing_in(event)
        sent = announce(timeframe, scheduled_at)
    except FiringRefused as error:
        return refused(error)
    logger.info("candles announced", extra={"timeframe": timeframe, "scheduled_at": scheduled_at.isoformat(), "candles": sent})
    return {"candles": sent}
