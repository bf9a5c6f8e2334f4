"""Add a version to a strategy: other code, other parameters, or both. Nobody gets it before it is released."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.strategies.versions import FIRST_VERSION, Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.code_checks import Parameters
from candlecast.ports.code_store import CodeStore
from candlecast.ports.store import StrategyStore
from candlecast.services.retry_conflict import retry_conflict
from candlecast.services.strategies.change_strategy import Author, change_by, release_by, strategy_of
from candlecast.services.strategies.code_versions import CodeVersions, MadeVersion, WantedVersion, same_upload


@dataclass(frozen=True, slots=True, kw_only=True)
class AddVersion:
    """Adds versions. A built-in strategy without any gets its present parameters as the first, released to everybody."""

    strategies: StrategyStore
    versions: CodeVersions
    code: CodeStore
    clock: Clock

    def __call__(
        self, author: Author, strategy_id: str, *, source: str | None, parameters: Parameters | None, note: str = ""
    ) -> MadeVersion:
        """Check and store the next version; a refusal leaves nothing.

        Without `source` it has the newest version's code, without `parameters` its parameters. A repeat of the request that made
        the newest version answers with that version. Raises `NotFound`, `Conflict` (STRATEGY_RETIRED, NO_CODE, NOT_UPLOADED;
        VERSION_CONFLICT), and as `CodeVersions.make` does.
        """
        definition = retry_conflict(lambda: self._with_versions(author, strategy_id, source))
        newest = self.strategies.get_version(strategy_id, definition.latest_version)
        if source is None and newest.source_hash is not None:
            source = self.code.get(newest.source_hash)
        wanted = WantedVersion(
            created_by=author.tenant_id,
            source=source,
            parameters=newest.parameters if parameters is None else parameters,
            note=note,
        )
        if same_upload(newest, wanted):
            return MadeVersion(newest)
        made = self.versions.make(definition, newest.number + 1, wanted, self.clock.now())
        return retry_conflict(self._storing(author, made))

    def _storing(self, author: Author, made: MadeVersion) -> Callable[[], MadeVersion]:
        def attempt() -> MadeVersion:
            definition = strategy_of(self.strategies, author, made.version.strategy_id)
            version = replace(made.version, number=definition.latest_version + 1)
            change = change_by(
                author, definition, EventType.STRATEGY_VERSION_ADDED, version.created_at, version=str(version.number)
            )
            self.strategies.change_strategy(replace(definition, latest_version=version.number), change, version)
            return MadeVersion(version, made.hints)

        return attempt

    def _with_versions(self, author: Author, strategy_id: str, source: str | None) -> StrategyDefinition:
        """The strategy, once it has a version."""
        definition = strategy_of(self.strategies, author, strategy_id)
        if definition.kind is StrategyKind.EXTERNAL:
            raise Conflict("NO_CODE", "a strategy whose signals come from outside has no versions")
        if definition.kind is StrategyKind.BUILT_IN and source is not None:
            raise Conflict("NOT_UPLOADED", "the code of a built-in strategy is a part of the deployment")
        if definition.release is not None:
            return definition
        now = self.clock.now()
        present = WantedVersion(created_by=author.tenant_id, source=None, parameters=definition.parameters)
        version = self.versions.make(definition, FIRST_VERSION, present, now).version
        release = Release.first(author.tenant_id, now)
        change = release_by(author, definition, EventType.STRATEGY_VERSION_RELEASED, release)
        return self.strategies.change_strategy(
            replace(definition, latest_version=version.number, release=release), change, version
        )
