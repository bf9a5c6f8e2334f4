"""Hourly, and when asked: write the catalogue of each venue's markets; at once, for the API: quote a market."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import DomainError
from candlecast.runtime.answers import as_answer
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import market_catalogue


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Refresh the venues named in `event["venues"]`, or all of them; answers the number of markets by venue.

    `{"venues": [...], "believe": true}` takes over a list that was not believed, because a person has looked.
    `{"quote": {"venue": ..., "market": ...}}` is answered with the market's quote; a refusal is `{"refused_because": ...}`.
    """
    if "quote" in event:
        return _quote(event["quote"])
    counts = market_catalogue.build()(event.get("venues"), believe=event.get("believe") is True)
    logger.info("catalogue written", extra={"markets": counts})
    return counts


def _quote(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return as_answer(market_catalogue.quotes()(str(asked.get("venue")), str(asked.get("market"))))
    except DomainError as error:
        logger.warning("no quote", extra={"reason_code": error.code})
        return {"refused_because": {"code": error.code, "message": error.message}}
