"""Faults on demand: the ways in which a venue's answer goes wrong, as rules that an operator sets.

A rule applies to the next `count` requests that match it. `executed` says whether the request takes effect before its answer is
spoilt. A client cannot see that difference, so its protocol has to bear both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from paper_exchange.errors import OperatorError

MAX_RULES = 50  # they ride in the exchange's state item
MAX_DELAY_MS = 25_000  # below the function's time-out of 29 s
MAX_PATH_LENGTH = 200  # the dialect's longest path has 40
MAX_MESSAGE_LENGTH = 200  # the venue's longest has 120
LOWEST_CODE = -99_999  # the venue's codes have up to five digits and are negative


class FaultKind(StrEnum):
    TIMEOUT = "timeout"  # -1007, status unknown
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    BANNED = "banned"  # 418 with Retry-After
    SERVER_ERROR = "server_error"  # 500
    UNAVAILABLE = "unavailable"  # 503
    SLOW = "slow"  # the right answer, late
    CLOSED = "closed"  # the connection ends before the answer is whole
    PARTIAL_FILL = "partial_fill"  # what the request takes from the book is cut to a share of its quantity
    REFUSED = "refused"  # the venue's refusal with a given code, message and status
    HTML = "html"  # a web page, as a proxy before the venue answers
    EMPTY = "empty"  # no body
    TRUNCATED = "truncated"  # JSON that ends within a value; the connection is whole
    NO_FIELDS = "no_fields"  # {}
    NOT_UTF8 = "not_utf8"  # bytes that are no text


NEVER_EXECUTED = frozenset({FaultKind.RATE_LIMITED, FaultKind.BANNED})
BODIES = {
    FaultKind.HTML: b"<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>Request blocked.</body></html>",
    FaultKind.EMPTY: b"",
    FaultKind.TRUNCATED: b'{"orderId":8389765,"symbol":"BTCU',
    FaultKind.NO_FIELDS: b"{}",
    FaultKind.NOT_UTF8: b'{"orderId":"\xff\xfe\x80"}',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """`path` is exact, or a prefix that ends in `*`; an empty `method` or `account_id` matches all.

    `ratio` belongs to PARTIAL_FILL: the share of the quantity that fills, rounded down to the market's step. `code` and `message`
    belong to REFUSED. `status` is the HTTP status of REFUSED (zero: 400), and of the kinds in `BODIES` (zero: 200).
    """

    rule_id: str
    kind: FaultKind
    path: str
    method: str = ""
    account_id: str = ""
    count: int = 1
    executed: bool = False
    delay_ms: int = 0
    retry_after_seconds: int = 1
    ratio: Decimal = Decimal(0)
    code: int = 0
    message: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        if self.executed and self.kind in NEVER_EXECUTED:
            raise OperatorError("FAULT_INVALID", f"a {self.kind} request is never executed")
        if not 0 <= self.delay_ms <= MAX_DELAY_MS:
            raise OperatorError("FAULT_INVALID", f"delay_ms must lie between 0 and {MAX_DELAY_MS}")
        if not 0 <= self.ratio < 1:
            raise OperatorError("FAULT_INVALID", "ratio must be at least 0 and below 1")
        if self.count < 1:
            raise OperatorError("FAULT_INVALID", "count must be at least 1")
        self._check_answer()

    def _check_answer(self) -> None:
        refused = self.kind is FaultKind.REFUSED
        if not refused and (self.code or self.message):
            raise OperatorError("FAULT_INVALID", "code and message belong to refused")
        if refused and not LOWEST_CODE <= self.code < 0:
            raise OperatorError("FAULT_INVALID", f"code must lie between {LOWEST_CODE} and -1")
        if len(self.message) > MAX_MESSAGE_LENGTH:
            raise OperatorError("FAULT_INVALID", f"message must have at most {MAX_MESSAGE_LENGTH} letters")
        if self.status and not refused and self.kind not in BODIES:
            raise OperatorError("FAULT_INVALID", f"status belongs to refused, {', '.join(BODIES)}")
        if self.status and not 400 <= self.status <= 599 and (refused or self.status != 200):
            raise OperatorError("FAULT_INVALID", "status must lie between 400 and 599; a body without a refusal may have 200")

    def matches(self, method: str, path: str, account_id: str | None) -> bool:
        if self.method and self.method != method:
            return False
        if self.account_id and self.account_id != account_id:
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path
