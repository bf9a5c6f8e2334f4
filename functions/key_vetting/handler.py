"""Keys of an account are new, or it is their day: ask the venue what they may do."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import observed

with uncollected():
    from candlecast.runtime.compose import key_vetting


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consume a batch of its queue; answers which messages are to come back."""
    return key_vetting.build()(event, context)
