"""Upload a strategy: a tenant's own code as the first version of a strategy that others can follow."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.definition import StrategyDefinition, Visibility
from candlecast.domain.strategies.versions import FIRST_VERSION, StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Identifiers
from candlecast.ports.code_checks import CodeHint
from candlecast.ports.store import StrategyStore
from candlecast.ports.venue import Markets
from candlecast.services.strategies.code_versions import CodeVersions, WantedVersion, same_upload
from candlecast.services.strategies.create_strategy import require_described, require_market


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A new strategy with its first version, which all its followers get, and hints for its author."""

    definition: StrategyDefinition
    version: StrategyVersion
    hints: tuple[CodeHint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStrategy:
    """Creates uploaded strategies; `venues` are the names of the venues that this deployment trades on."""

    strategies: StrategyStore
    versions: CodeVersions
    markets: Markets
    identifiers: Identifiers
    venues: frozenset[str]

    def __call__(self, definition: StrategyDefinition, wanted: WantedVersion) -> Uploaded:
        """Check the code, keep it, and store the strategy with its first version; a refusal leaves none of them.

        The definition releases its first version; the key of its link is made here. A repeat by the same owner with the same code
        and parameters answers as the first did. Raises `Conflict` (ALREADY_EXISTS, TOO_MANY_STRATEGIES), `InvalidValue`
        (UNKNOWN_VENUE, UNKNOWN_MARKET, MARKET_DELISTED, TEXT_INVALID), and as `CodeVersions.make` does.
        """
        require_described(definition, self.venues)
        require_market(self.markets, definition.venue, definition.market or "")
        if (first := self._first(definition, wanted)) is not None:
            return first
        if definition.visibility is Visibility.LINK:
            definition = replace(definition, link_key=self.identifiers.new())
        made = self.versions.make(definition, FIRST_VERSION, wanted, definition.created_at)
        self.strategies.create_strategy(definition, version=made.version)
        return Uploaded(definition, made.version, made.hints)

    def _first(self, definition: StrategyDefinition, wanted: WantedVersion) -> Uploaded | None:
        """The result of an earlier request with the same code; raises `Conflict` (ALREADY_EXISTS) for a taken name."""
        try:
            held = self.strategies.get_strategy(definition.strategy_id)
        except NotFound:
            return None
        if (held.owner, held.kind) == (definition.owner, definition.kind):
            version = self.strategies.get_version(held.strategy_id, FIRST_VERSION)
            place = (definition.venue, definition.market, definition.timeframe)
            if same_upload(version, wanted) and place == (held.venue, held.market, held.timeframe):
                return Uploaded(held, version)
        raise Conflict("ALREADY_EXISTS", "there is a strategy of that id already")
