"""Accounts in memory, with the version condition and the outbox of the real store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from candlecast.adapters.dynamodb.accounts import next_version
from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.look_schedule import due_in_turn, due_soon
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.ids import event_id
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.clock import Clock
from candlecast.ports.store import DueAccount
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.store import FakeDatabase


class FakeAccountStore:
    """`loads` and `saves` count requests."""

    def __init__(self, database: FakeDatabase | None = None, clock: Clock | None = None) -> None:
        self.database = database or FakeDatabase()
        self._clock = clock or FakeClock()
        self.loads = 0
        self.saves = 0

    def load(self, tenant_id: str, account_id: str) -> Account:
        self.loads += 1
        try:
            return self.database.accounts[tenant_id, account_id]
        except KeyError:
            raise NotFound("no such account") from None

    def save(self, account: Account) -> Account:
        self.saves += 1
        check_version(self.database, account)
        return put_account(self.database, account, self._clock.now())

    def create(self, account: Account) -> Account:
        if (account.tenant_id, account.account_id) in self.database.accounts:
            raise Conflict("ALREADY_EXISTS", "the account exists")
        return put_account(self.database, replace(account, version=0), self._clock.now())

    def list_accounts(self, tenant_id: str) -> Sequence[Account]:
        owned = [account for (tenant, _), account in self.database.accounts.items() if tenant == tenant_id]
        return sorted(owned, key=lambda account: account.account_id)

    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        found = [due for dues in self.database.due.values() for due in dues if due.due_at <= before]
        return iter(sorted(found, key=lambda due: due.due_at))


def check_version(database: FakeDatabase, account: Account) -> None:
    """Raise `Conflict` unless the stored account is the one that was read."""
    stored = database.accounts.get((account.tenant_id, account.account_id))
    if stored is None or stored.version != account.version:
        raise Conflict("VERSION_CONFLICT", "the account has changed since it was read")


def put_account(database: FakeDatabase, account: Account, now: datetime) -> Account:
    """Write the next version, deliver its outbox to the stream and keep when it is due."""
    key = (account.tenant_id, account.account_id)
    generation = database.restoration.generation if database.restoration is not None else 1
    version = next_version(account, generation)
    database.stream.extend(
        PublishedEvent(
            event_id=event_id(account.account_id, version, index),
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            version=version,
            event=event,
        )
        for index, event in enumerate(account.outbox)
    )
    stored = replace(account, version=version, outbox=())
    database.accounts[key] = stored
    times = (due_soon(stored, now), False), (due_in_turn(stored), True)
    database.due[key] = tuple(DueAccount(*key, at, in_turn) for at, in_turn in times if at is not None)
    return stored
