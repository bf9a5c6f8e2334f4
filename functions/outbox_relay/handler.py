"""The table's stream: archive a batch of accounts' events, project them to the history that queries read, publish them.

Last of all, those who listen are told. The stream goes on as it would without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.failures import described
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import outbox_relay

TELLING_MILLISECONDS = 12_000  # a lookup and an invocation at their slowest, and some time to end


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Relay a batch of stream records in order; answers the first record from which the stream redelivers.

    A batch that cannot be archived fails as a whole, so no event is lost between stream and archive.
    """
    batch = outbox_relay.build()(event["Records"])
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    relay = partial(_relay, batch.relay)
    answer = dict(process_partial_response(event=event, record_handler=relay, processor=processor, context=context))
    _tell(batch.tell_listeners, context)
    return answer


def _relay(relay: Callable[[Any], Iterable[Any]], record: Any) -> None:
    for alert in relay(record):
        where = {"tenant_id": alert.tenant_id, "account_id": alert.account_id, "market": alert.event.market}
        why = {"reason_code": alert.event.code, "failure": alert.event.failure}
        logger.warning("critical alert", extra=where | why)


def _tell(tell: Callable[[], int], context: LambdaContext) -> None:
    """Tell listeners if there is time. No failure of it is one of the batch, which is relayed already."""
    if context.get_remaining_time_in_millis() < TELLING_MILLISECONDS:
        logger.warning("listeners not told", extra={"reason_code": "NO_TIME_LEFT"})
        return
    try:
        tell()
    except Exception as error:
        logger.warning("listeners not told", extra=described(error))
