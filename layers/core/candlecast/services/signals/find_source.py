"""Find a source without letting strangers read the table: a remembered source refuses, and only a proof is checked afresh."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from candlecast.domain.strategies.definition import SignalSource
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.ports.store import StrategyStore

LONGEST_SOURCE_ID = 128
MAX_KNOWN = 2_000  # some 1 kB each
MAX_UNKNOWN = 2_000  # ids that nothing has; apart from the known ones, which a flood of ids must not push out
KNOWN_FOR = timedelta(seconds=1)  # a new secret is in force after this; a flood of wrong secrets costs one read in it
UNKNOWN_FOR = timedelta(seconds=5)  # a new source answers after this, where somebody has asked for its id before

# Lookups of ids that this environment does not know as a source's. A deployment has tens of sources, so a new environment meets
# all of them within seconds. A flood of random ids costs this much and no more.
MAX_LOOKUPS = 20
LOOKUPS_PER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class FoundSource:
    """A source (None: nothing has the id), and whether it was read just now."""

    source: SignalSource | None
    is_fresh: bool


@dataclass(slots=True)
class FindSource:
    """Reads sources; one for each environment of the function."""

    strategies: StrategyStore
    _known: OrderedDict[str, tuple[datetime, SignalSource]] = field(default_factory=OrderedDict, repr=False)
    _unknown: OrderedDict[str, datetime] = field(default_factory=OrderedDict, repr=False)
    _budget_began: datetime | None = field(default=None, repr=False)
    _lookups: int = field(default=0, repr=False)

    def remembered(self, source_id: str, now: datetime) -> FoundSource:
        """The source as it was at most `KNOWN_FOR` ago.

        Raises `RetryLater` if the second's lookups of unknown ids are spent (LOOKUPS_SPENT), or if the store does not answer.
        """
        if not (0 < len(source_id) <= LONGEST_SOURCE_ID and source_id.isascii() and source_id.isprintable()):
            return FoundSource(None, is_fresh=True)
        known = self._known.get(source_id)
        if known is not None and now - known[0] < KNOWN_FOR:
            return FoundSource(known[1], is_fresh=False)
        missed_at = self._unknown.get(source_id)
        if missed_at is not None and now - missed_at < UNKNOWN_FOR:
            return FoundSource(None, is_fresh=True)
        if known is None:
            self._spend_lookup(now)
        return FoundSource(self.read(source_id, now), is_fresh=True)

    def read(self, source_id: str, now: datetime) -> SignalSource | None:
        """The source as it is stored, strongly consistent; None if there is none. One read."""
        try:
            source = self.strategies.get_source(source_id)
        except NotFound:
            self._known.pop(source_id, None)
            _remember(self._unknown, source_id, now, MAX_UNKNOWN)
            return None
        self._unknown.pop(source_id, None)
        _remember(self._known, source_id, (now, source), MAX_KNOWN)
        return source

    def _spend_lookup(self, now: datetime) -> None:
        if self._budget_began is None or now - self._budget_began >= LOOKUPS_PER:
            self._budget_began, self._lookups = now, 0
        if self._lookups >= MAX_LOOKUPS:
            raise RetryLater(
                "LOOKUPS_SPENT", "too many unknown sources were asked for", after_seconds=LOOKUPS_PER.total_seconds()
            )
        self._lookups += 1


def _remember[V](cache: OrderedDict[str, V], source_id: str, value: V, most: int) -> None:
    cache[source_id] = value
    cache.move_to_end(source_id)
    if len(cache) > most:
        cache.popitem(last=False)
