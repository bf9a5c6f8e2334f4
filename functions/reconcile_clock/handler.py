"""Every minute: ask for looks at accounts that are due, sweep reservations of pools, complete the copies of kill switches.

Then watch the schedules of the candle clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import reconcile_clock


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Take `{"scheduled_time": "2026-11-21T02:09:00Z"}` and answer how many accounts were asked for."""
    request_reconciles, sweep_pools, complete_switches, watch_schedules = reconcile_clock.build()
    asked = request_reconciles(datetime.fromisoformat(event["scheduled_time"]))
    released = sweep_pools()
    complete_switches()
    if overdue := watch_schedules():
        logger.error("schedules overdue", extra={"timeframes": overdue})
    logger.info("reconciles requested", extra={"accounts": asked, "released_reservations": released})
    return {"accounts": asked, "released_reservations": released}
