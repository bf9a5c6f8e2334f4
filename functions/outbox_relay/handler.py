"""The table's stream: project an account's events to the history that queries read, and publish the events."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import observed

with uncollected():
    from candlecast.runtime.compose import outbox_relay


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Relay a batch of stream records in order; answers the first record from which the stream redelivers."""
    relay = outbox_relay.build()
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event=event, record_handler=relay, processor=processor, context=context))
