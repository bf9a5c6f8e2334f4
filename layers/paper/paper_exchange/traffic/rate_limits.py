"""The venue's limits: request weight by address, orders by account, and the ban for who does not listen.

"Limits" in the venue's documentation: weight counts by minute for an address (2,400). Orders count by ten seconds and by minute
for an account (300 and 1,200). Beyond them comes 429; who goes on after it is banned (418), for two minutes first and up to three
days. The intervals begin with the clock's, as "a 1 MINUTE interval starts every minute".

The counts live in the memory of one process, so that they cost no request to the table. Behind an HTTP API every environment of
the function counts for itself. So the venue as a whole lets through up to the limits times the number of environments. A client
that stays within the documented limits is never refused. A client that breaks the limits a little may not be refused either.
Stand-alone they are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from paper_exchange import errors

SECOND_MS = 1_000
TEN_SECONDS_MS = 10_000
MINUTE_MS = 60_000
LONGEST_BAN_SECONDS = 3 * 86_400
MAX_COUNTERS = 100_000  # addresses and accounts in memory, about 20 MB; more are forgotten together


@dataclass(frozen=True, slots=True)
class RateLimits:
    """An operator's setting, at first the documented figures.

    `warnings` is how many 429 an address may get in a minute before a ban. The first ban lasts `ban_seconds`, and every further
    ban twice as long as the ban before. `buckets` names another budget than its own address for an account id or an address.
    """

    weight_per_minute: int = 2_400
    orders_per_ten_seconds: int = 300
    orders_per_minute: int = 1_200
    warnings: int = 10
    ban_seconds: int = 120
    buckets: Mapping[str, str] = field(default_factory=dict)

    def bucket_of(self, address: str, account_id: str) -> str:
        return self.buckets.get(account_id) or self.buckets.get(address) or address


@dataclass(slots=True)
class _Counter:
    """A count within the interval that began at `interval_ms`."""

    interval_ms: int = 0
    count: int = 0

    def current(self, interval_ms: int) -> int:
        if interval_ms != self.interval_ms:
            self.interval_ms, self.count = interval_ms, 0
        return self.count


@dataclass(slots=True)
class _Address:
    weight: _Counter = field(default_factory=_Counter)
    refusals: _Counter = field(default_factory=_Counter)
    bans: int = 0
    banned_until_ms: int = 0


@dataclass(slots=True)
class _Orders:
    ten_seconds: _Counter = field(default_factory=_Counter)
    minute: _Counter = field(default_factory=_Counter)


@dataclass(slots=True)
class RateCounters:
    """The weight that addresses and the orders that accounts have used; thread-safe.

    Other limits than before begin with nothing used and nobody banned.
    """

    _limits: RateLimits = field(default_factory=RateLimits)
    _addresses: dict[str, _Address] = field(default_factory=dict)
    _orders: dict[str, _Orders] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def weigh(self, bucket: str, weight: int, limits: RateLimits, wall_ms: int) -> int:
        """Take weight from a budget and return what is used of it; raises `VenueError` -1003 with 429 or 418."""
        with self._lock:
            self._adopt(limits)
            address = self._addresses.setdefault(bucket, _Address())
            if wall_ms < address.banned_until_ms:
                raise errors.too_many_requests(418, _seconds(address.banned_until_ms - wall_ms))
            minute = wall_ms // MINUTE_MS * MINUTE_MS
            if address.weight.current(minute) + weight > limits.weight_per_minute:
                raise self._refuse(address, minute, wall_ms)
            address.weight.count += weight
            return address.weight.count

    def _refuse(self, address: _Address, minute: int, wall_ms: int) -> errors.VenueError:
        limits = self._limits
        if address.refusals.current(minute) < limits.warnings:
            address.refusals.count += 1
            return errors.too_many_requests(429, _seconds(minute + MINUTE_MS - wall_ms))
        seconds = min(limits.ban_seconds * 2**address.bans, LONGEST_BAN_SECONDS)
        address.bans += 1
        address.banned_until_ms = wall_ms + seconds * SECOND_MS
        return errors.too_many_requests(418, seconds)

    def take_order(self, account_id: str, limits: RateLimits, wall_ms: int, counts: tuple[int, int] = (1, 1)) -> tuple[int, int]:
        """Count an order and return how many there are in ten seconds and in the minute; raises `VenueError` -1015.

        `counts` is how many orders the request is in ten seconds, and how many in the minute.
        """
        with self._lock:
            self._adopt(limits)
            orders = self._orders.setdefault(account_id, _Orders())
            for counter, length, limit, name, count in (
                (orders.ten_seconds, TEN_SECONDS_MS, limits.orders_per_ten_seconds, "10 SECOND", counts[0]),
                (orders.minute, MINUTE_MS, limits.orders_per_minute, "1 MINUTE", counts[1]),
            ):
                begun = wall_ms // length * length
                if counter.current(begun) + count > limit:
                    raise errors.too_many_orders(limit, name, _seconds(begun + length - wall_ms))
            orders.ten_seconds.count += counts[0]
            orders.minute.count += counts[1]
            return orders.ten_seconds.count, orders.minute.count

    def give_back_order(self, account_id: str, counts: tuple[int, int] = (1, 1)) -> None:
        """Forget the latest order of an account: it was not signed by it."""
        with self._lock:
            orders = self._orders.get(account_id)
            for counter, count in zip((orders.ten_seconds, orders.minute), counts, strict=True) if orders else ():
                counter.count = max(0, counter.count - count)

    def _adopt(self, limits: RateLimits) -> None:
        if limits != self._limits or len(self._addresses) + len(self._orders) > MAX_COUNTERS:
            self._limits = limits
            self._addresses.clear()
            self._orders.clear()


def _seconds(milliseconds: int) -> int:
    """Whole seconds to wait, never too few."""
    return -(-milliseconds // SECOND_MS)
