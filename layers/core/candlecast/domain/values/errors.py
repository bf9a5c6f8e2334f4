"""Errors that tell the caller what to do.

There are four instructions and no others. `Reject` is final, `RetryLater` says when to retry, and `Ambiguous` says that an order
may exist. `Fatal` says that the account must not be used until its owner has acted. Adapters translate every foreign error once
into an instruction; services act on it. Any other error is a bug and ends in a dead-letter queue.
"""

from __future__ import annotations

from datetime import datetime


class DomainError(Exception):
    """Base of all errors with a stable code.

    `code` is SCREAMING_SNAKE and part of the public interface; `message` is for people and holds no secret.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class InvalidValue(DomainError, ValueError):
    """A value that its type does not allow: NaN, a float for money, a naive datetime, a bound that is exceeded."""

    def __init__(self, message: str, code: str = "INVALID_VALUE") -> None:
        super().__init__(code, message)


class NotFound(DomainError):
    """The thing does not exist for this tenant; a foreign tenant's thing is answered in the same way."""

    def __init__(self, message: str, code: str = "NOT_FOUND") -> None:
        super().__init__(code, message)


class Conflict(DomainError):
    """The state of the thing does not allow the request; reading again and deciding again may help."""


class PreconditionFailed(Conflict):
    """The thing is not in the state that the caller has seen and named; nothing was changed."""

    def __init__(self, message: str) -> None:
        super().__init__("PRECONDITION_FAILED", message)


class Reject(DomainError):
    """Terminal refusal: nothing was executed and nothing will be."""


class CodeRefused(Reject):
    """Code of a strategy is refused, with the place where the fault shows, if it shows in one.

    `line` is a line of its text, `row` one of the candles that it was tried on, and `candle_close` the close of that candle.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        line: int | None = None,
        row: int | None = None,
        candle_close: datetime | None = None,
    ) -> None:
        super().__init__(code, message)
        self.line = line
        self.row = row
        self.candle_close = candle_close


class RetryLater(DomainError):
    """Nothing was executed; trying again after `after_seconds` is safe and sensible.

    Each retry in a row waits longer; `at_most_seconds` bounds the next wait where a later retry would be pointless.
    """

    def __init__(self, code: str, message: str = "", *, after_seconds: float, at_most_seconds: float | None = None) -> None:
        super().__init__(code, message)
        self.after_seconds = after_seconds
        self.at_most_seconds = at_most_seconds


class Ambiguous(DomainError):
    """The outcome is unknown: the order may exist. Never send it again before the venue has been asked for it."""


class Fatal(DomainError):
    """The account cannot be used (key locked by the venue, or gone): disable it and tell its owner."""


class Poison(DomainError):
    """A message that can never be processed: it goes to the dead letters with this reason, at once."""
