"""Give a signal source a new secret, and end the one before."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import StrategyStore
from candlecast.ports.vault import SourceSecretWriter
from candlecast.services.strategies.change_source import source_of
from candlecast.services.strategies.create_strategy import IssuedSecret, new_secret


@dataclass(frozen=True, slots=True)
class RotateSourceSecret:
    """Rotates: the new secret is in force at once, the one before it is accepted for 24 hours, or until it is revoked."""

    strategies: StrategyStore
    secrets: SourceSecretWriter
    clock: Clock
    identifiers: Identifiers

    def __call__(self, strategy_id: str) -> IssuedSecret:
        """Write a new secret for the strategy's source and return it, once.

        Raises `NotFound`, `Conflict` (NOT_EXTERNAL for a strategy that has no source, VERSION_CONFLICT).
        """
        source = source_of(self.strategies, strategy_id)
        secret = new_secret(self.identifiers)
        version = self.secrets.write_source(source.source_id, secret, self.identifiers.new())
        rotated = source.rotate(version, self.clock.now())
        self.strategies.save_source(rotated)
        return IssuedSecret(rotated, secret)
