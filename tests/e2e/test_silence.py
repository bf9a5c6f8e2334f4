"""Heard on the deployed stack: an alert, a schedule that fires no more, and an event that is not of now."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.firings import FIRINGS_KEY, DynamoFirings
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.system import SystemClock
from candlecast.domain.market.firings import Firings
from candlecast.domain.values.timeframe import Timeframe
from infra.local import deployment
from infra.local.demo.replay import invoke
from tests.support.listening import Listener
from tests.support.stage import Desk, follower, messages, open_desk, utc_now
from tests.support.waiting import until

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def desk(cloud: Any) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(0, strategy)])) as opened:
        _ = opened.scene.ledger  # opens the records, and with them the address of the cloud
        yield opened


def table(desk: Desk) -> Table:
    return Table(desk.cloud.outputs["TableName"])


def state(desk: Desk, alarm: str) -> str:
    """The state of one of the stack's alarms."""
    cloudwatch = desk.cloud.client("cloudwatch")
    (found,) = cloudwatch.describe_alarms(AlarmNames=[f"{deployment.STACK}-{alarm}"])["MetricAlarms"]
    shown: str = found["StateValue"]
    return shown


def rings(desk: Desk, alarm: str) -> bool:
    return until(lambda: state(desk, alarm), "ALARM".__eq__) == "ALARM"


def test_a_critical_alert_reaches_people_with_its_names_and_nothing_else_of_the_event(desk: Desk) -> None:
    people = Listener(desk.cloud, "people", desk.cloud.outputs["AlertTopicArn"])
    (person,) = desk.people
    assert person.account_id is not None
    accounts = DynamoAccountStore(table(desk), SystemClock())
    account = accounts.load(person.user.sub, person.account_id)
    market = desk.strategy.file.market
    accounts.save(account.alert("MARKET_NOT_LOOKED_AT", utc_now(), market=market, failure="UNKNOWN_MARKET"))
    desk.cloud.wait_until_relayed()
    (told,) = until(lambda: list(people.messages()))
    names = f"Tenant {person.user.sub}, account {person.account_id}, market {market}, failure UNKNOWN_MARKET."
    assert json.loads(told).startswith(f"{deployment.STACK}: MARKET_NOT_LOOKED_AT. {names} At ")
    assert "infra/runbooks/critical-alerts.md" in told
    assert "{" not in told
    assert rings(desk, "critical-alerts")
    assert '"critical alert"' in desk.cloud.logs()[desk.cloud.outputs["OutboxRelayFunctionName"]]


def test_an_alert_about_a_whole_account_is_told_without_a_market(desk: Desk) -> None:
    people = Listener(desk.cloud, "more-people", desk.cloud.outputs["AlertTopicArn"])
    (person,) = desk.people
    assert person.account_id is not None
    accounts = DynamoAccountStore(table(desk), SystemClock())
    account = accounts.load(person.user.sub, person.account_id)
    accounts.save(account.alert("POSITION_MODE_NOT_SET", utc_now()))
    (told,) = until(lambda: list(people.messages()))
    assert f"POSITION_MODE_NOT_SET. Tenant {person.user.sub}" in json.loads(told)


def test_schedules_that_fire_no_more_ring_by_their_names(desk: Desk) -> None:
    firings, now, watch = DynamoFirings(table(desk)), utc_now(), timedelta(days=3)
    table(desk).client.delete_item(TableName=table(desk).name, Key=FIRINGS_KEY)
    for timeframe in Timeframe:
        firings.note_firing(timeframe, now - 30 * MINUTE if timeframe is Timeframe.M5 else now)
    firings.save_watch(Firings(watched_since=now - watch, watched_at=now - MINUTE, parity_since=now - watch))
    assert "accounts" in invoke(desk.cloud, "ReconcileClockFunctionName", {"scheduled_time": now.isoformat()})
    log = desk.cloud.logs()[desk.cloud.outputs["ReconcileClockFunctionName"]]
    (line,) = [json.loads(it) for it in log.splitlines() if '"schedules overdue"' in it]
    assert line["schedules"] == ["5m", "parity"]
    assert rings(desk, "schedules-overdue")
    kept = firings.load_firings()
    assert kept.watched_since is not None
    assert (now - kept.watched_since, kept.newest[Timeframe.M1]) == (watch, now)


def test_the_candle_clock_notes_its_firings_with_its_own_rights(desk: Desk) -> None:
    scheduled = utc_now().replace(second=0, microsecond=0)
    assert "candles" in invoke(
        desk.cloud, "CandleClockFunctionName", {"timeframe": "1m", "scheduled_time": scheduled.isoformat()}
    )
    assert DynamoFirings(table(desk)).load_firings().newest[Timeframe.M1] >= scheduled


def test_parity_notes_its_firings_with_its_own_rights(desk: Desk) -> None:
    now = utc_now()
    assert "strategies" in invoke(desk.cloud, "ParityCheckerFunctionName", {"scheduled_time": now.isoformat()})
    assert DynamoFirings(table(desk)).load_firings().parity == now


@pytest.mark.parametrize(("age", "code"), [(WEEK, "FIRING_TOO_LATE"), (-WEEK, "FIRING_AHEAD")])
def test_an_event_that_is_not_of_now_is_answered_and_rings(desk: Desk, age: timedelta, code: str) -> None:
    scheduled = (utc_now() - age).replace(second=0, microsecond=0)
    event = {"timeframe": "1m", "scheduled_time": scheduled.isoformat()}
    for output in ("CandleClockFunctionName", "ReconcileClockFunctionName", "ParityCheckerFunctionName"):
        assert invoke(desk.cloud, output, event)["refused_because"]["code"] == code
    assert rings(desk, "firings-refused")
    assert messages(desk.cloud, "CandleQueueUrl") == []
