"""Every way in which a venue can fail, as one of the four instructions. This is the only place where ccxt's errors end.

The venue's own code decides before ccxt's class does. For a duplicate client id ccxt has no class, and a revoked key becomes a
rate limit once any call has succeeded. Messages of ccxt hold URLs with signatures, so only code and class are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import ccxt
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import NewConnectionError

from candlecast.domain.values.errors import Ambiguous, DomainError, Fatal, Reject, RetryLater

VENUE_CODE = re.compile(r'"code":\s*"?(-?\d+)')
VENUE_TEXT = re.compile(r'"msg":\s*"([^"]{0,200})')
DEFAULT_RETRY_SECONDS = 5.0
MAX_RETRY_SECONDS = 900.0  # the longest that a message is put off in one go

# https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
AUTHENTICATION = {"-1022", "-2014", "-2015"}
RATE_LIMIT = {"-1003"}  # our address has asked too often: everybody behind it keeps silent
ORDER_RATE = {"-1015"}  # this account has ordered too often
OVERLOADED = {"-1008"}
CLOCK = {"-1021"}
UNKNOWN_OUTCOME = {"-1000", "-1001", "-1006", "-1007"}
DUPLICATE_CLIENT_ID = {"-4116", "-4111"}  # an order with this id is open: it is ours, and it exists
FUNDS = {"-2018", "-2019", "-2027", "-4131"}
NO_SUCH_ORDER = {"-2011", "-2013"}
WOULD_TAKE = {"-5022"}  # a post-only order would have been filled at once
WRONG_POSITION_MODE = {"-4061"}
UNCHANGED = {"-4046", "-4059"}  # margin type or position mode is what was asked for


def venue_code(error: Exception) -> str | None:
    """The venue's own error code, if its answer had one."""
    found = VENUE_CODE.search(str(error))
    return found.group(1) if found else None


def _retry(code: str) -> Callable[[Mapping[str, str]], DomainError]:
    return lambda headers: RetryLater(code, "", after_seconds=_retry_after(headers))


def _fixed(kind: type[DomainError], code: str) -> Callable[[Mapping[str, str]], DomainError]:
    return lambda _: kind(code)


_BY_CODE: tuple[tuple[set[str], Callable[[Mapping[str, str]], DomainError]], ...] = (
    (AUTHENTICATION, _fixed(Fatal, "AUTHENTICATION_FAILED")),
    (RATE_LIMIT, _retry("RATE_LIMITED")),
    (ORDER_RATE, _retry("ORDER_RATE_LIMITED")),
    (OVERLOADED, _retry("VENUE_OVERLOADED")),
    (CLOCK, _retry("CLOCK_SKEWED")),
    (UNKNOWN_OUTCOME, _fixed(Ambiguous, "OUTCOME_UNKNOWN")),
    (DUPLICATE_CLIENT_ID, _fixed(Ambiguous, "DUPLICATE_CLIENT_ID")),
    (FUNDS, _fixed(Reject, "INSUFFICIENT_FUNDS")),
    (WOULD_TAKE, _fixed(Reject, "ENTRY_NOT_FILLED")),
    (WRONG_POSITION_MODE, _fixed(Reject, "POSITION_MODE_MISMATCH")),
)

_BY_CLASS: tuple[tuple[type[Exception], Callable[[Mapping[str, str]], DomainError]], ...] = (
    (ccxt.DDoSProtection, _retry("RATE_LIMITED")),
    (ccxt.RateLimitExceeded, _retry("RATE_LIMITED")),
    (ccxt.InvalidNonce, _retry("CLOCK_SKEWED")),
    (ccxt.AuthenticationError, _fixed(Fatal, "AUTHENTICATION_FAILED")),
    (ccxt.InsufficientFunds, _fixed(Reject, "INSUFFICIENT_FUNDS")),
    (ccxt.OrderNotFound, _fixed(Reject, "ORDER_NOT_FOUND")),
    (ccxt.BadSymbol, _fixed(Reject, "UNKNOWN_MARKET")),
    (ccxt.BadResponse, _fixed(Ambiguous, "OUTCOME_UNKNOWN")),
    (ccxt.NetworkError, _fixed(Ambiguous, "OUTCOME_UNKNOWN")),
)


def instruction(error: Exception, headers: Mapping[str, str] | None) -> DomainError:
    """The instruction that a venue's failure amounts to; `headers` are those of its answer, if there was one."""
    if _never_sent(error):
        return RetryLater("VENUE_UNREACHABLE", "no connection was made", after_seconds=DEFAULT_RETRY_SECONDS)
    code = venue_code(error)
    for codes, make in _BY_CODE:
        if code in codes:
            return make(headers or {})
    for kind, make in _BY_CLASS:
        if isinstance(error, kind):
            return make(headers or {})
    text = VENUE_TEXT.search(str(error))
    return Reject("VENUE_REJECTED", f"{code or type(error).__name__} {text.group(1) if text else ''}".strip())


def reading(error: DomainError) -> DomainError:
    """The instruction for a request that changes nothing: an unknown outcome is simply asked for again."""
    if isinstance(error, Ambiguous):
        return RetryLater("VENUE_UNAVAILABLE", error.code, after_seconds=DEFAULT_RETRY_SECONDS)
    return error


def _retry_after(headers: Mapping[str, str]) -> float:
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    seconds = float(value) if value.isdigit() else DEFAULT_RETRY_SECONDS
    return min(seconds, MAX_RETRY_SECONDS)


def _never_sent(error: BaseException | None) -> bool:
    """Whether no connection was ever made, which proves that the venue has not seen the request."""
    while error is not None:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(error, ConnectTimeout | NewConnectionError) or isinstance(reason, NewConnectionError):
            return True
        error = error.__cause__
    return False
