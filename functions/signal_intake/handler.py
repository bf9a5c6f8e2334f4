"""A signal from outside: check who sends it, store and queue it, answer with its id. Never waits for an exchange."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed
from candlecast.signals.refusal import RefusedMessage
from functions.signal_intake.webhook import accepted, misdirected, proven_source, read_request, refused, try_again

with uncollected():
    from candlecast.runtime.compose import signal_intake


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take an HTTP API event (payload 2.0) below `/webhooks/` and answer it; signals come by POST alone.

    Neither the event nor anything made of it is logged: path, body and headers can hold the sender's secret.
    """
    if (answer := misdirected(event)) is not None:
        return answer
    request = read_request(event)
    try:
        receipt = signal_intake.build()(request)
    except RefusedMessage as refusal:
        logger.warning("webhook refused", extra={"reason_code": refusal.code, "source_id": proven_source(request, refusal)})
        return refused(refusal)
    except RetryLater as error:
        logger.warning("webhook not taken", extra={"reason_code": error.code})
        return try_again(error)
    logger.append_keys(correlation_id=receipt.signal_id)
    logger.info("webhook accepted", extra={"source_id": request.source_id, "duplicate": receipt.duplicate})
    return accepted(receipt)
