"""Show and change the source of an external strategy: who may send, how often, and how much a sender can cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.strategies.definition import SignalSource
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.sources import SourceUse
from candlecast.ports.store import StrategyStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class SourceInUse:
    """A source, and the quote units that its entries have filled today (UTC)."""

    source: SignalSource
    notional_today: Decimal


@dataclass(frozen=True, slots=True)
class ShowSource:
    """Shows a source with its notional of today."""

    strategies: StrategyStore
    use: SourceUse
    clock: Clock

    def __call__(self, strategy_id: str) -> SourceInUse:
        """Raises `NotFound`, `Conflict` (NOT_EXTERNAL)."""
        source = source_of(self.strategies, strategy_id)
        return SourceInUse(source, self.use.notional_of(source.source_id, self.clock.now().date()))


@dataclass(frozen=True, slots=True)
class ChangeSource:
    """Changes a source; the next message is judged by the change."""

    strategies: StrategyStore

    def __call__(
        self,
        strategy_id: str,
        change: Callable[[SignalSource], SignalSource],
        *,
        expect: Expectation[SignalSource] = anything,
    ) -> SignalSource:
        """Store the source as `change` makes it; raises `NotFound`, `Conflict` (NOT_EXTERNAL, VERSION_CONFLICT).

        Raises the errors of `change` and `expect`.
        """

        def attempt() -> SignalSource:
            known = source_of(self.strategies, strategy_id)
            expect(known)
            changed = change(known)
            self.strategies.save_source(changed)
            return changed

        return retry_conflict(attempt)


@dataclass(frozen=True, slots=True)
class RevokePreviousSecret:
    """Ends the overlap of a rotation at once."""

    strategies: StrategyStore

    def __call__(self, strategy_id: str) -> None:
        """Accept the secret in force alone; a repeat changes nothing. Raises `NotFound`, `Conflict` (NOT_EXTERNAL)."""

        def attempt() -> None:
            source = source_of(self.strategies, strategy_id)
            if source.previous_version is not None:
                self.strategies.save_source(source.revoke_previous())

        retry_conflict(attempt)


def source_of(strategies: StrategyStore, strategy_id: str) -> SignalSource:
    """The source that feeds a strategy; raises `NotFound`, `Conflict` (NOT_EXTERNAL)."""
    definition = strategies.get_strategy(strategy_id)
    if definition.source_id is None:
        raise Conflict("NOT_EXTERNAL", "a built-in strategy has no source of signals")
    return strategies.get_source(definition.source_id)
