"""The marker of a restored table, in memory."""

from __future__ import annotations

from candlecast.domain.reconcile.restoration import Restoration
from tests.support.fakes.store import FakeDatabase


class FakeRestorations:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def find(self) -> Restoration | None:
        return self.database.restoration

    def put(self, restoration: Restoration) -> None:
        self.database.restoration = restoration
