"""The embedded cloud restores a table to the moment that is asked for, without what AWS leaves out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.cloud import Cloud

pytestmark = pytest.mark.e2e
KEY = [{"AttributeName": "PK", "AttributeType": "S"}, {"AttributeName": "SK", "AttributeType": "S"}]
SCHEMA = [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud("test-launcher-recovery") as started:
        yield started


def put(cloud: Cloud, name: str, sort: str, value: str) -> None:
    cloud.client("dynamodb").put_item(TableName="source", Item={"PK": {"S": name}, "SK": {"S": sort}, "value": {"S": value}})


def items(cloud: Cloud, table: str) -> dict[tuple[str, str], str]:
    found = cloud.client("dynamodb").scan(TableName=table)["Items"]
    return {(it["PK"]["S"], it["SK"]["S"]): it["value"]["S"] for it in found}


def next_second() -> datetime:
    """A whole second that lies between all earlier and all later writes: AWS restores to seconds."""
    second = int(time.time()) + 1
    time.sleep(second - time.time())
    time.sleep(0.01)
    return datetime.fromtimestamp(second, UTC)


@pytest.fixture(scope="module")
def moment(cloud: Cloud) -> datetime:
    """A table with recovery and a stream; items were put before the moment, and changed by every kind of write after it."""
    dynamodb = cloud.client("dynamodb")
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    made: dict[str, Any] = {"TableName": "source", "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": True}
    dynamodb.create_table(**made, AttributeDefinitions=KEY, KeySchema=SCHEMA, StreamSpecification=stream)
    on = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName="source", PointInTimeRecoverySpecification=on)
    for name in ("kept", "changed", "updated", "removed", "batched", "transacted"):
        put(cloud, name, "a", "before")
    between = next_second()
    put(cloud, "changed", "a", "after")
    put(cloud, "changed", "b", "after")
    put(cloud, "changed", "a", "after again")
    put(cloud, "new", "a", "after")
    key = {"PK": {"S": "updated"}, "SK": {"S": "a"}}
    values, names = {":v": {"S": "after"}}, {"#v": "value"}
    update = {
        "Key": key,
        "UpdateExpression": "SET #v = :v",
        "ExpressionAttributeValues": values,
        "ExpressionAttributeNames": names,
    }
    dynamodb.update_item(TableName="source", **update)
    dynamodb.delete_item(TableName="source", Key={"PK": {"S": "removed"}, "SK": {"S": "a"}})
    late = {"value": {"S": "after"}, "SK": {"S": "a"}}
    dynamodb.batch_write_item(RequestItems={"source": [{"PutRequest": {"Item": {"PK": {"S": "batched"}, **late}}}]})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "source", "Item": {"PK": {"S": "transacted"}, **late}}}])
    return between


def restore(cloud: Cloud, target: str, moment: datetime) -> Any:
    wanted: dict[str, Any] = {"SourceTableName": "source", "TargetTableName": target, "RestoreDateTime": moment}
    return cloud.client("dynamodb").restore_table_to_point_in_time(**wanted)["TableDescription"]


def test_the_restored_table_has_the_items_of_the_moment(cloud: Cloud, moment: datetime) -> None:
    restore(cloud, "then", moment)
    names = ("kept", "changed", "updated", "removed", "batched", "transacted")
    assert items(cloud, "then") == {(name, "a"): "before" for name in names}
    assert items(cloud, "source")["changed", "a"] == "after again", "the source stays as it is"


def test_a_later_moment_has_later_items(cloud: Cloud, moment: datetime) -> None:
    restore(cloud, "later", next_second())
    assert items(cloud, "later") == items(cloud, "source")
    assert ("new", "a") in items(cloud, "later")


def test_a_restored_table_lacks_what_aws_leaves_out(cloud: Cloud, moment: datetime) -> None:
    described = restore(cloud, "bare", moment)
    assert "StreamSpecification" not in described
    assert described["DeletionProtectionEnabled"] is False
    backups = cloud.client("dynamodb").describe_continuous_backups(TableName="bare")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"


def test_a_moment_outside_of_the_window_is_refused(cloud: Cloud, moment: datetime) -> None:
    dynamodb = cloud.client("dynamodb")
    told = dynamodb.describe_continuous_backups(TableName="source")["ContinuousBackupsDescription"]
    earliest = told["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"]
    assert earliest <= moment
    with pytest.raises(dynamodb.exceptions.InvalidRestoreTimeException):
        restore(cloud, "early", datetime.fromtimestamp(earliest.timestamp() - 5, UTC))
    assert "early" not in dynamodb.list_tables()["TableNames"]


def test_a_table_without_recovery_restores_nothing(cloud: Cloud, moment: datetime) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="plain", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=KEY, KeySchema=SCHEMA)
    with pytest.raises(dynamodb.exceptions.PointInTimeRecoveryUnavailableException):
        dynamodb.restore_table_to_point_in_time(SourceTableName="plain", TargetTableName="never", RestoreDateTime=moment)
