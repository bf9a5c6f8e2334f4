"""Functions in the embedded cloud behave as on AWS where the emulator alone does not."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.cloud import Cloud
from tests.support.launcher_stack import archive, create_function, invoke, printed, role
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
WORKERS = 2


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud("test-launcher-functions", workers_per_function=WORKERS) as started:
        yield started


def test_an_exception_keeps_its_type_and_trace_and_its_process(cloud: Cloud) -> None:
    code = """
import os
def handler(event, context):
    if event.get("fail"):
        raise LookupError("no such market")
    return os.getpid()
"""
    create_function(cloud, "raises", code)
    before, _ = invoke(cloud, "raises")
    error, failed = invoke(cloud, "raises", {"fail": True})
    after, _ = invoke(cloud, "raises")
    assert failed
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "no such market")
    assert any("raise LookupError" in line for line in error["stackTrace"])
    assert "[ERROR] LookupError: no such market" in printed(cloud, "raises")
    assert before == after


def test_output_on_any_channel_goes_to_the_log_and_not_into_the_answer(cloud: Cloud) -> None:
    code = """
import os, sys
def handler(event, context):
    print("printed")
    sys.__stdout__.write('{"status": "ok", "result": "forged"}' + chr(10)); sys.__stdout__.flush()
    os.write(1, b"from a C library" + bytes([10]))
    return "real"
"""
    create_function(cloud, "prints", code)
    assert [invoke(cloud, "prints")[0] for _ in range(2)] == ["real", "real"]
    lines = printed(cloud, "prints")
    assert lines.count("printed") == lines.count("from a C library") == 2


def test_a_function_finds_its_own_code_first_then_its_layers_and_nothing_of_the_emulator(cloud: Cloud) -> None:
    layer = cloud.client("lambda").publish_layer_version(
        LayerName="greetings",
        Content={"ZipFile": archive(python__greeting="TEXT = 'from the layer'", python__index="raise RuntimeError")},
    )
    code = """
import importlib.util, greeting
def handler(event, context):
    return [greeting.TEXT, *(name for name in ("ministack", "botocore", "hypercorn") if importlib.util.find_spec(name))]
"""
    create_function(cloud, "layered", code, Layers=[layer["LayerVersionArn"]])
    assert invoke(cloud, "layered") == (["from the layer"], False)


def test_a_function_that_cannot_be_imported_says_why_in_its_answer_and_its_log(cloud: Cloud) -> None:
    create_function(cloud, "unimportable", "import missing_package")
    error, failed = invoke(cloud, "unimportable")
    assert failed
    assert "ModuleNotFoundError: No module named 'missing_package'" in error["errorMessage"]
    assert any("missing_package" in line for line in printed(cloud, "unimportable"))


def test_same_code_is_extracted_once_for_all_its_workers(cloud: Cloud) -> None:
    code = "import os\ndef handler(event, context): return os.path.realpath(os.path.dirname(__file__))"
    for name in ("first_of_two", "second_of_two"):
        create_function(cloud, name, code)
    assert invoke(cloud, "first_of_two") == invoke(cloud, "second_of_two")


def test_a_function_is_not_ended_because_the_machine_is_slow(cloud: Cloud) -> None:
    code = """
import time
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    time.sleep(1.5)
    return left
"""
    create_function(cloud, "slow", code, Timeout=1)
    left, failed = invoke(cloud, "slow")
    assert not failed
    assert 1_000 < left <= 10_000


def test_a_killed_worker_is_an_error_of_its_invocation_and_of_no_other(cloud: Cloud) -> None:
    code = """
import os, time
def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return os.getpid()
"""
    create_function(cloud, "killed", code, Timeout=900)
    first, _ = invoke(cloud, "killed")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(invoke(cloud, "killed", {"seconds": 3_600})))
    waiting.start()
    busy = until(lambda: [worker for worker in cloud.workers("killed") if worker.busy], lambda found: len(found) == 1)
    assert [worker.pid for worker in busy] == [first]
    assert cloud.kill_workers("killed") == 1
    waiting.join()
    assert answers[0][1], "the interrupted invocation failed"
    second, failed = invoke(cloud, "killed")
    assert not failed
    assert second != first


def test_invocations_beyond_the_number_of_workers_wait_for_a_free_one(cloud: Cloud) -> None:
    code = """
