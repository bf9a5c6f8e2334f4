"""The table's stream: archive a batch of accounts' events, project them to the history that queries read, publish them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import outbox_relay


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Relay a batch of stream records in order; answers the first record from which the stream redelivers.

    A batch that cannot be archived fails as a whole, so no event is lost between stream and archive.
    """
    relay = partial(_relay, outbox_relay.build()(event["Records"]))
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event=event, record_handler=relay, processor=processor, context=context))


def _relay(relay: Callable[[Any], Iterable[Any]], record: Any) -> None:
    for alert in relay(record):
        where = {"tenant_id": alert.tenant_id, "account_id": alert.account_id, "market": alert.event.market}
        why = {"reason_code": alert.event.code, "failure": alert.event.failure}
        logger.warning("critical alert", extra=where | why)
