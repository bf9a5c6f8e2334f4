"""Errors around a request that are neither the venue's nor ccxt's: of HTTP headers, of encodings, of parsing, of signing."""

from __future__ import annotations

from candlecast.domain.values.errors import Ambiguous, DomainError


def unforeseen(error: Exception) -> DomainError:
    """The instruction for any error that no rule knows; raise it `from None`, because the original's text may hold the key.

    The request may have been sent, so its outcome is unknown. An instruction stays as it is.
    """
    return error if isinstance(error, DomainError) else Ambiguous("OUTCOME_UNKNOWN", type(error).__name__)
