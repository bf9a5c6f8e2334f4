"""Queues, streams, schedules, HTTP APIs and alarms of the embedded cloud behave as on AWS."""

import itertools
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import Cloud
from infra.local.deployment import REGION
from tests.support.launcher_stack import bodies, create_function, printed, queue_arn, role
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
REQUEST_SECONDS = 300  # limit for a request that hangs
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud("test-launcher-events") as started:
        yield started


def consume(cloud: Cloud, function: str, code: str, source: str, **settings: Any) -> None:
    """Make a function that consumes a queue or a stream."""
    create_function(cloud, function, code, Role=role(cloud, "consumer", ALL), Timeout=settings.pop("Timeout", 10))
    cloud.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=source, **settings)


def test_message_groups_run_beside_each_other_and_each_in_its_order(cloud: Cloud, tmp_path: Path) -> None:
    sqs = cloud.client("sqs")
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "900", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="groups.fifo", Attributes=attributes)["QueueUrl"]
    code = f"""
import pathlib, time
met = pathlib.Path({str(tmp_path)!r})
def handler(event, context):
    for record in event["Records"]:
        begin = time.time()
        (met / record["attributes"]["MessageGroupId"]).touch()
        while len(list(met.iterdir())) < 2:  # the first one stays until another group has begun
            time.sleep(0.01)
        print(record["attributes"]["MessageGroupId"], record["body"], begin, time.time())
"""
    for number, group in itertools.product(range(3), "abc"):
        sqs.send_message(QueueUrl=url, MessageBody=f"{number}", MessageGroupId=group, MessageDeduplicationId=f"{group}{number}")
    consume(cloud, "groups", code, queue_arn(cloud, url), BatchSize=1, Timeout=90)
    lines = until(lambda: printed(cloud, "groups"), lambda found: len(found) == 9)
    runs = sorted((float(begin), float(end), group, body) for group, body, begin, end in map(str.split, lines))
    for group in "abc":
        assert [body for _, _, name, body in runs if name == group] == ["0", "1", "2"]
        own = [run for run in runs if run[2] == group]
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(own)), "one at a time in a group"
    assert any(first[1] > second[0] for first, second in itertools.pairwise(runs)), "groups overlap"


def test_an_answer_that_names_no_message_of_the_batch_fails_the_whole_batch(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    dead = sqs.create_queue(QueueName="strict-dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": queue_arn(cloud, dead), "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="strict", Attributes={"VisibilityTimeout": "1", "RedrivePolicy": redrive})["QueueUrl"]
    code = "def handler(event, context): return {'batchItemFailures': [{'itemIdentifier': 'unknown'}]}"
    consume(cloud, "strict", code, queue_arn(cloud, url), FunctionResponseTypes=["ReportBatchItemFailures"])
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    assert until(lambda: bodies(cloud, dead), bool) == ["kept"]


def test_sending_a_batch_needs_the_permission_to_send_and_no_other(cloud: Cloud) -> None:
    sqs, sts = cloud.client("sqs"), cloud.client("sts")
    url = sqs.create_queue(QueueName="batches")["QueueUrl"]
    sender = role(cloud, "sender", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn(cloud, url)})
    keys = sts.assume_role(RoleArn=sender, RoleSessionName="test")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    as_sender = session.client("sqs", endpoint_url=cloud.endpoint)
    sent = as_sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "sent"}])
    assert [entry["Id"] for entry in sent["Successful"]] == ["1"]
    with pytest.raises(ClientError, match="not authorized"):
        as_sender.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "any"}])


