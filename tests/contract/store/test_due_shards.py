"""The partitions of the indexes of due accounts: which are written, and which the clock reads."""

from __future__ import annotations

from datetime import timedelta

from candlecast.adapters.dynamodb.accounts import SOON_SHARDS, DynamoAccountStore
from candlecast.domain.orders.intent import IntentState
from tests.golden.memory import MemoryTable
from tests.support.builders import NOW, TENANT, an_account, an_intent
from tests.support.fakes.clock import FakeClock

LATER = NOW + timedelta(hours=1)
OPEN = an_intent(state=IntentState.UNKNOWN)


def test_an_account_is_found_in_each_partition_also_where_an_older_release_has_put_it() -> None:
    table = MemoryTable()
    store = DynamoAccountStore(table.table(), FakeClock())
    store.create(an_account(intents={OPEN.intent_id: OPEN}, reconciled_at=NOW))
    item = table.items[f"TENANT#{TENANT}#ACCOUNT#{an_account().account_id}", "STATE"]
    item.pop("GSI3PK")
    for shard in range(SOON_SHARDS):
        item["GSI4PK"] = {"S": f"SOON#{shard}"}
        assert [(due.tenant_id, due.in_turn) for due in store.due_for_reconcile(LATER)] == [(TENANT, False)], shard


def test_accounts_with_something_open_are_spread_over_all_partitions_that_are_written() -> None:
    table = MemoryTable()
    store = DynamoAccountStore(table.table(), FakeClock())
    names = [f"account-{number}" for number in range(12 * SOON_SHARDS)]
    for name in names:
        store.create(an_account(name, intents={OPEN.intent_id: OPEN}))
    used = {item["GSI4PK"]["S"] for item in table.items.values() if "GSI4PK" in item}
    assert used == {f"SOON#{shard}" for shard in range(SOON_SHARDS)}
    assert {due.account_id for due in store.due_for_reconcile(LATER) if not due.in_turn} == set(names)
