"""Every way in which a venue can fail, as one of the four instructions. This is the only place where ccxt's errors end.

The venue's own code decides before ccxt's class, and some statuses decide before the code. ccxt drops the code of a message
that it knows. It takes a firewall's 403 for an authentication error, and each permission that the venue denies for a while.
Messages of ccxt hold URLs with signatures, so only code and class are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from traceback import walk_tb

import ccxt
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import NewConnectionError

from candlecast.adapters.ccxt.answers import AnswerUnusable
from candlecast.adapters.ccxt.session import AnswerRefused, whole_number
from candlecast.domain.values.errors import Ambiguous, DomainError, Fatal, InvalidValue, Reject, RetryLater
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER, KEYS_REFUSED

VENUE_CODE = re.compile(r'"code":\s*"?(-?\d{1,10})(?!\d)')  # a longer one is no code, and no message that anybody stores
VENUE_TEXT = re.compile(r'"msg":\s*"([^"]{0,200})')
DEFAULT_RETRY_SECONDS = 5.0
MAX_RETRY_SECONDS = 900.0  # the longest that a message is put off in one go
FIREWALL_SECONDS = 300.0  # for which a firewall's rules that count requests look back; it names no time
LEAST_BAN_SECONDS, MAX_BAN_SECONDS = 120.0, 259_200.0  # Binance bans an address for two minutes up to three days
NOT_AVAILABLE = re.compile(r"\s*service unavailable\.?\s*", re.IGNORECASE)  # with 503: it has certainly failed
UNKNOWN_ERROR = "unknown error"  # with 503: the request was passed on, and nobody knows what came of it
UNUSABLE = "ANSWER_UNUSABLE"
# Errors of reading an answer whose shape neither ccxt nor we foresaw. Any other is one of HTTP, of encodings or of signing.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

# https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code

# Doubt of the keys or of our address: a ban of the address has the same code as a revoked key.
DOUBTED_KEYS = {"-1002", "-1005", "-1011", "-1022", "-1099", "-1109", "-2014", "-2015"}
LOCKED_KEYS = {"-2017"}
INACTIVE_ACCOUNT = {"-4109"}  # until its owner transfers something to it
RATE_LIMIT = {"-1003"}  # our address has asked too often: everybody behind it keeps silent
ORDER_RATE = {"-1015"}  # this account has ordered too often
OVERLOADED = {"-1008"}  # orders that reduce a position are exempt at the venue, and no breaker of ours holds them
SHUTTING_DOWN = {"-1016"}
CLOCK = {"-1021"}
LATE_AT_ENGINE = {"-5028"}  # the matching engine got the order after its receive window
UNKNOWN_OUTCOME = {"-1000", "-1001", "-1006", "-1007"}
DUPLICATE_CLIENT_ID = {"-4116", "-4111"}  # an order with this id is open: it is ours, and it exists
FUNDS = {"-2018", "-2019", "-2028", "-4050", "-4051"}
POSITION_LIMIT = {"-2027"}  # of the leverage bracket
PRICE_BAND = {"-4016", "-4024", "-4131", "-4183", "-4184", "-4210", "-4211"}  # the filter PERCENT_PRICE, of orders and triggers
TOO_SMALL, TOO_LARGE, TOO_CHEAP = {"-4004"}, {"-4005"}, {"-4164", "-5029"}
NO_SUCH_ORDER = {"-2011", "-2013"}
NO_SUCH_MARKET = {"-1121", "-4144"}
CLOSED_MARKET = {"-1122", "-4108", "-4140", "-4141"}  # not open yet, about to be delisted or settled, or closed
NOT_AT_ONCE = {"-5021", "-5022"}  # fill-or-kill without enough in the book; post-only that would have been filled
WOULD_TRIGGER = {"-2021", "-4142"}  # the market is beyond the trigger already
WRONG_POSITION_MODE = {"-4061"}
UNCHANGED = {"-4046", "-4059"}  # margin type or position mode is what was asked for
ONLY_REDUCES = {"-4087", "-4189", "-4400", "-4401"}  # a permission, or a trading rule that was broken
NO_ORDERS = {"-4088", "-4192"}  # a permission, or a cooling-off period
RESTRICTED_PERSON = {"-4202", "-4203", "-4205", "-4206", "-4402", "-4403"}  # verification, age of the account, law of the region


@dataclass(frozen=True)
class _Refusal:
    """The facts of a refused request. `status` is None if the venue's answer was a success, or if there was none."""

    code: str | None
    text: str
    status: int | None
    headers: Mapping[str, str]

    @property
    def told(self) -> str:
        """Code and text for operators."""
        return f"{self.code or self.status or ''} {self.text}".strip()


type _Make = Callable[[_Refusal], DomainError]


