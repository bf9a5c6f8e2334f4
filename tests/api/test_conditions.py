"""Conditional requests: answers of readers have tags, and a change with `If-Match` is made to that very state or not at all."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.store import LastPrice
from candlecast.runtime.compose import api
from functions.api.manners.conditions import tags_of
from tests.api.conftest import EXTERNAL, Deployment, giving
from tests.api.examples import MINE, NOT_FOR_TENANTS, address, prepared, uploaded
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.backtests import a_backtest
from tests.support.gateway import Answer, Client
from tests.support.routes import Operation, operations

READING = [it for it in operations() if it.method == "GET"]
WRITING = [it for it in operations() if it.method in ("PUT", "PATCH", "DELETE")]
UNVERSIONED = {"delete_lock", "drop_dead_letter", "move_stop"}  # they compare no version, and refuse a condition


def reader(operation: Operation, deployment: Deployment) -> Callable[..., Answer]:
    """Sends the operation as a tenant, or as an operator where a tenant may not ask."""
    url, query = address(operation)
    client = deployment.client
    if client.send("GET", url, query=query).status in NOT_FOR_TENANTS:
        client = deployment.admin
    return lambda headers=None, **more: client.send("GET", url, query={**query, **more}, headers=headers)


@pytest.mark.parametrize("operation", READING, ids=lambda it: it.operation_id)
def test_an_answer_that_the_reader_has_is_not_sent_again(operation: Operation) -> None:
    read = reader(operation, prepared(operation))
    first = read()
    assert first.status == 200
    tag = first.headers["etag"]
    plain = tag.removeprefix("W/")
    for known in (tag, f'"other", W/{plain}', "*"):
        again = read({"if-none-match": known})
        assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
    for unknown in ('"other"', plain.strip('"'), '"', "x" * 5_000):
        assert read({"if-none-match": unknown}).text == first.text


def test_an_answer_that_may_be_kept_is_asked_for_before_each_use(populated: Deployment) -> None:
    assert populated.client.get("/v1/accounts").headers["cache-control"] == "private, no-cache"
    assert populated.client.get("/health").headers["cache-control"].startswith("public")


def test_a_list_has_another_tag_once_an_entry_changes(populated: Deployment) -> None:
    tag = populated.client.get("/v1/accounts").headers["etag"]
    populated.client.send("PATCH", f"/v1/accounts/{ACCOUNT}", {"label": "other"})
    changed = populated.client.send("GET", "/v1/accounts", headers={"if-none-match": tag})
    assert (changed.status, changed.headers["etag"] == tag) == (200, False)


def test_each_form_of_a_list_has_a_tag_of_its_own(populated: Deployment) -> None:
    json, csv = (populated.client.get("/v1/positions", format=form).headers["etag"] for form in ("json", "csv"))
    assert json != csv
    again = populated.client.send("GET", "/v1/positions", query={"format": "csv"}, headers={"if-none-match": csv})
    assert again.status == 304


def test_the_moment_of_an_answer_alone_is_no_change(populated: Deployment) -> None:
    first = populated.client.get("/v1/positions")
    populated.clock.advance(seconds=60)
    later = populated.client.get("/v1/positions")
    assert (first.json["as_of"] == later.json["as_of"], first.headers["etag"] == later.headers["etag"]) == (False, True)
    assert first.headers["etag"].startswith('W/"')


@dataclass(frozen=True)
class Change:
    """A change of a thing, and the path at which the thing is read."""

    read: str
    method: str
    path: str
    body: Any = None
    by_admin: bool = False
    before: Callable[[Deployment], object] = lambda _: None


SUBSCRIBED, HELD = f"/v1/subscriptions/{SUBSCRIPTION}", f"/v1/accounts/{ACCOUNT}"
SOURCE = f"/v1/strategies/{EXTERNAL}/source"
LEVEL, SWITCH, POOL = "/v1/limits/levels/USER/me", "/v1/kill-switches/USER/me", "/v1/limits/pools/fund-1"
KEYS = {"api_key": "key", "api_secret": "secret"}


def with_keys(deployment: Deployment) -> None:
    deployment.client.send("PUT", f"{HELD}/credentials", KEYS)


def waiting(deployment: Deployment) -> None:
    deployment.backtests.create_backtest(a_backtest("backtest-2"))


def flat(deployment: Deployment) -> None:
    account = deployment.accounts.load("tenant-1", ACCOUNT)
    deployment.accounts.save(replace(account, positions={}, intents={}))


CHANGES = {
    "rename_account": Change(HELD, "PATCH", HELD, {"label": "other"}),
    "put_credentials": Change(HELD, "PUT", f"{HELD}/credentials", KEYS),
    "delete_credentials": Change(HELD, "DELETE", f"{HELD}/credentials", before=with_keys),
    "put_account_limits": Change(HELD, "PUT", f"{HELD}/limits", {"max_leverage": "3"}),
    "put_position_mode": Change(HELD, "PUT", f"{HELD}/position-mode", {"mode": "HEDGE"}, before=flat),
    "update_subscription": Change(SUBSCRIBED, "PATCH", f"{SUBSCRIBED}/settings", {"capital": "777"}),
    "pin_version": Change(SUBSCRIBED, "PUT", f"{SUBSCRIBED}/version", {"version": 2}),
    "edit_strategy": Change(f"/v1/strategies/{MINE}", "PATCH", f"/v1/strategies/{MINE}", {"name": "other"}, before=uploaded()),
    "put_source": Change(SOURCE, "PUT", SOURCE, {"enabled": False}, by_admin=True),
    "update_source": Change(SOURCE, "PATCH", SOURCE, {"enabled": False}, by_admin=True),
    "put_limits": Change(LEVEL, "PUT", LEVEL, {"max_leverage": "3"}),
    "put_membership": Change(
        "/v1/limits/levels/USER/tenant-1",
        "PUT",
        "/v1/limits/members/tenant-1",
        {"organisation_id": "fund-1", "group_id": None},
        by_admin=True,
    ),
    "put_pool": Change(POOL, "PUT", POOL, {"max_gross_notional": "1000"}, by_admin=True),
    "put_kill_switch": Change(SWITCH, "PUT", SWITCH, {"grade": "HALT_ALL", "reason": "r"}),
    "delete_kill_switch": Change(SWITCH, "DELETE", SWITCH),
    "cancel_backtest": Change("/v1/backtests/backtest-2", "DELETE", "/v1/backtests/backtest-2", before=waiting),
}


def by(change: Change, deployment: Deployment) -> Client:
    return deployment.admin if change.by_admin else deployment.client


def test_every_write_compares_a_version_or_refuses_to() -> None:
    assert {it.operation_id for it in WRITING} == set(CHANGES) | UNVERSIONED


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_made_to_the_state_that_was_read_and_to_no_other(populated: Deployment, change: Change) -> None:
    change.before(populated)
    client = by(change, populated)
    before = client.get(change.read)
    tag = before.headers["etag"]
    for other in ('"other"', f"W/{tag}", tag.strip('"'), f'"{"0" * 16}-{tag.strip(chr(34)).partition("-")[2]}"'):
        refused = client.send(change.method, change.path, change.body, headers={"if-match": other})
        assert (refused.status, refused.code) == (412, "PRECONDITION_FAILED")
    assert client.get(change.read).text == before.text
    made = client.send(change.method, change.path, change.body, headers={"if-match": f'"other", {tag}'})
    assert made.status in (200, 202), made.text
    after = client.get(change.read)
    assert after.headers["etag"] != tag
    late = client.send(change.method, change.path, change.body, headers={"if-match": tag})
    assert (late.status, late.code) == (412, "PRECONDITION_FAILED")
    assert client.get(change.read).text == after.text


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"delete_credentials", "cancel_backtest"}))
def test_a_star_stands_for_any_state(populated: Deployment, name: str) -> None:
    change = CHANGES[name]
    change.before(populated)
    made = by(change, populated).send(change.method, change.path, change.body, headers={"if-match": "*"})
    assert made.status in (200, 202), made.text


def test_a_star_stands_for_no_switch_that_was_never_set(deployment: Deployment) -> None:
    assert deployment.client.get(SWITCH).status == 404
    for condition in ("*", '""', '"-"'):
        answer = deployment.client.send("PUT", SWITCH, {"grade": "HALT_ALL", "reason": "r"}, headers={"if-match": condition})
        assert (answer.status, answer.code) == (412, "PRECONDITION_FAILED")
    assert deployment.client.get(SWITCH).status == 404


@pytest.mark.parametrize("name", sorted(UNVERSIONED))
def test_a_write_that_compares_no_version_refuses_a_condition(name: str) -> None:
    [operation] = [it for it in operations() if it.operation_id == name]
    body = {"account_id": "4f1c", "subscription_id": "8a2b", "market": "BTC/USDT:USDT", "stop_price": "95"}
    deployment = prepared(operation, body)
    url, query = address(operation)
    client = deployment.client if name == "move_stop" else deployment.admin
    sent = None if operation.method == "DELETE" else body
    answer = client.send(operation.method, url, sent, query=query, headers={"if-match": "*"})
    assert (answer.status, answer.code) == (412, "PRECONDITION_FAILED")
    assert client.send(operation.method, url, sent, query=query).status in (200, 202)


def test_what_trading_writes_refuses_no_change_of_a_person(populated: Deployment) -> None:
    tag = populated.client.get(HELD).headers["etag"]
    account = populated.accounts.load("tenant-1", ACCOUNT)
    populated.accounts.save(replace(account, reconciled_at=NOW.replace(year=NOW.year + 1)))
    assert populated.client.get(HELD).headers["etag"] != tag
    made = populated.client.send("PATCH", HELD, {"label": "other"}, headers={"if-match": tag})
    assert (made.status, made.json["label"]) == (200, "other")


def test_the_tag_of_another_thing_is_none_of_this(populated: Deployment) -> None:
    """Both levels have the same number of changes."""
    for level in ("USER", "OPERATIONS"):
        assert populated.admin.send("PUT", f"/v1/limits/levels/{level}/admin-1", {"max_leverage": "5"}).status == 200
    tag = populated.admin.get("/v1/limits/levels/USER/admin-1").headers["etag"]
    path = "/v1/limits/levels/OPERATIONS/admin-1"
    assert populated.admin.send("PUT", path, {"max_leverage": "4"}, headers={"if-match": tag}).status == 412
    own = populated.admin.get(path).headers["etag"]
    assert populated.admin.send("PUT", path, {"max_leverage": "4"}, headers={"if-match": own}).status == 200


class Interrupted(FakeAccountStore):
    """Another person writes between the read and the write of a request."""

    other: Callable[[], object] | None = None

    def save(self, account: Account) -> Account:
        if self.other is not None:
            other, self.other = self.other, None
            other()
        return super().save(account)


@pytest.mark.parametrize(
    ("condition", "status", "label"), [(True, 412, "of the other"), (False, 200, "mine")], ids=["with If-Match", "without"]
)
def test_a_write_between_check_and_write_is_not_lost(populated: Deployment, condition: bool, status: int, label: str) -> None:
    store = Interrupted(populated.database, populated.clock)
    client = Client({**populated.providers, api.accounts: giving(store)})
    tag = client.get(HELD).headers["etag"]
    known = populated.accounts.load("tenant-1", ACCOUNT)
    store.other = lambda: populated.accounts.save(replace(known, label="of the other"))
    headers = {"if-match": tag} if condition else None
    answer = client.send("PATCH", HELD, {"label": "mine"}, headers=headers)
    assert (answer.status, populated.accounts.load("tenant-1", ACCOUNT).label) == (status, label)


def test_the_store_itself_refuses_the_write_that_came_too_late(populated: Deployment) -> None:
    known = populated.accounts.load("tenant-1", ACCOUNT)
    populated.accounts.save(replace(known, label="of the other"))
    with pytest.raises(Conflict):
        populated.accounts.save(replace(known, label="mine"))


def test_keys_are_not_stored_for_an_account_that_was_changed(populated: Deployment) -> None:
    tag = populated.client.get(HELD).headers["etag"]
    populated.client.send("PATCH", HELD, {"label": "other"})
    written = deepcopy(populated.vault.__dict__)
    assert populated.client.send("PUT", f"{HELD}/credentials", KEYS, headers={"if-match": tag}).status == 412
    assert populated.vault.__dict__ == written


def test_a_lost_lock_of_limits_is_no_way_around_the_condition(populated: Deployment) -> None:
    """The condition is asked before the lock, so a stale writer learns that first."""
    tag = populated.client.get(LEVEL).headers["etag"]
    populated.client.send("PUT", LEVEL, {"max_leverage": "3", "limits_locked_until": "2027-01-01T00:00:00Z"})
    assert populated.client.send("PUT", LEVEL, {}, headers={"if-match": tag}).code == "PRECONDITION_FAILED"


def test_tags_are_read_from_a_list() -> None:
    assert tags_of('"a", W/"b","c"') == [(False, "a"), (True, "b"), (False, "c")]
    assert tags_of("a, 'b', \"c") == []
    assert tags_of(f'{"x" * 3_000}"a"') == []


def test_a_position_that_moves_changes_the_tag(populated: Deployment) -> None:
    tag = populated.client.get("/v1/positions").headers["etag"]
    populated.prices.put_price("paper", BTC, LastPrice(Decimal(7), NOW))
    assert populated.client.send("GET", "/v1/positions", headers={"if-none-match": tag}).status == 200
