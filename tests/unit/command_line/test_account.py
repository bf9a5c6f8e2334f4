"""`candlecast account`: the stored item, decoded for a person and for a program."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.domain.account.account import Account
from candlecast_cli import stacks
from tests.support.builders import ACCOUNT, NOW, TENANT, an_account, an_intent
from tests.unit.command_line.running import refused, run

INTENT = an_intent()
STORED = replace(an_account(version=6, credential_version="version-of-keys", intents={INTENT.intent_id: INTENT}))


class FakeTable:
    """A table that holds one account's item, as the adapter has written it."""

    name = "table"

    def __init__(self, item: dict[str, Any]) -> None:
        self.client = SimpleNamespace(get_item=lambda **asked: self._answer(item, asked))

    @staticmethod
    def _answer(item: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["ConsistentRead"]
        return {"Item": item} if asked["Key"] == {"PK": item["PK"], "SK": item["SK"]} else {}


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    table = FakeTable(account_item(STORED, NOW))
    connection = SimpleNamespace(table=lambda: table, parameters={"TenantClaim": "organisation"}, generation=1)
    monkeypatch.setattr(stacks, "connect", lambda _where: connection)
    return connection


def test_the_whole_item_is_shown_as_json() -> None:
    result = run("account", "show", ACCOUNT, "--tenant", TENANT, "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert from_json(Account, json.dumps(shown["account"])) == replace(STORED, version=7)
    assert shown["account"] == json.loads(to_json(replace(STORED, version=7)))
    item = shown["item"]
    assert (item["version"], item["schema_version"]) == (7, 2)
    stored = account_item(STORED, NOW)
    assert item["size_bytes"] == sum(len(name) + len(next(iter(value.values()))) for name, value in stored.items())
    assert item["look_soon"] == stored["GSI4SK"]["S"]


def test_people_see_state_orders_and_the_next_look() -> None:
    shown = run("account", "show", ACCOUNT, "--tenant", TENANT).stdout
    for text in (TENANT, ACCOUNT, "ACTIVE", "Open orders", INTENT.intent_id, INTENT.state.value, "version 7"):
        assert text in shown, text
    assert "version-of-keys" not in shown, "of keys it only says that they are set"


@pytest.mark.parametrize(("generation", "told"), [(1, "-"), (2, "TABLE_RESTORED")])
def test_an_account_that_no_look_has_accounted_for_after_a_restore_says_so(
    stack: SimpleNamespace, generation: int, told: str
) -> None:
    """Its entries are denied before the first look has written a suspension."""
    stack.generation = generation
    (line,) = [it for it in run("account", "show", ACCOUNT, "--tenant", TENANT).stdout.splitlines() if "suspended for" in it]
    assert line.split()[-1] == told


def test_an_account_that_does_not_exist_is_refused() -> None:
    assert "no such account" in refused(1, "NOT_FOUND", "account", "show", "another", "--tenant", TENANT)
    assert "no such account" in refused(1, "NOT_FOUND", "account", "show", ACCOUNT, "--tenant", "somebody-else")


def test_an_address_means_nothing_where_tenants_are_named_by_another_claim() -> None:
    assert "use --tenant" in refused(2, "USAGE", "account", "show", ACCOUNT, "--email", "you@example.com")
