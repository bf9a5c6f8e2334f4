"""Conditions of roles hold in the embedded cloud as on AWS, and a function learns from where it was called."""

import http.client
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import Cloud
from infra.local.deployment import REGION
from tests.support.launcher_stack import create_function, role
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
REQUEST_SECONDS = 300  # limit for a request that hangs
TABLE, INDEX = "prefixes", "by-owner"
ACTIONS = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem", "Query")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud("test-launcher-permissions") as started:
        yield started


@pytest.fixture(scope="module")
def table(cloud: Cloud) -> str:
    """ARN of a table with an index whose partition key is another attribute."""
    names = ("PK", "SK", "Owner")
    made = cloud.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": INDEX,
                "KeySchema": [{"AttributeName": "Owner", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )["TableDescription"]
    return str(made["TableArn"])


def as_role(cloud: Cloud, name: str, *statements: Any, service: Any = "dynamodb") -> Any:
    """A client that may do what the statements allow."""
    session_name = {"RoleArn": role(cloud, name, *statements), "RoleSessionName": "test"}
    keys = cloud.client("sts").assume_role(**session_name)["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    return session.client(service, endpoint_url=cloud.endpoint)


def only(keys: list[str], *, operator: str = "ForAllValues:StringLike") -> dict[str, Any]:
    return {operator: {"dynamodb:LeadingKeys": keys}}


@pytest.fixture(scope="module")
def limited(cloud: Cloud, table: str) -> Any:
    """May do everything with items of two prefixes, and look those up by their owners."""
    allow = {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in ACTIONS]}
    return as_role(
        cloud,
        "limited",
        {**allow, "Resource": [table, f"{table}/index/{INDEX}"], "Condition": only(["MINE#*", "OURS#*"])},
    )


def item(key: str) -> dict[str, Any]:
    return {"PK": {"S": key}, "SK": {"S": "STATE"}, "Owner": {"S": "THEIRS#1"}}


def place(key: str) -> dict[str, Any]:
    return {"PK": {"S": key}, "SK": {"S": "STATE"}}


def written(key: str) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": item(key)}}


def transact(client: Any, *items: Any) -> Any:
    return client.transact_write_items(TransactItems=list(items))


def query(client: Any, text: str, key: str, **more: Any) -> Any:
    names = {"#p": "Owner" if "IndexName" in more else "PK", "#s": "SK"}
    used = {name: attribute for name, attribute in names.items() if name in text}
    values = {name: {"S": value} for name, value in ((":p", key), (":s", "S"), (":t", "T")) if name in text}
    request = {"KeyConditionExpression": text, "ExpressionAttributeNames": used, "ExpressionAttributeValues": values}
    return client.query(TableName=TABLE, **request, **more)


REQUESTS: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda client, key: client.get_item(TableName=TABLE, Key=place(key)),
    "put": lambda client, key: client.put_item(TableName=TABLE, Item=item(key)),
    "update": lambda client, key: client.update_item(
        TableName=TABLE, Key=place(key), UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "1"}}
    ),
    "delete": lambda client, key: client.delete_item(TableName=TABLE, Key=place(key)),
    "get one of a batch": lambda client, key: client.batch_get_item(
        RequestItems={TABLE: {"Keys": [place("MINE#8"), place(key), place("OURS#8")]}}
    ),
    "put one of a batch": lambda client, key: client.batch_write_item(
        RequestItems={TABLE: [{"PutRequest": {"Item": item("MINE#2")}}, {"PutRequest": {"Item": item(key)}}]}
    ),
    "delete one of a batch": lambda client, key: client.batch_write_item(
        RequestItems={TABLE: [{"PutRequest": {"Item": item("MINE#2")}}, {"DeleteRequest": {"Key": place(key)}}]}
    ),
    "put in a transaction": lambda client, key: transact(client, written("MINE#2"), written(key)),
    "update in a transaction": lambda client, key: transact(
        client,
        {
            "Update": {
                "TableName": TABLE,
                "Key": place(key),
                "UpdateExpression": "SET n = :n",
                "ExpressionAttributeValues": {":n": {"N": "1"}},
            }
        },
        written("MINE#2"),
    ),
    "delete in a transaction": lambda client, key: transact(
        client, written("OURS#2"), {"Delete": {"TableName": TABLE, "Key": place(key)}}
    ),
    "check in a transaction": lambda client, key: transact(
        client,
        written("OURS#2"),
        {"ConditionCheck": {"TableName": TABLE, "Key": place(key), "ConditionExpression": "attribute_not_exists(gone)"}},
    ),
    "get in a transaction": lambda client, key: client.transact_get_items(
        TransactItems=[{"Get": {"TableName": TABLE, "Key": place(each)}} for each in ("MINE#8", key)]
    ),
    "query": lambda client, key: query(client, "#p = :p", key),
    "query a range": lambda client, key: query(client, "(#s BETWEEN :s AND :t) AND #p = :p", key),
    "query a prefix": lambda client, key: query(client, "PK = :p AND begins_with(#s, :s)", key),
    "query an index": lambda client, key: query(client, "#p = :p AND #s = :s", key, IndexName=INDEX),
}