def venue_code(error: Exception) -> str | None:
    """The venue's own error code, if its answer had one; an error that is not ccxt's has none."""
    if not isinstance(error, ccxt.BaseError):
        return None
    answer = _answer(error)
    found = VENUE_CODE.search(str(error) if answer is None else answer.text)
    return found.group(1) if found else None


def _retry(code: str) -> _Make:
    return lambda refusal: RetryLater(code, "", after_seconds=_retry_after(refusal.headers))


def _reject(code: str) -> _Make:
    return lambda refusal: Reject(code, refusal.told)


def _fatal(code: str) -> _Make:
    return lambda _: Fatal(code)


def _ambiguous(code: str) -> _Make:
    return lambda _: Ambiguous(code)


def _keys_refused(refusal: _Refusal) -> DomainError:
    return RetryLater(KEYS_REFUSED, refusal.code or "", after_seconds=CONFIRM_REFUSAL_AFTER.total_seconds())


def _banned(refusal: _Refusal) -> DomainError:
    """A ban lasts as long as the venue says, longer than any message waits."""
    seconds = _retry_after(refusal.headers, default=LEAST_BAN_SECONDS, most=MAX_BAN_SECONDS)
    return RetryLater("RATE_LIMITED", "banned", after_seconds=seconds)


def _firewalled(refusal: _Refusal) -> DomainError:
    """A firewall before the venue has refused our address: nothing was passed on, and more requests make it worse."""
    return RetryLater("RATE_LIMITED", "firewall", after_seconds=_retry_after(refusal.headers, default=FIREWALL_SECONDS))


_GROUPS: tuple[tuple[set[str], _Make], ...] = (
    (DOUBTED_KEYS, _keys_refused),
    (LOCKED_KEYS, _fatal("AUTHENTICATION_FAILED")),
    (INACTIVE_ACCOUNT, _fatal("ACCOUNT_INACTIVE")),
    (RATE_LIMIT, _retry("RATE_LIMITED")),
    (ORDER_RATE, _retry("ORDER_RATE_LIMITED")),
    (OVERLOADED, _retry("VENUE_OVERLOADED")),
    (SHUTTING_DOWN, _retry("VENUE_UNAVAILABLE")),
    (CLOCK, _retry("CLOCK_SKEWED")),
    (LATE_AT_ENGINE, _retry("VENUE_TOO_SLOW")),
    (UNKNOWN_OUTCOME, _ambiguous("OUTCOME_UNKNOWN")),
    (DUPLICATE_CLIENT_ID, _ambiguous("DUPLICATE_CLIENT_ID")),
    (FUNDS, _reject("INSUFFICIENT_FUNDS")),
    (POSITION_LIMIT, _reject("POSITION_LIMIT")),
    (PRICE_BAND, _reject("OUTSIDE_PRICE_BAND")),
    (TOO_SMALL, _reject("QUANTITY_TOO_SMALL")),
    (TOO_LARGE, _reject("QUANTITY_TOO_LARGE")),
    (TOO_CHEAP, _reject("NOTIONAL_TOO_SMALL")),
    (NO_SUCH_ORDER, _reject("ORDER_NOT_FOUND")),
    (NO_SUCH_MARKET, _reject("UNKNOWN_MARKET")),
    (CLOSED_MARKET, _reject("MARKET_CLOSED")),
    (NOT_AT_ONCE, _reject("ENTRY_NOT_FILLED")),
    (WOULD_TRIGGER, _reject("WOULD_TRIGGER")),
    (WRONG_POSITION_MODE, _reject("POSITION_MODE_MISMATCH")),
    (ONLY_REDUCES, _reject("VENUE_REDUCE_ONLY")),
    (NO_ORDERS, _reject("VENUE_FORBIDS_ORDERS")),
    (RESTRICTED_PERSON, _reject("VENUE_RESTRICTS_PERSON")),
)
_BY_CODE: Mapping[str, _Make] = {code: make for codes, make in _GROUPS for code in codes}

_BY_CLASS: tuple[tuple[type[Exception], _Make], ...] = (
    (ccxt.DDoSProtection, _retry("RATE_LIMITED")),
    (ccxt.RateLimitExceeded, _retry("RATE_LIMITED")),
    (ccxt.InvalidNonce, _retry("CLOCK_SKEWED")),
    (ccxt.AuthenticationError, _fatal("AUTHENTICATION_FAILED")),
    (ccxt.InsufficientFunds, _reject("INSUFFICIENT_FUNDS")),
    (ccxt.OrderNotFound, _reject("ORDER_NOT_FOUND")),
    (ccxt.BadSymbol, _reject("UNKNOWN_MARKET")),
    (ccxt.BadResponse, _ambiguous("OUTCOME_UNKNOWN")),
    (ccxt.NetworkError, _ambiguous("OUTCOME_UNKNOWN")),
)


