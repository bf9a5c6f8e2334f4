"""One call puts a queue's dead letters back into it. What has become stale meanwhile expires by itself."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime import bootstrap
from candlecast.runtime.observe import logger, observed


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Take `{"queue": "trade"}` (candle, signal, trade or reconcile) and answer how many messages were put back."""
    redriven = bootstrap.dlq_redrive()(event["queue"], lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("dead letters redriven", extra={"queue": event["queue"], "messages": redriven})
    return {"redriven": redriven}
