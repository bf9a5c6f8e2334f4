"""Taking an account's key away, disabling it or giving it another key is in force at the very next order, and for nobody else."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.reasons import Reason
from infra.local.cloud import Cloud
from infra.local.demo.exchange import PaperKeys
from infra.local.demo.people import Person, wait_until_verified
from infra.local.demo.report import differences
from tests.support.stage import Desk, follower, open_desk
from tests.support.waiting import until

FOLLOWERS = 4
RIGHTS_OF_A_THIEF = ["enableReading", "enableFutures", "enableWithdrawals"]


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    """Everybody has traded once: the executor's environments are warm and know every key."""
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(FOLLOWERS)])) as opened:
        first = outcomes(opened, "buy")
        assert set(first.values()) == {(IntentState.FILLED, None)}, first
        outcomes(opened, "exit")
        yield opened


def outcomes(desk: Desk, action: str) -> dict[str, tuple[IntentState, Reason | None]]:
    """The outcome of a signal's entry or exit, by user."""
    found = desk.orders(desk.signal(action))
    return {name: (leg.state, leg.reason) for name, legs in found.items() for leg in legs if not leg.kind.is_protective}


def keys_of(person: Person) -> PaperKeys:
    assert person.keys is not None
    return person.keys


def test_deleted_credentials_stop_the_very_next_order_and_leave_the_others_alone(desk: Desk) -> None:
    person = desk.people[0]
    shown = desk.api(person).call("DELETE", f"/v1/accounts/{person.account_id}/credentials")
    assert (shown["status"], shown["credentials_set"]) == ("NO_CREDENTIALS", False)
    placed = len(desk.operator.book())
    found = outcomes(desk, "buy")
    assert found.pop(person.plan.name) == (IntentState.SKIPPED, Reason.NO_CREDENTIALS)
    assert set(found.values()) == {(IntentState.FILLED, None)}
    assert len(desk.operator.book()) == placed + FOLLOWERS - 1
    outcomes(desk, "exit")


def test_a_disabled_account_places_nothing_until_it_is_enabled_again(desk: Desk) -> None:
    person = desk.people[1]
    api = desk.api(person)
    assert api.call("POST", f"/v1/accounts/{person.account_id}/disable")["status"] == "DISABLED"
    found = outcomes(desk, "sell")
    assert found[person.plan.name] == (IntentState.DENIED, Reason.ACCOUNT_DISABLED)
    assert found[desk.people[2].plan.name] == (IntentState.FILLED, None)
    outcomes(desk, "exit")
    assert api.call("POST", f"/v1/accounts/{person.account_id}/enable")["status"] == "ACTIVE"
    assert outcomes(desk, "sell")[person.plan.name] == (IntentState.FILLED, None)
    outcomes(desk, "exit")


def test_a_replaced_key_signs_the_very_next_order(desk: Desk) -> None:
    person = desk.people[2]
    old = keys_of(person)
    issued = desk.operator.call("POST", f"/accounts/{old.account_id}/keys", {})
    new = replace(old, key_id=issued["key_id"], api_key=issued["api_key"], api_secret=issued["api_secret"])
    body = {"api_key": new.api_key, "api_secret": new.api_secret}
    given = desk.api(person).call("PUT", f"/v1/accounts/{person.account_id}/credentials", body)
    assert (given["status"], [each["cause"] for each in given["suspensions"]]) == ("VERIFYING", ["KEYS_NOT_VETTED"])
    wait_until_verified(desk.api(person), str(person.account_id))
    orders = desk.orders(desk.signal("buy"))
    entry = next(leg for leg in orders[person.plan.name] if leg.kind is LegKind.ENTRY)
    assert entry.state is IntentState.FILLED
    signers = {order.client_order_id: order.signed_by for order in desk.operator.book()}
    assert signers[entry.client_order_id] == new.key_id != old.key_id
    other = desk.people[3]
    assert {signers[leg.client_order_id] for leg in orders[other.plan.name]} == {keys_of(other).key_id}


def test_an_exit_waits_for_a_new_key_while_the_venue_refuses_the_old_one(desk: Desk) -> None:
    person = desk.people[3]
    desk.operator.revoke(keys_of(person))
    found = outcomes(desk, "exit")
    assert found[person.plan.name] == (IntentState.PENDING, None)
    shown = desk.api(person).call("GET", f"/v1/accounts/{person.account_id}")
    suspended = [each["cause"] for each in shown["suspensions"]] == ["KEYS_REFUSED"]
    assert suspended or (shown["status"], shown["disabled_reason"]) == ("DISABLED", "AUTHENTICATION_FAILED"), "by a second look"

    issued = desk.operator.call("POST", f"/accounts/{keys_of(person).account_id}/keys", {})
    body = {"api_key": issued["api_key"], "api_secret": issued["api_secret"]}
    healed = desk.api(person).call("PUT", f"/v1/accounts/{person.account_id}/credentials", body)
    assert healed["status"] == "VERIFYING"
    wait_until_verified(desk.api(person), str(person.account_id))
    outcomes(desk, "exit")
    held = [each for each in desk.records().positions if each.account_id == person.account_id and each.quantity > 0]
    assert held == [], "the position that was held all the time is closed"
    assert differences(desk.records(), desk.operator.book()) == []


def test_a_key_that_may_withdraw_enters_nothing_and_closes_what_it_holds(desk: Desk) -> None:
    person = desk.people[2]
    api, account = desk.api(person), f"/v1/accounts/{person.account_id}"
    assert outcomes(desk, "buy")[person.plan.name] == (IntentState.FILLED, None)
    issued = desk.operator.call("POST", f"/accounts/{keys_of(person).account_id}/keys", {"rights": RIGHTS_OF_A_THIEF})
    api.call("PUT", f"{account}/credentials", {"api_key": issued["api_key"], "api_secret": issued["api_secret"]})
    until(lambda: api.call("GET", account)["keys_vetted_at"] is not None)
    shown = api.call("GET", account)
    assert (shown["status"], [each["cause"] for each in shown["suspensions"]]) == ("VERIFYING", ["KEY_MAY_WITHDRAW"])
    assert outcomes(desk, "exit")[person.plan.name] == (IntentState.FILLED, None)
    assert outcomes(desk, "buy")[person.plan.name] == (IntentState.DENIED, "KEY_MAY_WITHDRAW")
    outcomes(desk, "exit")
