"""Release a version to a share of those who follow the latest, and roll back; each is one conditional write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.store import StrategyStore
from candlecast.services.retry_conflict import retry_conflict
from candlecast.services.strategies.change_strategy import Author, release_by, strategy_of


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """Moves the followers of the latest between versions. The next candle is decided by it; pinned subscriptions stay."""

    strategies: StrategyStore
    clock: Clock

    def to_share(self, author: Author, strategy_id: str, number: int, share_percent: int) -> StrategyDefinition:
        """Give the version to 1 to 100 percent; with 100 it becomes the stable one. A repeat changes nothing.

        Raises `NotFound` (strategy or version), `InvalidValue` (SHARE_INVALID), `Conflict` (NO_VERSIONS, ALREADY_RELEASED,
        STRATEGY_RETIRED; VERSION_CONFLICT).
        """

        def released(release: Release, now: datetime) -> Release:
            self.strategies.get_version(strategy_id, number)
            is_repeat = (number, share_percent) == (release.newest, release.newest_percent)
            return release if is_repeat else release.to_share(number, share_percent, author.tenant_id, now)

        return self._change(author, strategy_id, EventType.STRATEGY_VERSION_RELEASED, released)

    def roll_back(self, author: Author, strategy_id: str, number: int | None = None) -> StrategyDefinition:
        """Drop the candidate, or without one go back to the stable version of before.

        `number` names the version that is left: a repeat with it changes nothing. Raises `NotFound`, `Conflict`
        (NOTHING_TO_ROLL_BACK for another version too, NO_VERSIONS, STRATEGY_RETIRED; VERSION_CONFLICT).
        """

        def rolled_back(release: Release, now: datetime) -> Release:
            if number not in (None, release.newest):
                raise Conflict("NOTHING_TO_ROLL_BACK", "the version is not the one that was released last")
            return release.rolled_back(author.tenant_id, now)

        return self._change(author, strategy_id, EventType.STRATEGY_VERSION_ROLLED_BACK, rolled_back)

    def _change(
        self, author: Author, strategy_id: str, event: EventType, decide: Callable[[Release, datetime], Release]
    ) -> StrategyDefinition:
        def attempt() -> StrategyDefinition:
            strategy = strategy_of(self.strategies, author, strategy_id)
            if strategy.release is None:
                raise Conflict("NO_VERSIONS", "the strategy has no versions: add one first")
            release = decide(strategy.release, self.clock.now())
            if release == strategy.release:
                return strategy
            change = release_by(author, strategy, event, release)
            return self.strategies.change_strategy(replace(strategy, release=release), change)

        return retry_conflict(attempt)
