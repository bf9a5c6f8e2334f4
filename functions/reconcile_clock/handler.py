"""Every minute: ask for a look at the venue for every account that is due, and look at reservations that nobody has released."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime import bootstrap
from candlecast.runtime.observe import logger, observed


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Take `{"scheduled_time": "2026-11-21T02:09:00Z"}` and answer how many accounts were asked for."""
    asked = bootstrap.reconcile_clock()(datetime.fromisoformat(event["scheduled_time"]))
    released = bootstrap.pool_sweep()()
    logger.info("reconciles requested", extra={"accounts": asked, "released_reservations": released})
    return {"accounts": asked, "released_reservations": released}