@pytest.mark.parametrize(("name", "key"), list(itertools.product(REQUESTS, ("MINE#1", "OURS#1"))))
def test_a_role_that_is_limited_to_prefixes_reaches_their_items(limited: Any, name: str, key: str) -> None:
    REQUESTS[name](limited, key)


@pytest.mark.parametrize(("name", "key"), list(itertools.product(REQUESTS, ("THEIRS#1", "XMINE#1", "mine#1"))))
def test_a_role_that_is_limited_to_prefixes_reaches_no_other_item(limited: Any, name: str, key: str) -> None:
    with pytest.raises(ClientError) as refused:
        REQUESTS[name](limited, key)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_an_exact_key_allows_this_key_only(cloud: Cloud, table: str) -> None:
    condition = only(["MINE#1"], operator="ForAllValues:StringEquals")
    exact = as_role(cloud, "exact", {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table, "Condition": condition})
    REQUESTS["get"](exact, "MINE#1")
    for key in ("MINE#12", "MINE#*"):
        with pytest.raises(ClientError, match="not authorized"):
            REQUESTS["get"](exact, key)


def test_each_action_of_a_transaction_is_allowed_by_its_own_key(cloud: Cloud, table: str) -> None:
    """One statement lets the role write here, another lets it read there: a transaction mixes them, and cannot swap them."""
    allow = {"Effect": "Allow", "Resource": table}
    mixed = as_role(
        cloud,
        "mixed",
        {**allow, "Action": "dynamodb:PutItem", "Condition": only(["MINE#*"])},
        {**allow, "Action": "dynamodb:DeleteItem", "Condition": only(["THEIRS#*"])},
    )
    transact(mixed, written("MINE#3"), {"Delete": {"TableName": TABLE, "Key": place("THEIRS#3")}})
    with pytest.raises(ClientError, match="not authorized"):
        transact(mixed, written("THEIRS#3"), {"Delete": {"TableName": TABLE, "Key": place("MINE#3")}})


def test_a_role_that_names_its_bus_may_describe_this_bus_only(cloud: Cloud) -> None:
    made = {name: cloud.client("events").create_event_bus(Name=name)["EventBusArn"] for name in ("its-own", "foreign")}
    events = as_role(
        cloud,
        "describes",
        {"Effect": "Allow", "Action": "events:DescribeEventBus", "Resource": made["its-own"]},
        service="events",
    )
    assert events.describe_event_bus(Name="its-own")["Arn"] == made["its-own"]
    with pytest.raises(ClientError, match="AccessDenied"):
        events.describe_event_bus(Name="foreign")


def test_a_scan_names_no_key_and_so_is_not_limited_by_one(cloud: Cloud, table: str) -> None:
    """As on AWS: this is why no role of the product may scan."""
    condition = only(["MINE#*"])
    scanner = as_role(cloud, "scanner", {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": table, "Condition": condition})
    assert "Items" in scanner.scan(TableName=TABLE)


@pytest.fixture(scope="module")
def door(cloud: Cloud) -> str:
    """An HTTP API at the cloud's port for one, which answers with the address that it was called from; its path."""
    code = "def handler(event, context): return event['requestContext']['http']['sourceIp']"
    arn = create_function(cloud, "echoes", code)
    permission = {"FunctionName": "echoes", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    cloud.client("lambda").add_permission(StatementId="doors", **permission)
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": uri}
    operation = {"x-amazon-apigateway-integration": integration, "responses": {}}
    body = {"openapi": "3.0.1", "info": {"title": "candlecast-api", "version": "1"}, "paths": {"/echo": {"get": operation}}}
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "candlecast-api", "Body": body}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
    }
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="door", TemplateBody=json.dumps({"Resources": resources}))
    status = until(
        lambda: str(cloudformation.describe_stacks(StackName="door")["Stacks"][0]["StackStatus"]),
        lambda found: not found.endswith("IN_PROGRESS"),
    )
    assert status == "CREATE_COMPLETE"
    return "/echo"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.7", "127.4.5.6"])
def test_a_function_behind_a_gateway_is_told_the_address_of_its_caller(cloud: Cloud, door: str, address: str) -> None:
    source = (address, 0)
    door_at = http.client.HTTPConnection("127.0.0.1", cloud.ports.api, timeout=REQUEST_SECONDS, source_address=source)
    with closing(door_at) as connection:
        connection.request("GET", door, headers={"X-Forwarded-For": "203.0.113.9"})  # a sender's claim is not believed
        assert connection.getresponse().read().decode() == address
