"""The use cases of authors over one database of fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.domain.strategies.definition import Visibility
from candlecast.services.strategies.add_version import AddVersion
from candlecast.services.strategies.change_strategy import Author
from candlecast.services.strategies.code_versions import CodeVersions, WantedVersion
from candlecast.services.strategies.edit_strategy import Edit, EditStrategy, RetireStrategy
from candlecast.services.strategies.release_version import ReleaseVersion
from candlecast.services.strategies.upload_strategy import Uploaded, UploadStrategy
from tests.support.builders import BTC, ETH, STRATEGY, TENANT, VENUE, a_market, an_uploaded_strategy
from tests.support.fakes.clock import FakeClock, SequentialIdentifiers
from tests.support.fakes.code import FakeCodeChecks, FakeCodeStore
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

SOURCE = "class Mine(Strategy[Mine.P]): ...\n"
OWNER = Author(TENANT)
FRIEND = Author("tenant-friend")
STRANGER = Author("tenant-2")
OPERATOR = Author("admin-1", is_operator=True)


@dataclass
class Desk:
    """An author's desk."""

    database: FakeDatabase = field(default_factory=FakeDatabase)
    clock: FakeClock = field(default_factory=FakeClock)
    code: FakeCodeStore = field(default_factory=FakeCodeStore)
    checks: FakeCodeChecks = field(default_factory=FakeCodeChecks)
    identifiers: SequentialIdentifiers = field(default_factory=SequentialIdentifiers)

    def __post_init__(self) -> None:
        self.strategies = FakeStrategyStore(self.database)
        versions = CodeVersions(strategies=self.strategies, checks=self.checks, built_in=BuiltInStrategies(), code=self.code)
        self._upload = UploadStrategy(
            strategies=self.strategies,
            versions=versions,
            markets=FakeMarkets(a_market(BTC), a_market(ETH)),
            identifiers=self.identifiers,
            venues=frozenset({VENUE}),
        )
        self.add = AddVersion(strategies=self.strategies, versions=versions, code=self.code, clock=self.clock)
        self.release = ReleaseVersion(self.strategies, self.clock)
        self.edit = EditStrategy(self.strategies, self.clock, self.identifiers)
        self.retire = RetireStrategy(self.strategies, self.clock)

    def upload(self, **changes: Any) -> Uploaded:
        """Upload a strategy of the owner, in which `changes` are other values of its definition or its version."""
        code: dict[str, Any] = {"source": SOURCE, "parameters": {"period": 8}, "note": ""}
        wanted = {name: changes.pop(name, usual) for name, usual in code.items()}
        described: dict[str, Any] = {"description": "rises with the tide", "visibility": Visibility.PRIVATE}
        definition = an_uploaded_strategy(created_at=self.clock.now(), **(described | changes))
        return self._upload(definition, WantedVersion(created_by=str(definition.owner), **wanted))

    @property
    def kept(self) -> tuple[Any, ...]:
        """Things that a refusal must leave as they were; the count of a day's uploads is none of them."""
        held = self.database
        return dict(held.strategies), dict(held.versions), dict(held.changes), list(held.stream), dict(self.code.held)

    def told(self) -> list[tuple[str, dict[str, str]]]:
        """The events, with the values of their changes."""
        changes = [event.event.strategy_change for event in self.database.stream]
        return [(change.type, dict(change.values)) for change in changes if change is not None]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def uploaded(desk: Desk) -> Desk:
    """With one strategy, whose friend is a collaborator."""
    desk.upload()
    desk.edit(OWNER, STRATEGY, Edit(collaborators=(FRIEND.tenant_id,)))
    desk.database.stream.clear()
    return desk
