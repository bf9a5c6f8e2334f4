"""The public ping of a venue: its clock, the one question that ccxt asks of every venue in the same way."""

from __future__ import annotations

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.errors import instruction, reading


class VenuePing:
    """`ports.health.Probe`: no key and no market is needed; exactly one request (Binance: `/fapi/v1/time`, weight 1)."""

    def __init__(self, templates: Templates, venue: str) -> None:
        self._templates = templates
        self._venue = venue

    def check(self) -> None:
        """Raises `RetryLater`, RATE_LIMITED with the venue's own pause."""
        client = self._templates.of(self._venue)
        try:
            client.fetch_time()
        except Exception as error:
            raise reading(instruction(error, client.last_response_headers)) from None
