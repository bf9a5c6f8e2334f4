"""The one function that may touch dead letters: list, show, redrive, drop.

Messages that are stale by then expire by themselves.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.ports.dead_letters import MAX_LISTED, DeadLetters
from candlecast.runtime.answers import as_answer
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import dlq_redrive

UNNAMED = "unnamed"  # who invokes the function by hand; AWS knows, if the trail records invocations


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take `{"action": ..., "queue": ..., ...}` as `_answer` reads it; a refusal is an answer: `{"refused_because": ...}`.

    `by` says who asks, `within_seconds` when an answer is needed. Without an action, `{"queue": "trade"}` redrives all.
    """
    remaining = context.get_remaining_time_in_millis() / 1000
    spare = max(0.0, remaining - float(event.get("within_seconds", remaining)))

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - spare

    try:
        return as_answer(_answer(dlq_redrive.build()(seconds_left), event))
    except (InvalidValue, NotFound) as error:
        logger.warning("dead letters refused", extra={"reason_code": error.code, "by": event.get("by", UNNAMED)})
        return {"refused_because": {"code": error.code, "message": error.message}}


def _answer(letters: DeadLetters, event: dict[str, Any]) -> object:
    queue, by = str(event.get("queue")), str(event.get("by") or UNNAMED)
    match event.get("action", "redrive"):
        case "list":
            return letters.entries(queue, int(event.get("limit", MAX_LISTED)))
        case "show":
            return letters.entry(queue, str(event.get("message_id")))
        case "redrive":
            return letters.redrive(queue, event.get("message_ids"), by)
        case "drop":
            return letters.drop(queue, str(event.get("message_id")), by)
    raise InvalidValue("action must be list, show, redrive or drop", code="ACTION_UNKNOWN")
