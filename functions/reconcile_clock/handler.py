"""Every minute: complete the copies of kill switches, watch the pause of a deployment and the schedules of the candle clock.

Then ask for looks at accounts that are due, sweep reservations of pools, and refresh cards of the marketplace. Send tasks of
backtests that were left behind. End live connections whose token has ended. Safety comes first. No failure hides another step.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.firing import FiringRefused, instant_in
from candlecast.runtime.clock_steps import ClockSteps
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from candlecast.runtime.refused_firings import refused

with uncollected():
    from candlecast.runtime.compose import reconcile_clock


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take `{"scheduled_time": "2026-11-21T02:09:00Z"}` and answer how many accounts were asked for.

    A person's `{"due_by": ...}` asks at once for all accounts that are due by then, with `"full": true` for full looks. An event
    that is malformed, late or early asks for nothing and is answered with `{"refused_because": ...}`. The first failure of a step
    is raised after the last step.
    """
    clock = reconcile_clock.build()
    by_a_person = "due_by" in event
    at_once = partial(clock.request_reconciles.at_once, full=event.get("full") is True)
    ask = at_once if by_a_person else clock.request_reconciles
    with ClockSteps() as step:
        step("complete switches", clock.complete_switches)
        step("watch the pause", clock.watch_pause)
        if not by_a_person and (overdue := step("watch schedules", clock.watch_schedules)):
            logger.error("schedules overdue", extra={"schedules": overdue})
        try:
            asked = step("ask for looks", lambda: ask(instant_in(event, "due_by" if by_a_person else "scheduled_time")))
        except FiringRefused as error:
            return refused(error)
        released = step("sweep pools", clock.sweep_pools)
        if not by_a_person:
            step("refresh listings", clock.refresh_listings)
            if unsent := step("send unsent backtests", clock.send_unsent):
                logger.warning("tasks sent that were left behind", extra={"backtests": unsent})
            step("end live connections", clock.find_ended_connections)
    logger.info("reconciles requested", extra={"accounts": asked, "released_reservations": released})
    return {"accounts": asked, "released_reservations": released}
