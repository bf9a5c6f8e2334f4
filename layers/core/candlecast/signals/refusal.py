"""The closed set of reasons why a message from outside is not taken. The codes are public (docs/guides/send-signals.md)."""

from __future__ import annotations

from enum import StrEnum

from candlecast.domain.values.errors import Reject


class Refusal(StrEnum):
    """Why nothing was traded for a message, grouped by the remedy of its sender."""

    # who sends
    UNAUTHENTICATED = "UNAUTHENTICATED"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    # what its source may cause
    RATE_EXCEEDED = "RATE_EXCEEDED"
    DAILY_NOTIONAL_REACHED = "DAILY_NOTIONAL_REACHED"
    # the body as such
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    BODY_TOO_COMPLEX = "BODY_TOO_COMPLEX"
    INVALID_ENCODING = "INVALID_ENCODING"
    MALFORMED_JSON = "MALFORMED_JSON"
    UNKNOWN_DIALECT = "UNKNOWN_DIALECT"
    UNRESOLVED_PLACEHOLDER = "UNRESOLVED_PLACEHOLDER"
    # its fields
    MISSING_FIELD = "MISSING_FIELD"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    INVALID_TEXT = "INVALID_TEXT"
    INVALID_NUMBER = "INVALID_NUMBER"
    INVALID_TIME = "INVALID_TIME"
    INVALID_ACTION = "INVALID_ACTION"
    INVALID_SENTIMENT = "INVALID_SENTIMENT"
    INVALID_ORDER_TYPE = "INVALID_ORDER_TYPE"
    INVALID_STOP_LOSS = "INVALID_STOP_LOSS"
    INVALID_TAKE_PROFIT = "INVALID_TAKE_PROFIT"
    # understood, and cannot be traded as it stands
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    STRATEGY_MISSING = "STRATEGY_MISSING"
    SIGNAL_TOO_OLD = "SIGNAL_TOO_OLD"
    SIGNAL_FROM_FUTURE = "SIGNAL_FROM_FUTURE"
    PRICE_REQUIRED = "PRICE_REQUIRED"
    STOP_ON_WRONG_SIDE = "STOP_ON_WRONG_SIDE"
    TARGET_ON_WRONG_SIDE = "TARGET_ON_WRONG_SIDE"
    TOO_MANY_TARGETS = "TOO_MANY_TARGETS"
    # understood, and not offered: refused rather than half done
    UNSUPPORTED_ACTION = "UNSUPPORTED_ACTION"
    UNSUPPORTED_ORDER_TYPE = "UNSUPPORTED_ORDER_TYPE"
    UNSUPPORTED_STOP_TYPE = "UNSUPPORTED_STOP_TYPE"
    UNSUPPORTED_TRAILING_STOP = "UNSUPPORTED_TRAILING_STOP"
    UNSUPPORTED_TIME_IN_FORCE = "UNSUPPORTED_TIME_IN_FORCE"
    UNSUPPORTED_PARTIAL_EXIT = "UNSUPPORTED_PARTIAL_EXIT"
    UNSUPPORTED_DELAY = "UNSUPPORTED_DELAY"
    UNSUPPORTED_OPTIONS = "UNSUPPORTED_OPTIONS"


class RefusedMessage(Reject):
    """A message that is not taken; `detail` is ours and repeats nothing of the message, which may hold a secret.

    `after_seconds`: the time after which the same message can be taken; None if a repeat is of no use.
    """

    def __init__(self, refusal: Refusal, detail: str, *, after_seconds: float | None = None) -> None:
        super().__init__(refusal.value, detail)
        self.refusal = refusal
        self.after_seconds = after_seconds
