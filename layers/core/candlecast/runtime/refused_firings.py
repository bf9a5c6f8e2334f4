"""The answer of a clock to an event that it does not act on.

An exception would make Lambda retry the event twice and then dead-letter it for somebody to redrive. No event gets younger.
"""

from __future__ import annotations

from typing import Any

from candlecast.domain.values.firing import FiringRefused
from candlecast.runtime.observe import EmfMetrics, logger


def refused(error: FiringRefused) -> dict[str, Any]:
    """Count and log the event, and answer why nothing was done."""
    metrics = EmfMetrics()
    metrics.count("FiringsRefused")
    logger.error("firing refused", extra={"reason_code": error.code, "reason": error.message})
    return {"refused_because": {"code": error.code, "message": error.message}}
