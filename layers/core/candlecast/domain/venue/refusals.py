"""Refusals of a venue that concern more than one order: their meaning for the account, and how long each lasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from candlecast.domain.values.reasons import Reason

# The venue refuses the keys: they are revoked, or do not allow our address, or the venue has banned the address. Its answer is
# the same for all three. So one refusal disables nobody; a second look must find the same, this much later.
KEYS_REFUSED = "KEYS_REFUSED"
CONFIRM_REFUSAL_AFTER = timedelta(seconds=60)

# After so long an entry is taken again, which finds out at the cost of one refusal. A broken trading rule restricts an account
# for minutes up to some hours, a cooling-off period for hours, and a person is verified within days.
SUSPENDED_FOR: Mapping[Reason, timedelta] = {
    Reason.VENUE_REDUCE_ONLY: timedelta(minutes=15),
    Reason.VENUE_FORBIDS_ORDERS: timedelta(hours=1),
    Reason.VENUE_RESTRICTS_PERSON: timedelta(hours=24),
}

# Refusals that end by themselves: an exit, a stop or a target waits and is sent again, as if the venue had not answered.
FOR_NOW = frozenset({*SUSPENDED_FOR, Reason.OUTSIDE_PRICE_BAND, Reason.MARKET_CLOSED})

# Failures of a question that are not about its market: the rest of the look waits, because every other question gets the same.
OF_THE_WHOLE_VENUE = frozenset(
    {
        KEYS_REFUSED,
        "ADDRESS_BLOCKED",
        "CLOCK_SKEWED",
        "RATE_LIMITED",
        "VENUE_BREAKER_OPEN",
        "VENUE_OVERLOADED",
        "VENUE_UNREACHABLE",
        "WEIGHT_SPENT",
    }
)
