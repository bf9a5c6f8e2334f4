"""The end of a market: announced by the venue, or found because the venue lists it no more.

Accounts may hold positions and orders in a market that has left the venue's list. Its rules stay in the catalogue. So these
accounts are still looked at, and their exits and stops still go. Nothing is entered there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from candlecast.domain.market.market import Market
from candlecast.domain.values.copying import replace

MAX_DELISTED = 500  # markets kept in a catalogue, the newest ends first: several years of a large venue, and 150 kB of JSON
FEW = 5  # so many markets may vanish at once from a catalogue of any size; a venue delists about that many in a week
LARGEST_PART = 10  # a tenth of the listed markets vanishing at once is a broken answer, or a venue that halts everything


def is_plausible(known: Iterable[Market], listed: Iterable[Market], now: datetime) -> bool:
    """Whether a venue's list can be true, given what its catalogue has so far.

    Markets whose end has been announced for a time that is over count as gone. An empty list is never true.
    """
    still = {market.symbol for market in known if market.delists_at is None or market.delists_at > now}
    symbols = {market.symbol for market in listed}
    return bool(symbols) and len(still - symbols) <= max(FEW, len(still) // LARGEST_PART)


def carried_forward(known: Iterable[Market], listed: Iterable[Market], now: datetime) -> tuple[Market, ...]:
    """The markets of the venue's list, then those that it listed before, as delisted by `now`."""
    current = tuple(listed)
    symbols = {market.symbol for market in current}
    gone = [_ended(market, now) for market in known if market.symbol not in symbols]
    newest = sorted(gone, key=lambda market: market.delists_at or now, reverse=True)
    return (*current, *newest[:MAX_DELISTED])


def _ended(market: Market, now: datetime) -> Market:
    if market.delists_at is not None and market.delists_at <= now:
        return market
    return replace(market, delists_at=now)
