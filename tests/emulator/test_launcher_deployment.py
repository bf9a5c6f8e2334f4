"""The real template in the embedded cloud: by the SAM CLI, and again in a moment; its doors, roles and clocks."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.compare_versions import Difference, compare_live
from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.project import ROOT, CommandError, tool_environment
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
REQUEST_SECONDS = 300  # limit for a request that hangs


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """An instance with roles enforced, deployed by the real `sam deploy`."""
    with Cloud("test-launcher-deployment") as started:
        started.deploy()
        yield started


def get(url: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=REQUEST_SECONDS) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_both_http_apis_answer_at_the_addresses_that_the_stack_gives(cloud: Cloud) -> None:
    assert cloud.outputs["ApiUrl"] == f"http://127.0.0.1:{cloud.ports.api}"
    assert cloud.outputs["PaperExchangeUrl"] == f"http://127.0.0.1:{cloud.ports.paper}"
    assert get(f"{cloud.outputs['PaperExchangeUrl']}/fapi/v1/time")[0] == 200


def test_the_function_behind_the_api_reaches_what_its_role_allows(cloud: Cloud) -> None:
    status, body = get(f"{cloud.outputs['ApiUrl']}/health")
    assert (status, body["reason"]) in {(200, None), (503, "NEVER_PROBED")}, body


def test_a_signed_in_user_gets_past_the_gateway_and_nobody_else_does(cloud: Cloud) -> None:
    user = cloud.user("somebody@example.com")
    url = f"{cloud.outputs['ApiUrl']}/no-such-route"
    assert get(url)[0] == 401
    assert get(url, token=f"{user.token[:-6]}AAAAAA")[0] == 401, "a token whose signature was changed"
    assert get(url, token=user.token)[0] == 404
    assert cloud.user("somebody@example.com").sub == user.sub, "the same person when signing in again"


def test_a_schedule_of_the_stack_reaches_its_function_under_the_schedules_role(cloud: Cloud) -> None:
    cloud.fire_schedule("candles-1m", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    log = until(lambda: cloud.logs().get(cloud.outputs["CandleClockFunctionName"], ""), lambda text: "REPORT" in text)
    assert "REPORT" in log
    assert "[ERROR]" not in log


def test_a_build_of_the_same_sources_is_not_made_again(cloud: Cloud) -> None:
    said: list[str] = []
    deployment.build(said.append)
    assert said == []


def test_a_stack_that_is_there_is_updated_in_place(cloud: Cloud) -> None:
    before = cloud.outputs
    after = cloud.deploy(LogLevel="DEBUG", LogRetentionDays="7")
    assert after == before
    for qualifier in ("$LATEST", "live"):
        configuration = cloud.client("lambda").get_function_configuration(
            FunctionName=after["OrderExecutorFunctionName"], Qualifier=qualifier
        )
        assert configuration["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
        assert configuration["Environment"]["Variables"]["TABLE_NAME"] == before["TableName"]
    assert compare_live(cloud.client, deployment.STACK).differences == ()


def test_a_changed_parameter_reaches_the_alias_of_the_functions_that_read_it_and_of_no_other(cloud: Cloud) -> None:
    functions = cloud.client("lambda")
    cloud.deploy(EgressAddress="nat-1")
    before = compare_live(cloud.client, deployment.STACK)
    outputs = cloud.deploy(EgressAddress="nat-2")
    after = compare_live(cloud.client, deployment.STACK)
    assert before.differences == after.differences == ()
    readers = {
        f"{deployment.STACK}-{it}"
        for it in (
            "strategy_runner",
            "strategy_validator",
            "parity_checker",
            "backtest_runner",
            "signal_fanout",
            "order_executor",
            "order_reconciler",
            "key_vetting",
            "health_probe",
        )
    }
    assert {name for name, version in after.versions.items() if version != before.versions[name]} == readers
    name = outputs["OrderExecutorFunctionName"]
    live = functions.get_function_configuration(FunctionName=name, Qualifier="live")["Environment"]["Variables"]
    assert live["EGRESS_ADDRESS"] == "nat-2"
    kept = functions.get_function_configuration(FunctionName=name, Qualifier=before.versions[name])["Environment"]["Variables"]
    assert kept["EGRESS_ADDRESS"] == "nat-1"  # the replaced version can still be gone back to


def command_after_a_deployment(cloud: Cloud) -> tuple[int, str]:
    """The exit code and the output of the command that ends `make deploy`."""
    command = [sys.executable, "-m", "infra.compare_versions", "--stack", deployment.STACK]
    environment = {**tool_environment(), **cloud.environment}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_an_alias_that_was_left_behind_is_found_by_the_comparison(cloud: Cloud) -> None:
    assert command_after_a_deployment(cloud) == (0, "candlecast in us-east-1: live of all 20 functions is what was deployed.\n")
    functions, name = cloud.client("lambda"), cloud.outputs["ApiFunctionName"]
    before = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, "TENANT_CLAIM": "tenant"}})
    found = compare_live(cloud.client, deployment.STACK)
    assert found.versions[name] == before
    assert found.differences == (Difference(name, "environment TENANT_CLAIM", "sub", "tenant"),)
    code, said = command_after_a_deployment(cloud)
    assert (code, "environment TENANT_CLAIM" in said) == (1, True), said


def test_the_same_build_is_deployed_again_into_an_empty_cloud_without_sam(cloud: Cloud) -> None:
    before = cloud.outputs
    cloud.client("sqs").send_message(QueueUrl=before["CandleDeadLettersUrl"], MessageBody="of before")
    of_sam = (cloud.state / "sam-deploy.log").stat().st_mtime_ns
    after = cloud.redeploy(LogLevel="ERROR")
    assert (cloud.state / "sam-deploy.log").stat().st_mtime_ns == of_sam
    assert after.keys() == before.keys()
    waiting = cloud.client("sqs").receive_message(QueueUrl=after["CandleDeadLettersUrl"])
    assert "Messages" not in waiting
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=after["OrderExecutorFunctionName"])
    assert configuration["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "ERROR"
    assert get(f"{after['ApiUrl']}/openapi.json")[0] == 200


def test_an_unknown_schedule_and_an_empty_cloud_are_clear_errors(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="404"):
        cloud.fire_schedule("candles-7m", datetime(2026, 1, 2, tzinfo=UTC))
    with Cloud("test-launcher-empty") as empty, pytest.raises(CommandError, match="not deployed"):
        _ = empty.outputs
