"""The table is lost minutes back while people trade: restored, adopted, reconciled, and both books are equal again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.domain.account.account import Account
from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast_cli import restore, stacks
from candlecast_cli.main import app
from infra.local import deployment
from infra.local.cloud import Cloud
from tests.support.stage import Desk, follower, open_desk
from tests.support.waiting import until
from verification.rehearsal.rehearsal import whole_second

USERS = 2
LOOK_SECONDS = 10


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    opened = open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(USERS)])
    with closing(opened):
        yield opened


@pytest.fixture
def run(connected: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command on the embedded cloud."""
    monkeypatch.setattr(restore, "POLL_SECONDS", 0.1)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words), catch_exceptions=False)

    return run


def held(desk: Desk) -> dict[str, Decimal]:
    """The positions of our accounts at the venue, signed."""
    book = {account: Decimal(0) for person in desk.people if person.keys for account in (person.keys.account_id,)}
    for row in desk.operator.rows("positions"):
        if row["account_id"] in book:
            book[row["account_id"]] += Decimal(row["amount"])
    return book


def reached(desk: Desk, met: Callable[[Decimal], bool]) -> bool:
    """Whether all positions are so, perhaps after another look: a slow machine leaves an order's outcome unknown until then."""
    if all(map(met, held(desk).values())):
        return True
    desk.replay.settle()
    return False


def accounts(desk: Desk) -> dict[str, Account]:
    """Our own accounts, by the venue's name of them."""
    names = {str(person.account_id): person.keys.account_id for person in desk.people if person.keys}
    found = restore.accounts(stacks.connect(stacks.Where()))
    return {names[account.account_id]: account for account in found if account.account_id in names}


def booked(desk: Desk) -> dict[str, Decimal]:
    return {
        name: sum((it.quantity * it.side.sign for it in account.positions.values()), Decimal(0))
        for name, account in accounts(desk).items()
    }


def platform_switch(desk: Desk, table: str) -> Grade | None:
    """The grade of the platform's switch in a table of the stack."""
    found = DynamoGate(stacks.connect(stacks.Where()).table(table)).find_switch(PLATFORM)
    return found.grade if found is not None else None


def look(desk: Desk, run: Any) -> bool:
    """One minute's look of the clock; whether every account is accounted for."""
    desk.replay.settle()
    done = run("restore", "status").exit_code == 0
    if not done:
        time.sleep(LOOK_SECONDS)
    return bool(done)


def test_a_lost_table_is_restored_adopted_and_reconciled_until_both_books_are_equal(desk: Desk, run: Any) -> None:
    desk.signal("buy")
    assert until(lambda: reached(desk, lambda quantity: quantity > 0))
    before = held(desk)
    left, moment = desk.cloud.outputs["TableName"], whole_second()
    rotated = desk.platform.as_administrator().call("POST", f"/v1/strategies/{desk.strategy.strategy_id}/source/secret")
    desk.source = replace(desk.source, secret=rotated["secret"])
    assert run("switch", "set", "organisation", "another", "--grade", "HALT_ALL", "--reason", "bad prices").exit_code == 0
    desk.signal("exit")
    assert until(lambda: reached(desk, lambda quantity: quantity == 0))
    stop = desk.strategy.file.candles[-1].close * Decimal("1.1")
    desk.signal("sell", stopLoss={"stopPrice": str(stop.quantize(Decimal(1)))})
    assert until(lambda: reached(desk, lambda quantity: quantity < 0))
    lost = held(desk)
    orders_at_venue = len(list(desk.operator.rows("orders")))

    made = run("restore", "table", "--to", moment.isoformat())
    assert made.exit_code == 0, made.output
    assert run("restore", "table", "--to", moment.isoformat()).exit_code == 0, "again it goes on where it was"
    described = desk.cloud.client("dynamodb").describe_table(TableName=f"{deployment.STACK}-state-2")["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert {it["IndexName"] for it in described["GlobalSecondaryIndexes"]} == {"GSI1", "GSI2", "GSI3", "GSI4"}
    assert described["SSEDescription"]["KMSMasterKeyArn"] == desk.cloud.outputs["KeyArn"]
    expiry = desk.cloud.client("dynamodb").describe_time_to_live(TableName=described["TableName"])
    assert expiry["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"

    adopted = run("restore", "adopt")
    assert adopted.exit_code == 0, adopted.output
    assert "the new one is in force again" in adopted.output, "the sender knows no other secret"
    assert platform_switch(desk, left) is Grade.PAUSE_ENTRIES, "a stack that goes back to the old table enters nothing"
    undone = [tuple(row.values()) for row in json.loads(run("restore", "undone", "--json").stdout)]
    assert undone == [("KILL_SWITCH#ORGANISATION#another STATE", "", "HALT_ALL", "(none)")], "nothing else was changed"
    desk.forget_outputs()
    assert desk.cloud.outputs["TableName"] == described["TableName"]
    assert booked(desk) == before, "the book is of the moment, the venue is not"
    assert run("restore", "status").exit_code == 1

    assert until(lambda: look(desk, run))
    assert held(desk) == lost, "nothing was sold, nothing was bought"
    assert booked(desk) == lost
    for account in accounts(desk).values():
        (position,) = account.positions.values()
        assert position.stop_price is not None
        assert [leg.kind for leg in account.intents.values()] == [LegKind.STOP_LOSS]
    assert len(list(desk.operator.rows("orders"))) == orders_at_venue

    desk.signal("exit")
    assert until(lambda: reached(desk, lambda quantity: quantity == 0))
    assert set(booked(desk).values()) == {Decimal(0)}

    refused = desk.orders(desk.signal("buy"))
    assert {leg.state for legs in refused.values() for leg in legs if leg.kind is LegKind.ENTRY} == {IntentState.DENIED}
    assert set(held(desk).values()) == {Decimal(0)}, "the platform's switch is on"
    assert run("switch", "lift", "platform").exit_code == 0
    desk.signal("buy")
    assert until(lambda: reached(desk, lambda quantity: quantity > 0))
    assert booked(desk) == held(desk)
