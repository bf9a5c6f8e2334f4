"""`candlecast empty`: take away what stands between a stack that is not prod and its deletion.

CloudFormation deletes no bucket that holds something. Nor does it know users' secrets and restored tables, which the API and
`candlecast restore` have made. After `empty` a `sam delete` leaves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, aws_refusals
from candlecast_cli.printing import examples, say, warn

EXAMPLES = examples("candlecast empty --stack candlecast-dev", "candlecast empty --stack candlecast-dev --yes")
KEEPS_DATA = "prod"
BUCKET, NESTED = "AWS::S3::Bucket", "AWS::CloudFormation::Stack"
OF_USERS = ("account", "source")  # folders of secrets that the API writes; the stack's own secrets end with the stack
VERSIONS_AT_ONCE = 1_000  # the most that one request deletes


def empty(
    stack: Annotated[str, typer.Option("--stack", help="The stack; one of prod is refused.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the stack's name: for a script.")] = False,
    profile: stacks.Profile = None,
    region: stacks.Region = None,
) -> None:
    """Empty the buckets of a stack, and delete users' secrets and restored tables: everything in it is lost.

    It says what will be deleted and asks for the stack's name before it deletes anything.
    """
    connection = stacks.connect(stacks.Where(stack=stack, profile=profile, region=region))
    with aws_refusals():
        if connection.parameters.get("Environment") == KEEPS_DATA:
            message = f"{stack} is {KEEPS_DATA} and keeps its data: docs/guides/deploy.md says how it is deleted all the same"
            raise CommandFailed("DATA_KEPT", message)
        secrets = _secrets(connection.client("secretsmanager"), connection.output("SecretPrefix"))
        buckets = list(_buckets(connection.client("cloudformation"), stack))
        tables = _restored_tables(connection.client("dynamodb"), stack)
        if not yes:
            _require_name(stack, buckets, secrets, tables)
        for bucket in buckets:
            say(f"bucket {bucket}: {_empty_bucket(connection.client('s3'), bucket)} versions deleted")
        for secret in secrets:
            connection.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
            say(f"secret {secret} deleted")
        for table in tables:
            connection.client("dynamodb").delete_table(TableName=table)
            say(f"table {table} deleted")


def _require_name(stack: str, buckets: list[str], secrets: list[str], tables: list[str]) -> None:
    """Let a person type the stack's name. Raises NOT_CONFIRMED for any other word, and where nobody can type."""
    warn(
        f"deletes for ever: all objects in {len(buckets)} buckets, {len(secrets)} secrets of users, {len(tables)} restored tables"
    )
    for name in (*buckets, *tables):
        say(name)
    try:
        typed = typer.prompt(f"  Type {stack} to go on", default="", show_default=False, err=True)
    except typer.Abort:
        typed = ""
    if typed != stack:
        raise CommandFailed("NOT_CONFIRMED", f"nothing was deleted: type {stack} when asked, or say --yes")


def _buckets(cloudformation: Any, stack: str) -> Iterator[str]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            name = resource.get("PhysicalResourceId")  # none if its creation failed
            if name and resource["ResourceType"] == BUCKET:
                yield name
            elif name and resource["ResourceType"] == NESTED:
                yield from _buckets(cloudformation, name)


def _empty_bucket(s3: Any, bucket: str) -> int:
    """Delete all versions and delete markers; how many that were."""
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": VERSIONS_AT_ONCE}):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": it["Key"], "VersionId": it["VersionId"]} for it in found]
        if not objects:
            continue
        refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
        if refused:
            raise CommandFailed("NOT_DELETED", f"{bucket}: {refused[0].get('Key')}: {refused[0].get('Message')}")
        deleted += len(objects)
    return deleted


def _secrets(manager: Any, prefix: str) -> list[str]:
    folders = tuple(f"{prefix}/{folder}/" for folder in OF_USERS)
    pages = manager.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [f"{prefix}/"]}])
    return [it["Name"] for page in pages for it in page["SecretList"] if it["Name"].startswith(folders)]


def _restored_tables(dynamodb: Any, stack: str) -> list[str]:
    """Tables that `candlecast restore` has made, the adopted table included; the stack's own table ends with the stack."""
    pages = dynamodb.get_paginator("list_tables").paginate()
    restored = re.compile(rf"{re.escape(stack)}-state-[0-9]+")
    return [name for page in pages for name in page["TableNames"] if restored.fullmatch(name)]
