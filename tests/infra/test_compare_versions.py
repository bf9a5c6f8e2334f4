"""The end of `make deploy`: every difference between `live` and $LATEST is reported and fails, and nothing secret is shown."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra import compare_versions
from infra.compare_versions import ABSENT, HIDDEN, CannotCompare, Difference, compare_live, main, table
from infra.samconfig import Clients, configured

pytestmark = pytest.mark.slow

STACK, NAME = "candlecast-dev", "candlecast-dev-api"
CONFIGURATION: dict[str, Any] = {
    "Runtime": "python3.13",
    "Role": "arn:aws:iam::123456789012:role/api",
    "Handler": "functions.api.handler.handle",
    "Timeout": 29,
    "MemorySize": 1024,
    "CodeSha256": "abc=",
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "Active"},
    "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/candlecast-dev-api"},
    "EphemeralStorage": {"Size": 512},
    "PackageType": "Zip",
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    "Environment": {"Variables": {"POWERTOOLS_LOG_LEVEL": "INFO", "MARKETS_BUCKET": "table-one", "TENANT_CLAIM": "sub"}},
    "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:candlecast-dev-core:7", "CodeSize": 1}],
}
BY_NATURE = {
    "Version": "4",
    "FunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{NAME}:4",
    "Description": "x",
    "RevisionId": "r",
}


def variables(**changed: str) -> dict[str, Any]:
    return {"Environment": {"Variables": {**CONFIGURATION["Environment"]["Variables"], **changed}}}


def cloud(
    live: dict[str, Any] | None, latest: dict[str, Any], *, alias: dict[str, Any] | None = None, resources: Any = None
) -> Clients:
    """Clients that answer for one function; `live` and `latest` are what differs from CONFIGURATION, None is no alias."""
    session = boto3.Session("a", "b", region_name="eu-west-1")
    cloudformation, functions = session.client("cloudformation"), session.client("lambda")
    stacks, lambdas = Stubber(cloudformation), Stubber(functions)
    listed = resources or [summary(NAME, "AWS::Lambda::Function"), summary("a-queue", "AWS::SQS::Queue")]
    stacks.add_response("list_stack_resources", {"StackResourceSummaries": listed}, {"StackName": STACK})
    if live is None:
        lambdas.add_client_error("get_alias", "ResourceNotFoundException", http_status_code=404)
    else:
        lambdas.add_response("get_alias", {"FunctionVersion": "4", **(alias or {})}, {"FunctionName": NAME, "Name": "live"})
        lambdas.add_response(
            "get_function_configuration", {**CONFIGURATION, **BY_NATURE, **live}, {"FunctionName": NAME, "Qualifier": "live"}
        )
        lambdas.add_response("get_function_configuration", {**CONFIGURATION, **latest}, {"FunctionName": NAME})
    stacks.activate()
    lambdas.activate()
    return {"cloudformation": cloudformation, "lambda": functions}.__getitem__


def summary(name: str, kind: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": "Logical",
        "PhysicalResourceId": name,
        "ResourceType": kind,
        "LastUpdatedTimestamp": "2026-11-29T00:00:00Z",
        "ResourceStatus": "UPDATE_COMPLETE",
    }


def differences(live: dict[str, Any] | None, latest: dict[str, Any], **more: Any) -> tuple[Difference, ...]:
    return compare_live(cloud(live, latest, **more), STACK).differences


def test_a_version_is_the_same_as_its_function_but_for_what_differs_by_nature() -> None:
    found = compare_live(cloud({}, {}), STACK)
    assert (found.versions, found.differences) == ({NAME: "4"}, ())


def test_a_parameter_that_did_not_reach_the_alias_is_shown_with_both_values() -> None:
    assert differences({}, variables(POWERTOOLS_LOG_LEVEL="DEBUG")) == (
        Difference(NAME, "environment POWERTOOLS_LOG_LEVEL", "INFO", "DEBUG"),
    )


@pytest.mark.parametrize(
    ("latest", "setting"),
    [
        ({"MemorySize": 2048}, "MemorySize"),
        ({"Timeout": 30}, "Timeout"),
        ({"CodeSha256": "def="}, "CodeSha256"),
        ({"Role": "arn:aws:iam::123456789012:role/other"}, "Role"),
        ({"Architectures": ["arm64"]}, "Architectures"),
        ({"Layers": [{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:candlecast-dev-core:8"}]}, "Layers"),
        ({"Layers": []}, "Layers"),
        ({"TracingConfig": {"Mode": "PassThrough"}}, "TracingConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "VpcConfig"),
    ],
)
def test_every_setting_that_a_version_copies_is_compared(latest: dict[str, Any], setting: str) -> None:
    assert [it.setting for it in differences({}, latest)] == [setting]


def test_values_of_variables_that_are_not_the_stacks_parameters_are_never_shown() -> None:
    found = differences(variables(ADDED="s3cret-one"), variables(MARKETS_BUCKET="table-two"))
    assert found == (
        Difference(NAME, "environment ADDED", HIDDEN, ABSENT),
        Difference(NAME, "environment MARKETS_BUCKET", HIDDEN, HIDDEN),
    )
    assert "s3cret" not in table(found)


@pytest.mark.parametrize("hidden_in", ["live", "latest", "both"])
def test_variables_that_may_not_be_read_are_no_agreement(hidden_in: str) -> None:
    """Lambda answers 200 with an error in place of the variables to somebody who may not use their key."""
    error = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt the environment variables"}
    hidden = {"Environment": {"Error": error}}
    live, latest = (hidden if hidden_in in (side, "both") else {} for side in ("live", "latest"))
    with pytest.raises(CannotCompare, match=f"{NAME}: .*AccessDeniedException"):
        compare_live(cloud(live, latest), STACK)


def test_a_function_without_its_alias_is_a_difference() -> None:
    assert [it.setting for it in differences(None, {})] == ["alias live"]


def test_an_alias_that_sends_some_invocations_elsewhere_is_a_difference() -> None:
    (found,) = differences({}, {}, alias={"RoutingConfig": {"AdditionalVersionWeights": {"3": 0.1}}})
    assert (found.setting, found.live, found.latest) == ("traffic to other versions", "3: 0.1", ABSENT)


def test_a_long_value_is_shown_where_it_differs() -> None:
    long = "x" * 200
    (found,) = differences(variables(VENUES=f"{long}one"), variables(VENUES=f"{long}two"))
    assert (found.live.strip("x."), found.latest.strip("x.")) == ("one", "two")


def test_a_stack_without_functions_cannot_be_compared() -> None:
    with pytest.raises(CannotCompare, match="has no function"):
        compare_live(cloud({}, {}, resources=[summary("a-queue", "AWS::SQS::Queue")]), STACK)


def test_a_refusal_by_aws_is_told_as_it_is() -> None:
    cloudformation = boto3.Session("a", "b", region_name="eu-west-1").client("cloudformation")
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("list_stack_resources", "ValidationError", "Stack with id candlecast-dev does not exist")
        with pytest.raises(CannotCompare, match="does not exist"):
            compare_live(lambda _service: cloudformation, STACK)


def test_the_table_has_a_line_for_each_difference() -> None:
    shown = table((Difference(NAME, "Timeout", "29", "30"), Difference(NAME, "environment EGRESS_ADDRESS", "shared", "nat-2")))
    assert [line.split() for line in shown.splitlines() if "-----" not in line] == [
        ["function", "setting", "live", "$LATEST"],
        [NAME, "Timeout", "29", "30"],
        [NAME, "environment", "EGRESS_ADDRESS", "shared", "nat-2"],
    ]


@pytest.mark.parametrize(("latest", "code"), [({}, 0), (variables(TENANT_CLAIM="custom:tenant"), 1)])
def test_the_command_ends_as_the_comparison_does(
    latest: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clients = cloud({}, latest)
    monkeypatch.setattr(compare_versions, "clients_of", lambda _profile, _region: clients)
    assert main(["--stack", STACK]) == code
    said = capsys.readouterr()
    assert ("custom:tenant" in said.err) == bool(code)
    assert ("is what was deployed" in said.out) == (not code)
    assert f"{STACK} in eu-west-1: live" in said.out + said.err


def test_the_command_says_why_it_cannot_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-file", str(tmp_path / "none.toml")]) == 2
    (tmp_path / "some.toml").write_text("[default.deploy.parameters]\nregion = 'eu-west-1'\n")
    assert main(["--config-file", str(tmp_path / "some.toml")]) == 2
    assert "say --stack NAME" in capsys.readouterr().err


def test_the_stack_is_the_one_that_sam_deploys(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text("[prod.global.parameters]\nregion='eu-west-1'\n[prod.deploy.parameters]\nstack_name='candlecast-prod'\n")
    assert configured(path, "prod") == {"region": "eu-west-1", "stack_name": "candlecast-prod"}
    root = Path(__file__).resolve().parents[2]
    assert configured(root / "samconfig.toml", "default")["stack_name"] == STACK