def instruction(error: Exception, headers: Mapping[str, str] | None) -> DomainError:
    """The instruction that any failure around a request amounts to; `headers` are those of the venue's answer, if there was one.

    An instruction stays as it is. Raise the result `from None`, because the original's text may hold the key or a signed URL.
    """
    if isinstance(error, DomainError) and not isinstance(error, InvalidValue):
        return error
    if isinstance(error, AnswerUnusable):
        return Ambiguous(UNUSABLE, str(error))
    if isinstance(error, ccxt.BaseError):
        return _of_the_venue(error, headers)
    return Ambiguous(UNUSABLE if isinstance(error, UNREADABLE) else "OUTCOME_UNKNOWN", _place(error))


def _of_the_venue(error: ccxt.BaseError, headers: Mapping[str, str] | None) -> DomainError:
    """The instruction of a refusal, or of a request that failed on its way."""
    if _never_sent(error):
        return RetryLater("VENUE_UNREACHABLE", "no connection was made", after_seconds=DEFAULT_RETRY_SECONDS)
    answer = _answer(error)
    text = VENUE_TEXT.search(str(error) if answer is None else answer.text)
    refusal = _Refusal(
        code=venue_code(error),
        text=text.group(1) if text else "",
        status=None if answer is None else answer.status_code,
        headers=(headers or {}) if answer is None else answer.headers,
    )
    if answer is not None and (made := _by_status(refusal, answer.text)) is not None:
        return made
    make = _BY_CODE.get(refusal.code or "")
    if make is not None:
        return make(refusal)
    if answer is None and refusal.told:
        return Ambiguous("OUTCOME_UNKNOWN")  # success by HTTP, and a failure that nobody documents
    if answer is not None and (refusal.code is None or answer.status_code >= 500):
        return Ambiguous("OUTCOME_UNKNOWN")  # nobody of whom we know what the answer means
    return _by_class(error, refusal)


def reading(error: DomainError) -> DomainError:
    """The instruction for a request that changes nothing: an unknown outcome is simply asked for again."""
    if not isinstance(error, Ambiguous):
        return error
    if error.code == UNUSABLE:
        return RetryLater(UNUSABLE, error.message, after_seconds=DEFAULT_RETRY_SECONDS)
    return RetryLater("VENUE_UNAVAILABLE", error.code, after_seconds=DEFAULT_RETRY_SECONDS)


def _place(error: Exception) -> str:
    """Type and place of an error for the log, since its text may hold what nobody may read."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    return f"{type(error).__name__} in {frame.f_code.co_name}:{line}"


def _by_status(refusal: _Refusal, body: str) -> DomainError | None:
    """The meaning of a status that says more than the code, or comes without one.

    Statuses as Binance documents them under "HTTP Return Codes". A 401 without a code is a proxy's: it says nothing of the keys.
    """
    status, told = refusal.status, refusal.text or body
    if status == 418:
        return _banned(refusal)
    if status == 429 and refusal.code not in ORDER_RATE:
        return _retry("RATE_LIMITED")(refusal)
    if status == 403 and refusal.code is None:
        return _firewalled(refusal)
    if status == 401 and refusal.code is None:
        return _retry("VENUE_UNAVAILABLE")(refusal)
    if status == 503 and UNKNOWN_ERROR in told.lower():
        return Ambiguous("OUTCOME_UNKNOWN")
    if status == 503 and NOT_AVAILABLE.fullmatch(told):
        return _retry("VENUE_UNAVAILABLE")(refusal)
    return None


def _by_class(error: Exception, refusal: _Refusal) -> DomainError:
    """The instruction by ccxt's class. A code that we do not know never disables an account: ccxt calls each permission so."""
    for kind, make in _BY_CLASS:
        if isinstance(error, kind) and not (kind is ccxt.AuthenticationError and refusal.code is not None):
            return make(refusal)
    return Reject("VENUE_REJECTED", refusal.told or type(error).__name__)


def _retry_after(headers: Mapping[str, str], default: float = DEFAULT_RETRY_SECONDS, most: float = MAX_RETRY_SECONDS) -> float:
    told = whole_number(headers, "retry-after")
    return default if told is None else min(float(told), most)


def _answer(error: BaseException) -> AnswerRefused | None:
    """The refused answer that ccxt has made the error of; no deeper, where the error of an earlier request may be."""
    return next((each for each in (error, error.__cause__, error.__context__) if isinstance(each, AnswerRefused)), None)


def _never_sent(error: BaseException | None) -> bool:
    """Whether no connection was ever made, which proves that the venue has not seen the request."""
    while error is not None:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(error, ConnectTimeout | NewConnectionError) or isinstance(reason, NewConnectionError):
            return True
        error = error.__cause__
    return False
