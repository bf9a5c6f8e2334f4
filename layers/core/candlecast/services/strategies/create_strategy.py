"""Create a strategy that people can follow: built-in code with parameters, or an outside source of signals."""

from __future__ import annotations

from dataclasses import dataclass, field

from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.text import require_text
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import StrategyStore
from candlecast.ports.strategies import StrategyCode
from candlecast.ports.vault import SourceSecretWriter
from candlecast.ports.venue import Markets


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A source with the secret that its sender needs; shown once, to the person who asked for it."""

    source: SignalSource
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateStrategy:
    """Creates strategies; `venues` are the names of the venues that this deployment trades on."""

    strategies: StrategyStore
    code: StrategyCode
    markets: Markets
    secrets: SourceSecretWriter
    clock: Clock
    identifiers: Identifiers
    venues: frozenset[str]

    def __call__(self, definition: StrategyDefinition) -> IssuedSecret | None:
        """Store the definition; an external one gets a source with a fresh secret, which is returned and kept only in the vault.

        Raises `Conflict` (ALREADY_EXISTS), `InvalidValue` (UNKNOWN_VENUE, UNKNOWN_MARKET, MARKET_DELISTED, TEXT_INVALID). Raises
        `Reject` with the strategy's own code if its module is unknown or its parameters are not valid.
        """
        require_described(definition, self.venues)
        self._refuse_existing(definition.strategy_id)  # before a secret is written: a taken name must keep its own
        if definition.kind is StrategyKind.BUILT_IN:
            self._check_code(definition)
            self.strategies.create_strategy(definition)
            return None
        issued = self._issue(definition)
        self.strategies.create_strategy(definition, issued.source)
        return issued

    def _refuse_existing(self, strategy_id: str) -> None:
        try:
            self.strategies.get_strategy(strategy_id)
        except NotFound:
            return
        raise Conflict("ALREADY_EXISTS", "there is a strategy of that id already")

    def _check_code(self, definition: StrategyDefinition) -> None:
        require_market(self.markets, definition.venue, definition.market or "")
        self.code.lookback(definition)

    def _issue(self, definition: StrategyDefinition) -> IssuedSecret:
        source_id = definition.source_id or definition.strategy_id
        secret = new_secret(self.identifiers)
        version = self.secrets.write_source(source_id, secret, self.identifiers.new())
        source = SignalSource(
            source_id=source_id,
            strategy_id=definition.strategy_id,
            venue=definition.venue,
            secret_version=version,
            created_at=self.clock.now(),
        )
        return IssuedSecret(source, secret)


def require_described(definition: StrategyDefinition, venues: frozenset[str]) -> None:
    """Raise `InvalidValue` (TEXT_INVALID, UNKNOWN_VENUE) for words that nobody can read, or a venue that is none of `venues`."""
    require_text("a name", definition.name)
    require_text("a description", definition.description)
    if definition.venue not in venues:
        raise InvalidValue(f"venue must be one of {', '.join(sorted(venues))}", code="UNKNOWN_VENUE")


def require_market(markets: Markets, venue: str, symbol: str) -> None:
    """Raise `InvalidValue` (UNKNOWN_MARKET, MARKET_DELISTED) for a market on which no strategy can begin."""
    market = markets.find(venue, symbol)
    if market is None:
        raise InvalidValue(f"{venue} has no such market", code="UNKNOWN_MARKET")
    if not market.takes_entries:
        raise InvalidValue(f"{venue} ends this market", code="MARKET_DELISTED")


def new_secret(identifiers: Identifiers) -> str:
    """A secret that fits a URL's path: two random ids, so that it stays beyond guessing even if one were weak."""
    return identifiers.new() + identifiers.new()
