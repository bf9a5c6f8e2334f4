"""A day has ended: compare what live has decided with a backtest, one strategy at a time."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.firing import FiringRefused, instant_in
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from candlecast.runtime.refused_firings import refused

with uncollected():
    from candlecast.runtime.compose import parity_checker


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back.

    The daily schedule's `{"scheduled_time": "2026-11-21T01:20:00Z"}` asks for the day before, of each followed strategy, and is
    answered with their number. An event that is malformed, late or early is answered with `{"refused_because": ...}`.
    """
    if "Records" in event:
        return parity_checker.build()(event, context)
    try:
        asked = parity_checker.daily()(instant_in(event, "scheduled_time"))
    except FiringRefused as error:
        return refused(error)
    logger.info("parity asked for", extra={"strategies": asked})
    return {"strategies": asked}
