"""Make history anew from the archive of events, a slice for each invocation.

An operator asks; no order and no account is touched.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.runtime.answers import as_answer
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import history_rebuild

UNNAMED = "unnamed"  # who invokes the function by hand; AWS knows, if the trail records invocations


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the fields of a `RebuildRequest` and `by`, who asks; a refusal is an answer: `{"refused_because": ...}`."""

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    by = str(event.get("by") or UNNAMED)
    try:
        progress = history_rebuild.build()(event, seconds_left)
    except (Conflict, InvalidValue) as error:
        logger.warning("rebuild refused", extra={"reason_code": error.code, "by": by})
        return {"refused_because": {"code": error.code, "message": error.message}}
    answer = as_answer(progress)
    logger.info("history rebuilt", extra={"by": by, "dry_run": bool(event.get("dry_run")), **answer})
    return answer
