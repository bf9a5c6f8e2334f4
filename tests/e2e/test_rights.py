"""Each function's role, as it is deployed, reaches the items of its own kinds and is refused every other one.

Requests are made under the deployed roles themselves. A write carries a condition that never holds, so it changes nothing. The
answer to an allowed write is the failed condition.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import Cloud
from infra.local.deployment import REGION
from tests.support.data_rights import PARTITIONS, RIGHTS, reaches
from tests.support.stage import replay_stack

NEVER = {"ConditionExpression": "attribute_exists(never)"}
REFUSED, BY_CONDITION = "AccessDeniedException", "ConditionalCheckFailedException"
CONDITIONAL = {"PutItem", "UpdateItem", "DeleteItem"}
LOOKED_UP = ("CLOCK#1m", "FOLLOWERS#s", "SIGNALS#s", "STRATEGIES", "KILL_SWITCHES", "TENANT#t#ORDERS", "RECONCILE#0", "SOON#0")


@dataclass(frozen=True)
class Asked:
    """A client under a function's role, and the table's name."""

    client: Any
    table: str

    def code(self, action: str, partition: str) -> str | None:
        """The error code of the answer; None without an error."""
        try:
            REQUESTS[action](self.client, self.table, partition)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    def looks_up(self, index: str, partition: str) -> bool:
        try:
            query(self.client, self.table, partition, index)
        except ClientError as error:
            assert error.response["Error"]["Code"] == REFUSED
            return False
        return True


def place(partition: str) -> dict[str, Any]:
    return {"PK": {"S": partition}, "SK": {"S": "ASKED"}}


def query(client: Any, table: str, partition: str, index: str | None = None) -> Any:
    name = "PK" if index is None else f"{index}PK"
    where = {"KeyConditionExpression": f"{name} = :p", "ExpressionAttributeValues": {":p": {"S": partition}}, "Limit": 1}
    return client.query(TableName=table, **where, **({} if index is None else {"IndexName": index}))


REQUESTS: dict[str, Callable[[Any, str, str], Any]] = {
    "GetItem": lambda client, table, key: client.get_item(TableName=table, Key=place(key)),
    "BatchGetItem": lambda client, table, key: client.batch_get_item(RequestItems={table: {"Keys": [place(key)]}}),
    "Query": lambda client, table, key: query(client, table, key),
    "PutItem": lambda client, table, key: client.put_item(TableName=table, Item=place(key), **NEVER),
    "UpdateItem": lambda client, table, key: client.update_item(
        TableName=table,
        Key=place(key),
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
        **NEVER,
    ),
    "DeleteItem": lambda client, table, key: client.delete_item(TableName=table, Key=place(key), **NEVER),
    "BatchWriteItem": lambda client, table, key: client.batch_write_item(
        RequestItems={table: [{"DeleteRequest": {"Key": place(key)}}]}
    ),
}


@pytest.fixture(scope="module")
def asked(cloud: Cloud) -> Iterator[dict[str, Asked]]:
    replay_stack(cloud)
    sts, table, found = cloud.client("sts"), cloud.outputs["TableName"], {}
    for name in RIGHTS:
        output = "".join(part.capitalize() for part in name.split("_")) + "FunctionName"
        function = cloud.client("lambda").get_function_configuration(FunctionName=cloud.outputs[output])
        keys = sts.assume_role(RoleArn=function["Role"], RoleSessionName="asks")["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        found[name] = Asked(session.client("dynamodb", endpoint_url=cloud.endpoint), table)
    yield found


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_reaches_the_partitions_of_its_function_and_is_refused_the_others(asked: dict[str, Asked], name: str) -> None:
    by_action, wrong = RIGHTS[name].by_action(), []
    for action in REQUESTS:
        for partition in PARTITIONS:
            code = asked[name].code(action, partition)
            allowed = reaches(by_action.get(action, frozenset()), partition)
            expected = (BY_CONDITION if action in CONDITIONAL else None) if allowed else REFUSED
            if code != expected:
                wrong.append((action, partition, code))
    assert not wrong


@pytest.mark.parametrize("name", RIGHTS)
def test_a_role_looks_up_in_an_index_what_its_function_does(asked: dict[str, Asked], name: str) -> None:
    for index in ("GSI1", "GSI2", "GSI3", "GSI4"):
        patterns = (RIGHTS[name].lookups or {}).get(index, frozenset())
        found = {key for key in LOOKED_UP if asked[name].looks_up(index, key)}
        assert found == {key for key in LOOKED_UP if reaches(patterns, key)}, index


@pytest.mark.parametrize(
    "partition", ["TENANT#t#ACCOUNT#a", "TENANT#t", "LIMITS#PLATFORM#platform", "KILL_SWITCH#PLATFORM#platform"]
)
def test_whoever_takes_over_the_intake_writes_no_account_no_limit_and_no_switch(asked: dict[str, Asked], partition: str) -> None:
    for action in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"):
        assert asked["signal_intake"].code(action, partition) == REFUSED


def test_a_batch_that_smuggles_one_foreign_item_in_is_refused_as_a_whole(asked: dict[str, Asked]) -> None:
    fan_out = asked["signal_fanout"]
    items = [{"PutRequest": {"Item": place(key)}} for key in ("TENANT#t", "TENANT#t#ACCOUNT#a")]
    with pytest.raises(ClientError, match=REFUSED):
        fan_out.client.batch_write_item(RequestItems={fan_out.table: items})
    assert "Item" not in asked["api"].client.get_item(TableName=fan_out.table, Key=place("TENANT#t"))
