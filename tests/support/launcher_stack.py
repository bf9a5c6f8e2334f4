"""A small stack that exercises what the embedded cloud adds to the emulator, without any of the product's code."""

import io
import json
import zipfile
from typing import Any

from infra.local.cloud import Cloud
from tests.support.waiting import until


def archive(**files: str) -> bytes:
    """A zip with these modules: archive(index="code") holds index.py; `__` in a name separates folders."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(zipfile.ZipInfo(f"{name.replace('__', '/')}.py"), text)
    return buffer.getvalue()


def role(cloud: Cloud, name: str, *statements: Any) -> str:
    """A role for functions that allows `statements`; its ARN. An existing role is taken as it is."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=_document(*statements))
    return str(arn)


def _document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_function(cloud: Cloud, name: str, code: str, **settings: Any) -> str:
    """Make a function from the text of its module; its ARN."""
    client = cloud.client("lambda")
    made = client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=settings.pop("Role", None) or role(cloud, "anyone"),
        Code={"ZipFile": archive(index=code)},
        Timeout=settings.pop("Timeout", 10),
        **settings,
    )
    until(lambda: str(client.get_function_configuration(FunctionName=name)["State"]), "Active".__eq__)
    return str(made["FunctionArn"])


def invoke(cloud: Cloud, name: str, event: Any = None) -> tuple[Any, bool]:
    """The function's answer and whether it is an error."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}))
    return json.loads(answer["Payload"].read()), "FunctionError" in answer


def queue_arn(cloud: Cloud, url: str) -> str:
    sqs = cloud.client("sqs")
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def bodies(cloud: Cloud, url: str) -> list[str]:
    """The messages that wait in a queue right now, taken out of sight for a second."""
    answer = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1)
    return [message["Body"] for message in answer.get("Messages", [])]


def printed(cloud: Cloud, name: str) -> list[str]:
    """The function's own lines in its log, oldest first."""
    platform = ("START RequestId", "END RequestId", "REPORT RequestId")
    return [line for line in cloud.logs().get(name, "").splitlines() if not line.startswith(platform)]
