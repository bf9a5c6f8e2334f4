"""Show the versions of a strategy: to everybody who may find it, with parameters and code only to those who may see them."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import NotFound
from candlecast.ports.code_store import CodeStore
from candlecast.ports.filters import VersionFilter
from candlecast.ports.store import Page, StrategyStore
from candlecast.services.strategies.admit_reader import Admission


@dataclass(frozen=True, slots=True)
class ShowVersions:
    """Reads versions for an admitted reader."""

    strategies: StrategyStore
    code: CodeStore

    def page(self, admitted: Admission, where: VersionFilter, cursor: str | None, limit: int) -> Page[StrategyVersion]:
        """The versions that fit."""
        return self.strategies.list_versions(admitted.strategy.strategy_id, where, cursor, limit)

    def one(self, admitted: Admission, number: int) -> StrategyVersion:
        """Raises `NotFound`."""
        return self.strategies.get_version(admitted.strategy.strategy_id, number)

    def source(self, admitted: Admission, version: StrategyVersion) -> str:
        """Text of a version's code, for its authors. Raises `NotFound`, `Reject` (CODE_DAMAGED), `RetryLater`."""
        if not admitted.is_author or version.source_hash is None:
            raise NotFound("no such code")
        return self.code.get(version.source_hash)