import os, time
def handler(event, context):
    time.sleep(0.2)
    return os.getpid()
"""
    create_function(cloud, "crowded", code)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(invoke(cloud, "crowded"))) for _ in range(3 * WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3 * WORKERS
    assert not any(failed for _, failed in answers)
    assert len({pid for pid, _ in answers}) <= WORKERS


def test_embedded_metrics_reach_cloudwatch_with_their_dimensions(cloud: Cloud) -> None:
    line = {
        "_aws": {
            "Timestamp": 0,
            "CloudWatchMetrics": [
                {"Namespace": "Test", "Dimensions": [["service"]], "Metrics": [{"Name": "Orders", "Unit": "Count"}]}
            ],
        },
        "service": "executor",
        "Orders": [2, 3],
    }
    create_function(cloud, "measures", f"def handler(event, context): print({json.dumps(line)!r})")
    invoke(cloud, "measures")
    now = datetime.now(UTC)
    statistics = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Test",
        MetricName="Orders",
        Dimensions=[{"Name": "service", "Value": "executor"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in statistics["Datapoints"]) == 5


def test_a_function_may_do_what_its_role_allows_and_nothing_else(cloud: Cloud) -> None:
    for bucket in ("allowed", "forbidden"):
        cloud.client("s3").create_bucket(Bucket=bucket)
    reader = role(cloud, "reader", {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::allowed"})
    code = """
import datetime, hashlib, hmac, os, urllib.error, urllib.request
def handler(event, context):
    host, path = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), "/" + event["bucket"]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    token, empty = os.environ["AWS_SESSION_TOKEN"], hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": now, "x-amz-security-token": token}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}" + chr(10) for name in sorted(headers))
    request = chr(10).join(["GET", path, "list-type=2", lines, names, empty])
    text = chr(10).join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = os.environ["AWS_ACCESS_KEY_ID"] + "/" + scope
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{host}{path}?list-type=2", headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
"""
    create_function(cloud, "reads", code, Role=reader)
    assert invoke(cloud, "reads", {"bucket": "allowed"}) == (200, False)
    assert invoke(cloud, "reads", {"bucket": "forbidden"}) == (403, False)


def test_an_asynchronous_invocation_is_retried_and_then_handed_to_its_destination(cloud: Cloud) -> None:
    sqs, client = cloud.client("sqs"), cloud.client("lambda")
    url = sqs.create_queue(QueueName="failed-invocations")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create_function(cloud, "fails", "def handler(event, context): raise ValueError('poison')")
    version = client.publish_version(FunctionName="fails")["Version"]
    client.create_alias(FunctionName="fails", Name="live", FunctionVersion=version)
    client.put_function_event_invoke_config(
        FunctionName="fails",
        Qualifier="live",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    client.invoke(FunctionName="fails:live", InvocationType="Event", Payload=b'{"id": 7}')
    messages = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), bool)
    record = json.loads(messages[0]["Body"])
    assert record["requestPayload"] == {"id": 7}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_warm_invocation_that_prints_nothing_takes_no_longer_than_one_that_prints(cloud: Cloud) -> None:
    """Stock waits longer for output that may still come than for output that is there."""
    codes = {"silent": "def handler(event, context): return 1", "quick": "def handler(event, context): print('x'); return 1"}
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    for name, code in codes.items():
        create_function(cloud, name, code)
        invoke(cloud, name)
    for _, name in itertools.product(range(20), codes):
        started = time.perf_counter()
        invoke(cloud, name)
        seconds[name].append(time.perf_counter() - started)
    assert min(seconds["silent"]) < 3 * min(seconds["quick"])