def test_dead_letters_are_moved_back_to_where_they_came_from(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    dead = sqs.create_queue(QueueName="moved-dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": queue_arn(cloud, dead), "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="moved", Attributes={"VisibilityTimeout": "0", "RedrivePolicy": redrive})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    sqs.receive_message(QueueUrl=url)
    sqs.receive_message(QueueUrl=url)  # the second attempt finds it spent
    sqs.start_message_move_task(SourceArn=queue_arn(cloud, dead))
    assert until(lambda: bodies(cloud, url), bool) == ["again"]
    assert sqs.list_message_move_tasks(SourceArn=queue_arn(cloud, dead))["Results"][0]["ApproximateNumberOfMessagesMoved"] == 1


@pytest.fixture
def table(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """A table with a stream: its name and the stream's ARN."""
    dynamodb = cloud.client("dynamodb")
    made = dynamodb.create_table(
        TableName="streamed",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    yield "streamed", made["LatestStreamArn"]
    dynamodb.delete_table(TableName="streamed")


def test_a_failed_stream_record_is_retried_from_where_it_stands_and_in_the_end_dead_lettered(
    cloud: Cloud, table: tuple[str, str]
) -> None:
    name, stream = table
    dead = cloud.client("sqs").create_queue(QueueName="stream-dead")["QueueUrl"]
    code = """
def handler(event, context):
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["PK"]["S"]
        print(key)
        if key == "poison":
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
"""
    for key in ("one", "two", "poison", "four"):
        cloud.client("dynamodb").put_item(TableName=name, Item={"PK": {"S": key}})
    consume(
        cloud,
        "relays",
        code,
        stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=2,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": queue_arn(cloud, dead)}},
    )
    lines = until(lambda: printed(cloud, "relays"), lambda found: "four" in found)
    assert lines[:3] == ["one", "two", "poison"]
    assert (lines.count("one"), lines.count("two"), lines.count("four")) == (1, 1, 1), "done is done, nothing is lost"
    assert lines.count("poison") == 1 + 1 + 3, "in the first batch, before the split, then alone with two retries"
    record = json.loads(until(lambda: bodies(cloud, dead), bool)[0])
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_record_that_is_given_up_goes_to_a_bucket_with_all_that_the_function_got_and_the_bus_is_told(
    cloud: Cloud, table: tuple[str, str]
) -> None:
    name, stream = table
    s3, events, told = cloud.client("s3"), cloud.client("events"), cloud.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    s3.create_bucket(Bucket="given-up")
    s3.put_bucket_notification_configuration(Bucket="given-up", NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["given-up"]}, "object": {"key": [{"prefix": "aws/lambda/"}]}}}
    events.put_rule(Name="letters", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="letters", Targets=[{"Id": "queue", "Arn": queue_arn(cloud, told)}])
    s3.put_object(Bucket="given-up", Key="events/another", Body=b"")
    for key in ("one", "two"):
        cloud.client("dynamodb").put_item(TableName=name, Item={"PK": {"S": key}})
    consume(
        cloud,
        "gives_up",
        "def handler(event, context):\n    raise ValueError('broken')\n",
        stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        FilterCriteria={"Filters": [{"Pattern": '{"dynamodb":{"Keys":{"PK":{"S":["two"]}}}}'}]},
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::given-up"}},
    )
    found = until(lambda: s3.list_objects_v2(Bucket="given-up", Prefix="aws/lambda/").get("Contents", []), bool)
    moment, uuid = r"\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d", "[0-9a-f-]{36}"
    assert re.fullmatch(f"aws/lambda/{uuid}/shardId-[0-9-]+/{moment}-{uuid}", found[0]["Key"])
    letter = json.loads(s3.get_object(Bucket="given-up", Key=found[0]["Key"])["Body"].read())
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["streamArn"] == stream
    records = json.loads(letter["payload"])["Records"]
    assert [record["dynamodb"]["Keys"]["PK"]["S"] for record in records] == ["two"]
    rung = json.loads(until(lambda: bodies(cloud, told), bool)[0])
    assert rung["detail"]["object"]["key"] == found[0]["Key"]


def test_a_record_of_a_stream_waits_until_its_function_is_done_with_it(
    cloud: Cloud, table: tuple[str, str], tmp_path: Path
) -> None:
    name, stream = table
    code = f"""
import pathlib, time
folder = pathlib.Path({str(tmp_path)!r})
def handler(event, context):
    (folder / "begun").touch()
    while not (folder / "may end").exists():
        time.sleep(0.01)
"""
    before = waiting(cloud)["records"]
    consume(cloud, "patient", code, stream, StartingPosition="TRIM_HORIZON", Timeout=60)
    cloud.client("dynamodb").put_item(TableName=name, Item={"PK": {"S": "one"}})
    assert until((tmp_path / "begun").exists, bool)
    assert waiting(cloud)["records"] == before + 1, "it is under way"
    (tmp_path / "may end").touch()
    assert until(lambda: waiting(cloud)["records"], lambda records: records == before) == before


def test_what_waits_in_a_queue_is_counted_whether_it_can_be_seen_or_not(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="counted", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    for delay in (0, 0, 600):
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=url)
    assert waiting(cloud, "counted", "no-such-queue")["queues"] == {"counted": 3}


def waiting(cloud: Cloud, *queues: str) -> Any:
    return cloud._request("GET", f"/_candlecast/waiting?queues={','.join(queues)}")


def test_a_stream_function_that_fails_altogether_gets_smaller_batches_until_the_poison_is_alone(
    cloud: Cloud, table: tuple[str, str]
) -> None:
    name, stream = table
    code = """
def handler(event, context):
    keys = [record["dynamodb"]["Keys"]["PK"]["S"] for record in event["Records"]]
    print(",".join(keys))
    if "poison" in keys:
        raise ValueError("poison")
"""
    for key in ("a", "b", "poison", "d"):
        cloud.client("dynamodb").put_item(TableName=name, Item={"PK": {"S": key}})
    settings = {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0, "BisectBatchOnFunctionError": True}
    consume(cloud, "bisects", code, stream, **settings)
    lines = until(lambda: [line for line in printed(cloud, "bisects") if set(line) <= set("abdpoisn,")], lambda ls: "d" in ls)
    assert lines == ["a,b,poison,d", "a,b", "poison,d", "poison", "d"]


def test_a_schedule_fires_on_time_and_names_its_own_time(cloud: Cloud) -> None:
    target, url = scheduled_queue(cloud, "on-time")
    at, lead = datetime.now(UTC), timedelta(seconds=2)
    while at <= datetime.now(UTC):  # until it is made before its time
        lead *= 2
        at = datetime.now(UTC).replace(microsecond=0) + lead
        with suppress(ClientError):
            cloud.client("scheduler").delete_schedule(Name="on-time")
        create_schedule(cloud, "on-time", f"at({at:%Y-%m-%dT%H:%M:%S})", target)
    body = json.loads(until(lambda: bodies(cloud, url), bool)[0])
    late = (datetime.now(UTC) - at).total_seconds()
    assert body == {"timeframe": "1m", "scheduled": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    assert late >= 0, "not before its time"


def test_a_schedule_that_an_operator_fires_late_still_names_the_time_it_was_for(cloud: Cloud) -> None:
    target, url = scheduled_queue(cloud, "late")
    create_schedule(cloud, "late", "cron(0 0 1 1 ? 2099)", target, State="DISABLED")
    cloud.fire_schedule("late", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert json.loads(until(lambda: bodies(cloud, url), bool)[0])["scheduled"] == "2026-01-02T03:04:00Z"


@pytest.mark.parametrize("expression", ["at(tomorrow)", "cron(* * * *)", "every minute"])
def test_a_schedule_that_aws_would_refuse_is_refused(cloud: Cloud, expression: str) -> None:
    target, _ = scheduled_queue(cloud, "refused")
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        create_schedule(cloud, "refused", expression, target)


def scheduled_queue(cloud: Cloud, name: str) -> tuple[dict[str, str], str]:
    url = cloud.client("sqs").create_queue(QueueName=f"schedule-{name}")["QueueUrl"]
    text = '{"timeframe": "1m", "scheduled": "<aws.scheduler.scheduled-time>"}'
    return {"Arn": queue_arn(cloud, url), "RoleArn": role(cloud, "consumer", ALL), "Input": text}, url


def create_schedule(cloud: Cloud, name: str, expression: str, target: dict[str, str], **settings: Any) -> None:
    cloud.client("scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **settings
    )


def http_api(name: str, function: str, *, authorizer: bool) -> dict[str, Any]:
    """A template's HTTP API the way SAM writes it: everything in an OpenAPI body."""
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": uri}
    operation = {"x-amazon-apigateway-integration": integration}
    jwt = {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["candlecast"]},
    }
    guarded = {**operation, "security": [{"Tokens": []}]} if authorizer else operation
    body: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": name, "version": "1"},
        "paths": {"/{proxy+}": {"x-amazon-apigateway-any-method": guarded}, "/health": {"get": operation}},
        "components": {"securitySchemes": {"Tokens": {"type": "oauth2", "x-amazon-apigateway-authorizer": jwt}}},
    }
    return {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": name, "Body": body}}


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:  # noqa: S310 - the embedded cloud
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_each_http_api_of_a_template_answers_at_the_root_of_its_port_with_its_authorizer(cloud: Cloud) -> None:
    arn = create_function(cloud, "answers", "def handler(event, context): return event['rawPath']")
    stage = {"StageName": "$default", "AutoDeploy": True}
    resources: dict[str, Any] = {
        "Api": http_api("candlecast-api", arn, authorizer=True),
        "Paper": http_api("candlecast-paper", arn, authorizer=False),
        **{
            f"{api}Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": api}, **stage}}
            for api in ("Api", "Paper")
        },
    }
    outputs = {"PaperUrl": {"Value": {"Fn::GetAtt": ["Paper", "ApiEndpoint"]}}}
    permission = {"FunctionName": "answers", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    cloud.client("lambda").add_permission(StatementId="doors", **permission)
    found = create_stack(cloud, "doors", {"Resources": resources, "Outputs": outputs})
    assert found == {"PaperUrl": f"http://127.0.0.1:{cloud.ports.paper}"}
    assert get(f"http://127.0.0.1:{cloud.ports.api}/health") == (200, "/health")
    assert get(f"http://127.0.0.1:{cloud.ports.api}/strategies")[0] == 401
    assert get(f"{found['PaperUrl']}/fapi/v1/time%20now") == (200, "/fapi/v1/time now")


def test_properties_of_a_template_that_the_emulator_leaves_out_take_effect(cloud: Cloud) -> None:
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
    }
    resources = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties},
        "Saved": {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "q", "QueryString": "fields @message"}},
    }
    found = create_stack(cloud, "kept", {"Resources": resources, "Outputs": {"Name": {"Value": {"Ref": "Table"}}}})
    ttl = cloud.client("dynamodb").describe_time_to_live(TableName=found["Name"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def create_stack(cloud: Cloud, name: str, template: dict[str, Any]) -> dict[str, str]:
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))

    def described() -> Any:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]

    stack = until(described, lambda found: not found["StackStatus"].endswith("IN_PROGRESS"))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def test_an_alarm_on_metric_math_watches_its_own_dimensions(cloud: Cloud) -> None:
    cloudwatch = cloud.client("cloudwatch")

    def metric(identity: str, name: str, venue: str) -> dict[str, Any]:
        dimensions = [{"Name": "venue", "Value": venue}]
        source = {"Namespace": "Test", "MetricName": name, "Dimensions": dimensions}
        return {"Id": identity, "MetricStat": {"Metric": source, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    def alarm(venue: str) -> dict[str, Any]:
        properties = {
            "AlarmName": f"failures-{venue}",
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 10,
            "TreatMissingData": "notBreaching",
            "Metrics": [
                metric("failed", "Failed", venue),
                metric("done", "Done", venue),
                {"Id": "share", "Expression": "100 * failed / (failed + done)", "ReturnData": True},
            ],
        }
        return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}

    create_stack(cloud, "alarms", {"Resources": {"Bad": alarm("bad"), "Good": alarm("good")}})
    for venue, failed in (("bad", 5), ("good", 0)):
        dimensions = [{"Name": "venue", "Value": venue}]
        data = [
            {"MetricName": name, "Dimensions": dimensions, "Value": value} for name, value in (("Failed", failed), ("Done", 5))
        ]
        cloudwatch.put_metric_data(Namespace="Test", MetricData=data)

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmNamePrefix="failures-")["MetricAlarms"]
        return {item["AlarmName"]: item["StateValue"] for item in found}

    expected = {"failures-bad": "ALARM", "failures-good": "OK"}
    assert until(states, expected.__eq__) == expected


