"""Every minute: ask each component whether it answers, and write the health that `GET /health` shows."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import health_probe


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Take `{"issuer": "https://..."}`, the issuer of tokens, and answer each component's state."""
    health = health_probe.build(event["issuer"])()
    states = {name: component.state.value for name, component in health.components.items()}
    errors = {name: component.error for name, component in health.components.items() if component.error is not None}
    logger.info("health written", extra={"state": health.state.value, "states": states, "errors": errors})
    return states
