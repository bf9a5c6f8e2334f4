"""The pause of a deployment on the deployed stack: entries are denied, exits go, and its deployment lets entries go again."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.system import SystemClock
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.reasons import Reason
from candlecast.services.account.pause_entries import PauseEntries
from infra.local.cloud import Cloud
from tests.support.stage import Desk, follower, open_desk

ACCOUNTS = 4


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(ACCOUNTS)])) as opened:
        _ = opened.scene.ledger  # opens the records, and with them the address of the cloud
        yield opened


@pytest.fixture(scope="module")
def entries(desk: Desk) -> PauseEntries:
    return PauseEntries(DynamoDeploymentPauses(Table(desk.cloud.outputs["TableName"])), SystemClock())


def ended(desk: Desk, action: str) -> set[tuple[LegKind, IntentState, Reason | None]]:
    """How the orders of a signal end."""
    found = desk.orders(desk.signal(action))
    assert len(found) == ACCOUNTS
    return {(order.kind, order.state, order.reason) for orders in found.values() for order in orders}


def test_entries_are_denied_and_exits_go_until_the_deployment_ends(desk: Desk, entries: PauseEntries) -> None:
    assert ended(desk, "buy") == {(LegKind.ENTRY, IntentState.FILLED, None)}
    entries.pause("release-2", "cli:pipeline")
    assert desk.platform.as_administrator().call("GET", "/v1/deployment-pause")["deployment_id"] == "release-2"
    assert ended(desk, "exit") == {(LegKind.EXIT, IntentState.FILLED, None)}
    assert ended(desk, "buy") == {(LegKind.ENTRY, IntentState.DENIED, Reason.DEPLOYMENT_PAUSE)}
    with pytest.raises(Conflict):
        entries.resume("release-1", "cli:pipeline")
    assert ended(desk, "buy") == {(LegKind.ENTRY, IntentState.DENIED, Reason.DEPLOYMENT_PAUSE)}
    entries.resume("release-2", "cli:pipeline")
    assert ended(desk, "buy") == {(LegKind.ENTRY, IntentState.FILLED, None)}
    assert ended(desk, "exit") == {(LegKind.EXIT, IntentState.FILLED, None)}
