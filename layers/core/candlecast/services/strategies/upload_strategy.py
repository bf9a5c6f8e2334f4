"""Upload a strategy: a tenant's own code as the first version of a strategy that others can follow."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind, Visibility
from candlecast.domain.strategies.versions import Release, StrategyVersion
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.text import require_text
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.code_checks import CodeHint, Parameters
from candlecast.ports.store import StrategyStore
from candlecast.ports.venue import Markets
from candlecast.services.strategies.code_versions import CodeVersions, WantedVersion, same_upload
from candlecast.services.strategies.create_strategy import require_market

FIRST = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """A strategy as its author describes it."""

    owner: str
    strategy_id: str
    name: str
    description: str
    venue: str
    market: str
    timeframe: Timeframe
    source: str
    parameters: Parameters
    visibility: Visibility
    tags: tuple[str, ...] = ()
    note: str = ""


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
    clock: Clock
    identifiers: Identifiers
    venues: frozenset[str]

    def __call__(self, upload: NewUpload) -> Uploaded:
        """Check the code, keep it, and store the strategy with its first version; a refusal leaves none of them.

        A repeat by the same owner with the same code and parameters answers as the first did. Raises `Conflict` (ALREADY_EXISTS,
        TOO_MANY_STRATEGIES), `InvalidValue` (UNKNOWN_VENUE, UNKNOWN_MARKET, MARKET_DELISTED, TEXT_INVALID, TAGS_INVALID), and as
        `CodeVersions.make` does.
        """
        require_text("a name", upload.name)
        require_text("a description", upload.description)
        if upload.venue not in self.venues:
            raise InvalidValue(f"venue must be one of {', '.join(sorted(self.venues))}", code="UNKNOWN_VENUE")
        require_market(self.markets, upload.venue, upload.market)
        definition = self._definition(upload)
        wanted = WantedVersion(created_by=upload.owner, source=upload.source, parameters=upload.parameters, note=upload.note)
        if (first := self._first(upload, wanted)) is not None:
            return first
        made = self.versions.make(definition, FIRST, wanted, definition.created_at)
        self.strategies.create_strategy(definition, version=made.version)
        return Uploaded(definition, made.version, made.hints)

    def _definition(self, upload: NewUpload) -> StrategyDefinition:
        now = self.clock.now()
        return StrategyDefinition(
            strategy_id=upload.strategy_id,
            name=upload.name,
            kind=StrategyKind.UPLOADED,
            venue=upload.venue,
            created_at=now,
            market=upload.market,
            timeframe=upload.timeframe,
            description=upload.description,
            owner=upload.owner,
            visibility=upload.visibility,
            link_key=self.identifiers.new() if upload.visibility is Visibility.LINK else None,
            tags=upload.tags,
            release=Release(stable=FIRST, released_by=upload.owner, released_at=now),
            latest_version=FIRST,
        )

    def _first(self, upload: NewUpload, wanted: WantedVersion) -> Uploaded | None:
        """The result of an earlier request with the same code; raises `Conflict` (ALREADY_EXISTS) for a taken name."""
        try:
            held = self.strategies.get_strategy(upload.strategy_id)
        except NotFound:
            return None
        if held.owner == upload.owner and held.kind is StrategyKind.UPLOADED:
            version = self.strategies.get_version(held.strategy_id, FIRST)
            place = (upload.venue, upload.market, upload.timeframe)
            if same_upload(version, wanted) and place == (held.venue, held.market, held.timeframe):
                return Uploaded(held, version)
        raise Conflict("ALREADY_EXISTS", "there is a strategy of that id already")