def test_an_alarm_on_metric_math_fills_missing_metrics_and_knows_the_quota_of_lambda(cloud: Cloud) -> None:
    cloudwatch = cloud.client("cloudwatch")
    source = {"Namespace": "Filled", "MetricName": "Seen", "Dimensions": []}
    absent = {**source, "MetricName": "Absent"}
    metrics = [
        {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}
        for name, metric in (("seen", source), ("absent", absent))
    ]

    def alarm(name: str, expression: str) -> dict[str, Any]:
        properties = {
            "AlarmName": f"math-{name}",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 12,
            "TreatMissingData": "notBreaching",
            "Metrics": [*metrics, {"Id": "shown", "Expression": expression, "ReturnData": True}],
        }
        return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}

    expressions = {
        "Filled": "FILL(seen, 0) + FILL(absent, 7)",
        "NotFilled": "FILL(seen, 9) + FILL(absent, 0)",
        "Quota": "100 * 24 * seen / SERVICE_QUOTA(seen)",
        "NotQuota": "100 * 23 * seen / SERVICE_QUOTA(seen)",
    }
    create_stack(cloud, "math", {"Resources": {name: alarm(name, it) for name, it in expressions.items()}})
    cloudwatch.put_metric_data(Namespace="Filled", MetricData=[{"MetricName": "Seen", "Value": 5}])

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmNamePrefix="math-")["MetricAlarms"]
        return {item["AlarmName"].removeprefix("math-"): item["StateValue"] for item in found}

    expected = {"Filled": "ALARM", "NotFilled": "OK", "Quota": "ALARM", "NotQuota": "OK"}
    assert until(states, expected.__eq__) == expected


def test_a_waiting_message_is_measured_by_depth_and_age(cloud: Cloud) -> None:
    url = cloud.client("sqs").create_queue(QueueName="measured")["QueueUrl"]
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="waits")
    sent = time.time()

    def deepest() -> float:
        points = cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": "measured"}],
            StartTime=datetime.fromtimestamp(sent - 60, UTC),
            EndTime=datetime.fromtimestamp(sent + 60, UTC),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return max((point["Maximum"] for point in points), default=0.0)

    assert until(deepest, lambda depth: depth == 1) == 1
