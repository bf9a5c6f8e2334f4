"""The end of a stack: dev leaves nothing, prod keeps what docs/guides/deploy.md lists."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from candlecast_cli.main import app
from infra.local import deployment
from infra.local.cloud import Cloud
from infra.protect_stack import protect
from tests.support.waiting import until

STACK = deployment.STACK
SAMS = "aws-sam-cli-managed"  # the SAM CLI's bucket serves all stacks of an account


def put_data(cloud: Cloud) -> None:
    """The data of a stack that was used: two versions of a catalogue, a user's keys, a restored table."""
    for body in (b"one", b"two"):
        cloud.client("s3").put_object(Bucket=cloud.outputs["MarketsBucketName"], Key="paper", Body=body)
    name = f"{cloud.outputs['SecretPrefix']}/account/tenant/account"
    cloud.client("secretsmanager").create_secret(Name=name, SecretString="keys")
    key = [{"AttributeName": "PK", "AttributeType": "S"}]
    schema = [{"AttributeName": "PK", "KeyType": "HASH"}]
    restored = {"TableName": f"{STACK}-state-2", "BillingMode": "PAY_PER_REQUEST"}
    cloud.client("dynamodb").create_table(**restored, AttributeDefinitions=key, KeySchema=schema)


def left(cloud: Cloud) -> dict[str, list[str]]:
    """Everything of the kinds that hold data. Keys that wait for their destruction are not left."""
    keys = [it["KeyId"] for it in cloud.client("kms").list_keys()["Keys"]]
    described = [cloud.client("kms").describe_key(KeyId=key)["KeyMetadata"] for key in keys]
    pools = cloud.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
    secrets = cloud.client("secretsmanager").list_secrets()["SecretList"]
    names = [it["Name"] for it in cloud.client("s3").list_buckets()["Buckets"]]
    ours = [name for name in names if "bucket" in name.lower() and not name.startswith(SAMS)]  # SAM's is of all stacks
    return {
        "keys": [it["KeyId"] for it in described if it["KeyState"] == "Enabled" and it.get("KeyManager") == "CUSTOMER"],
        "pools": [it["Id"] for it in pools],
        "secrets": [it["Name"] for it in secrets],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "buckets": ours,
    }


def deleted(cloud: Cloud) -> str:
    """Delete the stack; its last status."""
    cloudformation = cloud.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=STACK)

    def status() -> Any:
        return cloudformation.describe_stacks(StackName=described)["Stacks"][0]["StackStatus"]

    return str(until(status, lambda found: found in ("DELETE_COMPLETE", "DELETE_FAILED")))


@pytest.mark.usefixtures("connected")
def test_a_dev_stack_leaves_nothing(cloud: Cloud) -> None:
    cloud.redeploy(Environment="dev")
    put_data(cloud)
    assert CliRunner().invoke(app, ["empty", "--stack", STACK, "--yes"], catch_exceptions=False).exit_code == 0
    assert deleted(cloud) == "DELETE_COMPLETE"
    assert left(cloud) == {"keys": [], "pools": [], "secrets": [], "tables": [], "buckets": []}


def test_a_full_bucket_stands_in_the_way_of_a_deletion(cloud: Cloud) -> None:
    cloud.redeploy(Environment="dev")
    put_data(cloud)
    assert deleted(cloud) == "DELETE_FAILED"


@pytest.mark.usefixtures("connected")
def test_a_prod_stack_keeps_what_the_guide_lists(cloud: Cloud) -> None:
    outputs = cloud.redeploy(Environment="prod")
    put_data(cloud)
    before = left(cloud)
    cloudformation = cloud.client("cloudformation")
    protect(cloudformation, STACK)
    assert cloudformation.get_stack_policy(StackName=STACK)["StackPolicyBody"]
    refused = CliRunner().invoke(app, ["empty", "--stack", STACK, "--yes"])
    assert (refused.exit_code, left(cloud)) == (1, before)
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName=STACK)
    cloudformation.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    assert deleted(cloud) == "DELETE_COMPLETE"
    kept = left(cloud)
    assert {outputs["TableName"], outputs["PaperTableName"]} <= set(kept["tables"])
    assert (kept["keys"], kept["pools"], kept["buckets"]) == (before["keys"], before["pools"], before["buckets"])
    assert kept["secrets"] == [f"{outputs['SecretPrefix']}/account/tenant/account"]
