"""Versions of a strategy, and which of them its followers get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from candlecast.domain.signals.audience import BUCKETS, Audience
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.money import require_utc

FIRST_VERSION = 1
MAX_VERSIONS = 10_000  # a version each quarter of an hour for a hundred days

# Each pinned version is a run of its own on each candle.
MAX_PINNED_VERSIONS = 8
MAX_VERSIONS_DUE = MAX_PINNED_VERSIONS + 2  # on one candle: with the stable one and the candidate
MAX_NOTE_CHARACTERS = 500
MAX_SOURCE_BYTES = 1_000_000  # a strategy is a page; with its columns it must fit an invocation of 6 MB
MAX_OWNED_STRATEGIES = 100  # of one tenant, retired ones included: their names are taken for ever
UPLOAD_LEASE = timedelta(seconds=30)  # the API, which waits for the check of an upload, ends after 29 s
MAX_UPLOADS_A_DAY = 200  # of one tenant: each is checked by up to a minute of computing, whether it is taken or refused


@dataclass(frozen=True, kw_only=True)
class StrategyVersion:
    """Code and parameters as they were released or tried: never changed, so an order can name them years later."""

    strategy_id: str
    number: int
    """1 for the first of the strategy, then one more each time."""
    digest: str
    """Hash of everything that decides (`domain/strategies/version.py`); signals, orders, trades and receipts carry it."""
    parameters: Mapping[str, str | int | float | bool]
    """Every parameter with its value, defaults included."""
    parameter_schema: Mapping[str, Any]
    """JSON Schema of the parameters, as the code declares them."""
    lookback: int
    """Candles that a decision gets."""
    created_by: str
    """The tenant whose person made the version."""
    created_at: datetime
    source_hash: str | None = None
    """SHA-256 (hex) of the uploaded text; None: the definition's built-in code."""
    note: str = ""
    """Words of its author, for people."""

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
        if not 1 <= self.number <= MAX_VERSIONS:
            raise InvalidValue(f"a strategy has at most {MAX_VERSIONS} versions", code="TOO_MANY_VERSIONS")


@dataclass(frozen=True, kw_only=True)
class Release:
    """Which versions go to followers of the latest: the stable one, and to a share of them the candidate."""

    stable: int
    released_by: str
    """Who has made this release."""
    released_at: datetime
    candidate: int | None = None
    share_percent: int = 0
    """Followers in a hundred who get the candidate; 0 exactly if there is none."""
    previous: int | None = None
    """The stable version before this one, which a rollback goes back to; None before the second, and after a rollback."""

    def __post_init__(self) -> None:
        require_utc("released_at", self.released_at)
        if (self.candidate is None) != (self.share_percent == 0) or not 0 <= self.share_percent < BUCKETS:
            raise InvalidValue("a candidate has a share of 1 to 99 percent", code="SHARE_INVALID")

    @staticmethod
    def first(by: str, now: datetime) -> Release:
        """The release of a strategy's first version to everybody."""
        return Release(stable=FIRST_VERSION, released_by=by, released_at=now)

    @property
    def newest(self) -> int:
        """The version that a rollback leaves: the candidate, or without one the stable one."""
        return self.stable if self.candidate is None else self.candidate

    @property
    def newest_percent(self) -> int:
        """Followers in a hundred who get `newest`."""
        return BUCKETS if self.candidate is None else self.share_percent

    def to_share(self, number: int, share_percent: int, by: str, now: datetime) -> Release:
        """The release in which `number` goes to the share, 1 to 100 percent; with 100 it is the stable one.

        Raises `InvalidValue` (SHARE_INVALID), `Conflict` (ALREADY_RELEASED) for the stable version.
        """
        if not 1 <= share_percent <= BUCKETS:
            raise InvalidValue("a release goes to 1 to 100 percent", code="SHARE_INVALID")
        if number == self.stable:
            raise Conflict("ALREADY_RELEASED", "all followers of the latest version have it; a rollback ends a candidate")
        if share_percent == BUCKETS:
            return Release(stable=number, previous=self.stable, released_by=by, released_at=now)
        return replace(self, candidate=number, share_percent=share_percent, released_by=by, released_at=now)

    def rolled_back(self, by: str, now: datetime) -> Release:
        """The release without its candidate, or, where there is none, with the stable version of before.

        Raises `Conflict` (NOTHING_TO_ROLL_BACK).
        """
        if self.candidate is not None:
            return replace(self, candidate=None, share_percent=0, released_by=by, released_at=now)
        if self.previous is None:
            raise Conflict("NOTHING_TO_ROLL_BACK", "there is no candidate, and no stable version before this one")
        return Release(stable=self.previous, released_by=by, released_at=now)

    def audiences(self, pinned: Iterable[int]) -> list[Audience]:
        """The versions that are due on a candle, each with whom its signal goes to; `pinned` are the pinned versions.

        Together the audiences hold each follower exactly once.
        """
        latest = [Audience(number=self.stable, bucket_from=self.share_percent, bucket_to=BUCKETS)]
        if self.candidate is not None:
            latest.append(Audience(number=self.candidate, bucket_to=self.share_percent))
        known = {audience.number for audience in latest}
        return latest + [Audience(number=number) for number in sorted(set(pinned) - known)]


@dataclass(frozen=True, kw_only=True)
class StrategyChange:
    """One change of a strategy, as it is kept for ever and told on the event bus."""

    strategy_id: str
    revision: int
    """The revision of the definition that the change has made."""
    type: str
    """The type of its event, such as strategy.version.released."""
    changed_by: str
    """The tenant whose person made the change."""
    changed_at: datetime
    values: Mapping[str, str] = field(default_factory=dict)
    """New values by name, as text for people, such as a number or a share. Never code, never a link's key."""

    def __post_init__(self) -> None:
        require_utc("changed_at", self.changed_at)


def require_few_pins(pins: Mapping[int, int]) -> None:
    """Raise `Conflict` (TOO_MANY_PINNED_VERSIONS) if more versions of a strategy are pinned than run on each candle."""
    if len(pins) > MAX_PINNED_VERSIONS:
        message = f"followers have pinned {MAX_PINNED_VERSIONS} versions already: pin one of them, or follow the latest"
        raise Conflict("TOO_MANY_PINNED_VERSIONS", message)
