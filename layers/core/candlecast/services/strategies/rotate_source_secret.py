"""Give a signal source a new secret."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Identifiers
from candlecast.ports.store import StrategyStore
from candlecast.ports.vault import SourceSecretWriter
from candlecast.services.strategies.create_strategy import IssuedSecret, new_secret


@dataclass(frozen=True, slots=True)
class RotateSourceSecret:
    """Rotates: the new secret is in force at once, the one before it is still accepted until the next rotation."""

    strategies: StrategyStore
    secrets: SourceSecretWriter
    identifiers: Identifiers

    def __call__(self, strategy_id: str) -> IssuedSecret:
        """Write a new secret for the strategy's source and return it, once.

        Raises `NotFound`, `Conflict` (NOT_EXTERNAL) for a strategy that has no source.
        """
        definition = self.strategies.get_strategy(strategy_id)
        if definition.source_id is None:
            raise Conflict("NOT_EXTERNAL", "a built-in strategy has no source of signals")
        source = self.strategies.get_source(definition.source_id)
        secret = new_secret(self.identifiers)
        version = self.secrets.write_source(source.source_id, secret, self.identifiers.new())
        rotated = replace(source, secret_version=version)
        self.strategies.save_source(rotated)
        return IssuedSecret(rotated, secret)
