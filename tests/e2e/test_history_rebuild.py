"""History is deleted and comes back from the archive, equal item by item; nothing is counted twice and no event is told again."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.local.project import ROOT
from tests.support.stage import INSTANCE, Desk, follower, open_desk

FOLLOWERS = 2
COMMAND_SECONDS = 900  # for one that hangs
LISTED = ("ORDER#", "POSITION#", "TRADE#", "RECEIPT#", "BREACH#")
SUMS = ("STATISTICS#", "RECORD#", "RECENT#", "DAY#", "RECORD_DAY#")
Items = dict[tuple[str, str], Mapping[str, Any]]


@pytest.fixture
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(FOLLOWERS)])) as opened:
        yield opened


def rebuild(*words: str, status: int = 0) -> Any:
    """The JSON of the command; its words on standard error if it is refused."""
    outcome = subprocess.run(  # noqa: S603 - our own command
        [str(ROOT / ".venvs" / "dev" / "bin" / "candlecast"), "history", "rebuild", *words, "--json", "--name", INSTANCE],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert outcome.returncode == status, outcome.stdout + outcome.stderr
    return json.loads(outcome.stdout) if status == 0 else outcome.stderr


def items(cloud: Cloud) -> Items:
    """Everything in the table."""
    table, name = cloud.client("dynamodb"), cloud.outputs["TableName"]
    pages = table.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return {(item["PK"]["S"], item["SK"]["S"]): item for page in pages for item in page["Items"]}


def history(found: Items) -> Items:
    """The items that queries read, the sums, and the counts of sources."""

    def is_history(partition: str, place: str) -> bool:
        counted = partition.startswith("SOURCE#") and ("#NOTIONAL" in partition or "#COUNTED#" in partition)
        return (
            counted
            or partition.startswith("DAYS#")
            or (partition.startswith(("TENANT#", "STRATEGY#")) and place.startswith((*LISTED, *SUMS)))
        )

    return {key: item for key, item in found.items() if is_history(*key)}


def delete(cloud: Cloud, found: Items) -> None:
    for partition, place in found:
        cloud.client("dynamodb").delete_item(
            TableName=cloud.outputs["TableName"], Key={"PK": {"S": partition}, "SK": {"S": place}}
        )


def test_deleted_history_comes_back_equal_item_by_item(desk: Desk) -> None:
    for action in ("buy", "exit", "buy"):
        desk.signal(action)
    desk.replay.wait_until_quiet()
    desk.cloud.wait_until_relayed()
    before = items(desk.cloud)
    made = history(before)
    kinds = {place.partition("#")[0] for _, place in made}
    assert {"ORDER", "POSITION", "TRADE", "RECEIPT", "STATISTICS", "RECORD", "RECENT", "COUNTED", "DAY", "RECORD_DAY"} <= kinds
    assert any(partition.startswith("DAYS#") for partition, _ in made)
    told = published(desk)
    assert told > 0

    counted = rebuild("--dry-run")["events"]
    assert counted["trade.closed"] == FOLLOWERS
    assert history(items(desk.cloud)) == made

    listed = {key: item for key, item in made.items() if key[1].startswith(LISTED)}
    delete(desk.cloud, listed)  # the rows alone: the sums have counted them, and must not count again
    assert rebuild()["events"] == counted
    assert history(items(desk.cloud)) == made

    delete(desk.cloud, made)  # everything, as if the table were new
    assert history(items(desk.cloud)) == {}
    rebuild()
    assert history(items(desk.cloud)) == made
    rebuild()  # again: nothing is counted twice
    assert history(items(desk.cloud)) == made

    delete(desk.cloud, made)
    one = desk.people[0].user.sub
    rebuild("--tenant", one)
    tenants = {partition for partition, place in history(items(desk.cloud)) if place.startswith("ORDER#")}
    assert tenants == {f"TENANT#{one}"}
    rebuild()

    after = items(desk.cloud)
    desk.cloud.wait_until_relayed()
    assert published(desk) == told, "nobody is told again"
    assert {key: item for key, item in after.items() if key not in made} == {
        key: item for key, item in before.items() if key not in made
    }, "no account and nothing else has changed"


def test_a_rebuild_waits_for_letters_of_the_outbox_and_says_so(desk: Desk) -> None:
    bucket = desk.cloud.outputs["ArchiveBucketName"]
    key = "aws/lambda/mapping/shard/2026/11/28/2026-11-28T10.00.00-00000000-0000-0000-0000-000000000001"
    desk.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
    assert "LETTERS_WAITING" in rebuild(status=1)
    rebuild("--force")


def published(desk: Desk) -> int:
    """Events that the relay has published, by its log."""
    text = desk.cloud.logs().get("candlecast-outbox_relay", "") + desk.cloud.logs().get("candlecast-history_rebuild", "")
    lines = (json.loads(line) for line in text.splitlines() if '"EventsPublished"' in line)
    return sum(sum(value) if isinstance(value := line["EventsPublished"], list) else int(value) for line in lines)
