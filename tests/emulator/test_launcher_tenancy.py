"""A function with tenant isolation in the embedded cloud: processes of one tenant each, refusals as AWS makes them."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import Cloud
from infra.local.emulator.tenancy import FIXED, MISSING, NO_EVENT_SOURCES, UNEXPECTED
from tests.support.launcher_stack import create_function, invoke, queue_arn
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
WORKERS = 2
ISOLATED = {"TenantIsolationMode": "PER_TENANT"}
TELLS = """
import os, time
seen = set()
def handler(event, context):
    seen.add(context.tenant_id)
    time.sleep(event.get("seconds", 0))
    return [context.tenant_id, os.getpid(), sorted(map(str, seen))]
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud("test-launcher-tenancy", workers_per_function=WORKERS) as started:
        create_function(started, "isolated", TELLS, TenancyConfig=ISOLATED)
        create_function(started, "shared", TELLS)
        yield started


def call(cloud: Cloud, tenant: str, name: str = "isolated", **event: Any) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=name, TenantId=tenant, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def refused(make: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        make()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_each_tenant_has_a_process_of_its_own_and_keeps_it(cloud: Cloud) -> None:
    tenants = ("blue", "green", "blue", "green")
    answers = [call(cloud, tenant) for tenant in tenants]
    assert [(tenant, seen) for tenant, _, seen in answers] == [(tenant, [tenant]) for tenant in tenants]
    first, second, *again = [pid for _, pid, _ in answers]
    assert first != second
    assert again == [first, second]
    assert {(worker.tenant, worker.pid) for worker in cloud.workers("isolated")} == {("blue", first), ("green", second)}


def test_an_idle_process_of_another_tenant_is_ended_when_there_are_as_many_as_there_may_be(cloud: Cloud) -> None:
    for number in range(3 * WORKERS):
        tenant, _, seen = call(cloud, f"tenant-{number}")
        assert seen == [tenant], "a process that has served another tenant"
        assert len(cloud.workers("isolated")) <= WORKERS
    kept = [f"tenant-{number}" for number in range(3 * WORKERS)][-WORKERS:]
    assert sorted(str(worker.tenant) for worker in cloud.workers("isolated")) == kept


def test_a_busy_process_is_never_ended_for_another_tenant(cloud: Cloud) -> None:
    answers = []
    long = [threading.Thread(target=lambda: answers.append(call(cloud, "long", seconds=1.0))) for _ in range(WORKERS)]
    for thread in long:
        thread.start()
    busy = until(lambda: [worker for worker in cloud.workers("isolated") if worker.busy], lambda found: len(found) == WORKERS)
    assert call(cloud, "waits")[0] == "waits"
    for thread in long:
        thread.join()
    assert sorted(pid for _, pid, _ in answers) == sorted(worker.pid for worker in busy)


def test_the_tenant_reaches_an_asynchronous_invocation(cloud: Cloud) -> None:
    cloud.client("lambda").invoke(FunctionName="isolated", TenantId="later", InvocationType="Event", Payload=b"{}")
    until(lambda: [worker.tenant for worker in cloud.workers("isolated")], lambda found: "later" in found)


def test_an_invocation_without_a_tenant_is_refused(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    expected = (400, "InvalidParameterValueException", MISSING)
    assert refused(lambda: client.invoke(FunctionName="isolated")) == expected
    assert refused(lambda: client.invoke(FunctionName="isolated", InvocationType="Event")) == expected


def test_a_tenant_for_a_function_without_isolation_is_refused_and_its_context_has_none(cloud: Cloud) -> None:
    assert refused(lambda: call(cloud, "blue", "shared")) == (400, "InvalidParameterValueException", UNEXPECTED)
    assert invoke(cloud, "shared")[0][0] is None


@pytest.mark.parametrize("tenant", ["a*b", "blue;green", "a" * 257])
def test_a_tenant_id_of_another_shape_is_refused(cloud: Cloud, tenant: str) -> None:
    status, code, message = refused(lambda: call(cloud, tenant))
    assert (status, code) == (400, "ValidationException")
    assert "'tenantId' failed to satisfy constraint" in message


def test_versions_and_aliases_keep_the_isolation(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    version = client.publish_version(FunctionName="isolated")["Version"]
    client.create_alias(FunctionName="isolated", Name="live", FunctionVersion=version)
    for qualifier in ("$LATEST", version, "live"):
        configuration = client.get_function_configuration(FunctionName="isolated", Qualifier=qualifier)
        assert configuration["TenancyConfig"] == ISOLATED
    expected = (400, "InvalidParameterValueException", MISSING)
    assert refused(lambda: client.invoke(FunctionName="isolated", Qualifier="live")) == expected
    assert call(cloud, "blue", "isolated:live")[0] == "blue"


def test_an_event_source_mapping_is_refused(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    queue = queue_arn(cloud, cloud.client("sqs").create_queue(QueueName="for-tenants")["QueueUrl"])
    expected = (400, "InvalidParameterValueException", NO_EVENT_SOURCES)
    assert refused(lambda: client.create_event_source_mapping(FunctionName="isolated", EventSourceArn=queue)) == expected
    mapping = client.create_event_source_mapping(FunctionName="shared", EventSourceArn=queue, Enabled=False)["UUID"]
    assert refused(lambda: client.update_event_source_mapping(UUID=mapping, FunctionName="isolated")) == expected


def test_the_isolation_is_fixed_at_creation(cloud: Cloud) -> None:
    keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("lambda", endpoint_url=cloud.endpoint, **keys)
    body = json.dumps({"TenancyConfig": ISOLATED})  # boto3 knows no such parameter of an update
    client.meta.events.register("before-call", lambda params, **_: params.update(body=body.encode()))
    expected = (400, "InvalidParameterValueException", FIXED)
    assert refused(lambda: client.update_function_configuration(FunctionName="shared")) == expected
    assert client.update_function_configuration(FunctionName="isolated")["TenancyConfig"] == ISOLATED


def test_a_stack_keeps_the_property_and_the_isolation(cloud: Cloud) -> None:
    client = cloud.client("cloudformation")
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/anyone"}
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "of-a-stack",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": role,
            "Code": {"ZipFile": TELLS},
            "TenancyConfig": ISOLATED,
        },
    }
    client.create_stack(StackName="tenancy", TemplateBody=json.dumps({"Resources": {"Function": function}}))
    until(lambda: client.describe_stacks(StackName="tenancy")["Stacks"][0]["StackStatus"], "CREATE_COMPLETE".__eq__)
    configuration = cloud.client("lambda").get_function_configuration(FunctionName="of-a-stack")
    assert configuration["TenancyConfig"] == ISOLATED
    assert [call(cloud, tenant, "of-a-stack")[2] for tenant in ("blue", "green")] == [["blue"], ["green"]]
