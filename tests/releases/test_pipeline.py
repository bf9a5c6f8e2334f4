"""A release on its way: the plan that people read, and the steps that leave entries paused unless everything went well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from infra.release.__main__ import DONE, LOSES_DATA, REFUSED, account_of, main
from infra.release.artifacts import stated
from infra.release.deployment import FAILED_POLLS, Deployment
from infra.release.plan import (
    CannotPlan,
    Change,
    Plan,
    Setting,
    changed_settings,
    outcome,
    read_changes,
    require_no_earlier_table,
    shown,
)
from tests.support.builders import NOW
from tests.support.command_line import check

STACK, CHANGE_SET = "candlecast-x", "arn:aws:cloudformation:eu-west-1:1:changeSet/samcli-deploy1/x"
TABLE = {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table", "Replacement": "False"}
QUEUE = {"Action": "Add", "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue"}
SECTION = ("--config-env", "prod")
PACKAGED = """
CodeUri: s3://sam-bucket/candlecast-x/0a1b
ContentUri: "s3://sam-bucket/candlecast-x/2c3d"
TemplateURL: https://s3.eu-west-1.amazonaws.com/sam-bucket/candlecast-x/4e5f.template
"""
OBJECTS = ("0a1b", "2c3d", "4e5f.template")
STEPS = [
    "check the change set",
    "pause entries",
    "execute the change set",
    "compare versions",
    "protect the stack",
    "try while paused",
    "let entries go",
    "try",
]


class FakeCloudFormation:
    """One stack with one change set; `pages` are its changes, `states` what the stack becomes."""

    def __init__(self, *pages: list[dict[str, str]], states: Sequence[str | Exception] = ("UPDATE_COMPLETE",)) -> None:
        self.pages = pages or ([TABLE],)
        self.states: Iterator[str | Exception] = iter(states)
        self.status = ("CREATE_COMPLETE", "AVAILABLE")
        self.executed: list[str] = []
        self.error: Exception | None = None
        self.template: Any = PACKAGED
        self.replaced_meanwhile: dict[str, datetime] = {}
        self.uploaded = dict.fromkeys((f"candlecast-x/{name}" for name in OBJECTS), NOW)
        self.parameters: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])

    def get_template(self, *, ChangeSetName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert (ChangeSetName, TemplateStage) == (CHANGE_SET, "Original")
        return {"TemplateBody": self.template}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "sam-bucket"
        return {"ETag": '"the same"', "LastModified": self.uploaded[Key]}

    def describe_change_set(self, *, ChangeSetName: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        assert ChangeSetName == CHANGE_SET
        number = int(NextToken)
        changes = [{"Type": "Resource", "ResourceChange": change} for change in self.pages[number]]
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {
            "Status": self.status[0],
            "ExecutionStatus": self.status[1],
            "Changes": changes,
            "Parameters": self.parameters[1],
            **more,
        }

    def execute_change_set(self, *, ChangeSetName: str) -> None:  # noqa: N803
        self.executed.append(ChangeSetName)
        self.uploaded |= self.replaced_meanwhile

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == STACK
        if self.error is not None:
            raise self.error
        state = next(self.states)
        if isinstance(state, Exception):
            raise state
        return {"Stacks": [{"StackStatus": state, "Parameters": self.parameters[0]}]}


class Calls:
    """Commands that were run; those of `failing` end with 1. A command of candlecast must be one that candlecast takes."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.made: list[str] = []

    def __call__(self, command: Sequence[str | Path]) -> int:
        words = [Path(command[0]).name, *map(str, command[1:])]
        self.made.append(" ".join(words))
        if words[0] == "candlecast":
            check(words)
        return int(self.made[-1].removesuffix(f" --stack {STACK}") in self.failing)


def a_plan(*changes: Change, change_set: str | None = CHANGE_SET, creates: bool = False) -> Plan:
    cloud = FakeCloudFormation()
    read = tuple(changes) or read_changes(cloud, CHANGE_SET)
    return Plan(STACK, change_set, creates, read, (), stated(cloud, cloud, CHANGE_SET))


def deployed(
    calls: Calls, cloud: FakeCloudFormation | None = None, plan: Plan | None = None, *, pauses: bool = True
) -> Deployment:
    cloud = cloud or FakeCloudFormation()
    deployment = Deployment(
        plan or a_plan(),
        "run-1",
        pauses,
        cloud,
        cloud,
        calls,
        Path("tools"),
        SECTION,
        (),
        lambda _: None,
        lambda: 0.0,
    )
    deployment()
    return deployment


# -- the plan ----------------------------------------------------------------------------------------------------------------


def test_a_plan_has_the_changes_of_all_pages() -> None:
    found = read_changes(FakeCloudFormation([TABLE], [QUEUE]), CHANGE_SET)
    assert found == (Change("Modify", "Table", "AWS::DynamoDB::Table", "False"), Change("Add", "Queue", "AWS::SQS::Queue"))


@pytest.mark.parametrize("status", [("FAILED", "UNAVAILABLE"), ("CREATE_COMPLETE", "EXECUTE_COMPLETE")])
def test_a_change_set_that_nobody_can_execute_is_no_plan(status: tuple[str, str]) -> None:
    cloud = FakeCloudFormation()
    cloud.status = status
    with pytest.raises(CannotPlan):
        read_changes(cloud, CHANGE_SET)


@pytest.mark.parametrize(
    ("change", "loses"),
    [
        (Change("Modify", "Table", "AWS::DynamoDB::Table", "True"), True),
        (Change("Modify", "Table", "AWS::DynamoDB::Table", "Conditional"), True),
        (Change("Remove", "Key", "AWS::KMS::Key"), True),
        (Change("Modify", "Table", "AWS::DynamoDB::Table", "False"), False),
        (Change("Modify", "Queue", "AWS::SQS::Queue", "True"), False),
        (Change("Add", "Table", "AWS::DynamoDB::Table"), False),
    ],
)
def test_a_removed_or_replaced_holder_of_data_is_a_loss(change: Change, loses: bool) -> None:
    assert bool(a_plan(change).losses) is loses
    assert ("LOSES DATA" in shown(a_plan(change))) is loses


def test_a_replaced_queue_is_told_before_the_list() -> None:
    assert "**Queue (AWS::SQS::Queue), replaced.**" in shown(a_plan(Change("Modify", "Queue", "AWS::SQS::Queue", "True")))


def test_a_plan_survives_its_file_and_another_file_is_refused(tmp_path: Path) -> None:
    a_plan().write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == a_plan()
    (tmp_path / "plan.json").write_text('{"stack": "x"}')
    with pytest.raises(CannotPlan):
        Plan.read(tmp_path / "plan.json")


def test_the_result_stands_among_the_lines_of_sam() -> None:
    lines = ["not JSON", '{"type": "event"}', '{"type": "result", "status": "no_changes"}']
    assert outcome("\n".join(lines))["status"] == "no_changes"
    for wrong in ("", "\n".join([lines[2], lines[2]]), "[1]"):
        with pytest.raises(CannotPlan):
            outcome(wrong)


@pytest.mark.parametrize(("now", "then"), [(None, None), (None, "1"), ("1", None), ("2", "2"), ("2", "3")])
def test_a_release_on_the_same_table_or_a_later_one_is_planned(now: str | None, then: str | None) -> None:
    require_no_earlier_table(with_generation(now), with_generation(then))


@pytest.mark.parametrize(("now", "then"), [("2", None), ("3", "2"), ("2", "1")])
def test_a_release_that_would_go_back_to_an_earlier_table_is_refused(now: str, then: str | None) -> None:
    with pytest.raises(CannotPlan, match="EARLIER_TABLE"):
        require_no_earlier_table(with_generation(now), with_generation(then))


def with_generation(value: str | None) -> dict[str, Any]:
    """A stack or a change set as CloudFormation describes it; a template without the parameter has None."""
    others = [{"ParameterKey": "LogLevel", "ParameterValue": "INFO"}]
    return {"Parameters": others if value is None else [*others, {"ParameterKey": "TableGeneration", "ParameterValue": value}]}


def test_a_plan_shows_the_parameters_that_a_release_changes() -> None:
    """CloudFormation's list of changes has resources alone: another issuer of tokens would be one more changed function."""
    now = [parameter("OidcIssuer", "https://ours"), parameter("LogLevel", "INFO"), parameter("OperatorsToLift", "2")]
    then = [
        parameter("OidcIssuer", "https://theirs"),
        {"ParameterKey": "LogLevel", "UsePreviousValue": True},
        parameter("New", "1"),
    ]
    found = changed_settings({"Parameters": now}, {"Parameters": then})
    assert found == (
        Setting("New", None, "1"),
        Setting("OidcIssuer", "https://ours", "https://theirs"),
        Setting("OperatorsToLift", "2", None),
    )
    text = shown(replace(a_plan(), settings=found))
    assert "| OidcIssuer | `https://ours` | `https://theirs` |" in text
    assert "| New | - | `1` |" in text


def test_a_parameter_is_shown_as_text_and_a_persons_address_is_not_shown() -> None:
    found = (Setting("TenantClaim", "sub", "`|<!--\n"), Setting("AlarmEmail", "", "me@example.com"))
    text = shown(replace(a_plan(), settings=found))
    assert "| TenantClaim | `sub` | `??<!--?` |" in text
    assert "example.com" not in text


def parameter(name: str, value: str) -> dict[str, str]:
    return {"ParameterKey": name, "ParameterValue": value}


@pytest.mark.parametrize("template", [PACKAGED, {"Resources": {"A": {"CodeUri": "s3://sam-bucket/candlecast-x/0a1b"}}}])
def test_objects_of_code_and_templates_are_found_in_yaml_and_json(template: Any) -> None:
    cloud = FakeCloudFormation()
    cloud.template = template
    names = {name.rpartition("/")[2] for name in stated(cloud, cloud, CHANGE_SET)}
    assert names == (set(OBJECTS) if template is PACKAGED else {"0a1b"})


# -- the steps ---------------------------------------------------------------------------------------------------------------


def test_entries_are_paused_before_the_stack_changes_and_go_after_a_trial() -> None:
    calls, cloud = Calls(), FakeCloudFormation(states=("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
    deployment = deployed(calls, cloud)
    assert [(step.name, step.code) for step in deployment.steps] == [(name, 0) for name in STEPS]
    assert cloud.executed == [CHANGE_SET]
    assert calls.made == [
        f"candlecast deployment pause run-1 --stack {STACK}",
        f"python -m infra.compare_versions --config-env prod --stack {STACK}",
        f"python -m infra.protect_stack --config-env prod --stack {STACK}",
        f"candlecast synthetic --stack {STACK} --expect-paused",
        f"candlecast deployment resume run-1 --stack {STACK}",
        f"candlecast synthetic --stack {STACK}",
    ]


@pytest.mark.parametrize(
    ("failing", "ends_with"),
    [
        ("python -m infra.compare_versions --config-env prod", "compare versions"),
        ("python -m infra.protect_stack --config-env prod", "protect the stack"),
        (f"candlecast synthetic --stack {STACK} --expect-paused", "try while paused"),
    ],
)
def test_a_failure_leaves_entries_paused(failing: str, ends_with: str) -> None:
    calls = Calls(failing)
    assert deployed(calls).steps[-1].name == ends_with
    assert not [call for call in calls.made if "resume" in call]


@pytest.mark.parametrize("states", [("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"), ("UPDATE_ROLLBACK_FAILED",)])
def test_a_stack_that_went_back_leaves_entries_paused(states: tuple[str, ...]) -> None:
    calls = Calls()
    deployment = deployed(calls, FakeCloudFormation(states=states))
    assert [(step.name, step.code) for step in deployment.steps] == [
        ("check the change set", 0),
        ("pause entries", 0),
        ("execute the change set", 1),
    ]
    assert len(calls.made) == 1


THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeStacks")


def test_polls_that_fail_end_no_deployment_while_the_stack_goes_on() -> None:
    lost = EndpointConnectionError(endpoint_url="https://cloudformation")
    states: tuple[str | Exception, ...] = (THROTTLED, "UPDATE_IN_PROGRESS", *[lost] * (FAILED_POLLS - 1), "UPDATE_COMPLETE")
    assert [step.name for step in deployed(Calls(), FakeCloudFormation(states=states)).steps] == STEPS


def test_polls_that_go_on_failing_end_the_deployment_with_entries_paused() -> None:
    calls = Calls()
    with pytest.raises(ClientError, match="Rate exceeded"):
        deployed(calls, FakeCloudFormation(states=[THROTTLED] * FAILED_POLLS))
    assert calls.made == [f"candlecast deployment pause run-1 --stack {STACK}"]


def test_without_the_pause_nothing_is_executed() -> None:
    calls, cloud = Calls("candlecast deployment pause run-1"), FakeCloudFormation()
    deployed(calls, cloud)
    assert cloud.executed == []


def test_a_trial_that_fails_with_entries_on_pauses_them_again() -> None:
    calls = Calls("candlecast synthetic")
    deployment = deployed(calls)
    assert calls.made[-1] == f"candlecast deployment pause run-1 --stack {STACK}"
    assert {step.name: step.code for step in deployment.steps}["try"] == 1


def test_a_change_set_that_is_not_the_one_that_was_read_is_not_executed() -> None:
    calls, cloud = Calls(), FakeCloudFormation([TABLE, QUEUE])
    deployment = deployed(calls, cloud)
    assert [(step.name, step.code) for step in deployment.steps] == [("check the change set", 1)]
    assert (cloud.executed, calls.made) == ([], []), "nothing is paused for it"


@pytest.mark.parametrize("name", OBJECTS)
def test_a_build_that_was_replaced_after_the_plan_is_not_executed(name: str) -> None:
    """CloudFormation reads the objects at the execution, and who may plan may write them."""
    calls, cloud = Calls(), FakeCloudFormation()
    cloud.uploaded[f"candlecast-x/{name}"] += timedelta(seconds=1)
    deployment = deployed(calls, cloud)
    assert [(step.name, step.code) for step in deployment.steps] == [("check the change set", 1)]
    assert (cloud.executed, calls.made) == ([], [])


def test_a_build_that_was_replaced_during_the_execution_leaves_entries_paused() -> None:
    calls, cloud = Calls(), FakeCloudFormation()
    cloud.replaced_meanwhile = {"candlecast-x/0a1b": NOW + timedelta(minutes=1)}
    deployment = deployed(calls, cloud)
    assert (deployment.steps[-1].name, deployment.steps[-1].code) == ("execute the change set", 1)
    assert calls.made == [f"candlecast deployment pause run-1 --stack {STACK}"]


def test_a_change_set_without_objects_is_not_executed() -> None:
    cloud = FakeCloudFormation()
    cloud.template = "Resources: {}"
    assert [step.code for step in deployed(Calls(), cloud).steps] == [1]
    assert cloud.executed == []


def test_a_new_stack_has_no_entries_to_pause() -> None:
    calls = Calls()
    deployed(calls, FakeCloudFormation(states=("CREATE_COMPLETE",)), a_plan(creates=True))
    assert not [call for call in calls.made if "pause" in call or "deployment" in call]
    assert calls.made[-1] == f"candlecast synthetic --stack {STACK}"


def test_a_plan_without_changes_is_tried_and_executes_nothing() -> None:
    calls, cloud = Calls(), FakeCloudFormation()
    deployed(calls, cloud, Plan(STACK, None, False, ()))
    assert (cloud.executed, calls.made[-1]) == ([], f"candlecast synthetic --stack {STACK}")


@pytest.mark.parametrize("failing", ["candlecast synthetic", "nothing"])
def test_a_failed_trial_without_changes_says_how_a_person_lifts_an_earlier_pause(
    failing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(Calls(failing), FakeCloudFormation(), Plan(STACK, None, False, ()))
    assert ("candlecast deployment resume --force" in capsys.readouterr().err) is (failing != "nothing")


def test_the_pause_can_be_left_out() -> None:
    calls = Calls()
    deployed(calls, pauses=False)
    assert not [call for call in calls.made if "candlecast deployment" in call or "--expect-paused" in call]


# -- the command -------------------------------------------------------------------------------------------------------------


class Desk:
    """The command in a folder of its own, with a stack in AWS."""

    def __init__(self, folder: Path, cloud: FakeCloudFormation) -> None:
        self.folder, self.cloud, self.calls = folder, cloud, Calls()
        self.asked: list[str] = []
        self.said = json.dumps({"type": "result", "status": "changeset_created", "changeset_id": CHANGE_SET})

    def sam(self, command: Sequence[str | Path]) -> str:
        self.asked = [str(word) for word in command]
        return self.said

    def __call__(self, *words: str) -> int:
        places = [f"--{name}={self.folder / name}" for name in ("plan", "report", "summary")]
        return main([*words, "--stack", STACK, *places], self.sam, self.calls, lambda _: self.cloud)


def test_a_plan_is_made_by_sam_and_executes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, FakeCloudFormation(states=("UPDATE_COMPLETE",)))
    assert desk("plan", "--config-env", "prod", "--parameter", "CanaryDeployment=false") == DONE
    assert {
        "--no-execute-changeset",
        "--no-confirm-changeset",
        "--force-upload",
        "CanaryDeployment=false",
        "Environment=prod",
    } <= set(desk.asked)
    assert (desk.cloud.executed, Plan.read(tmp_path / "plan")) == ([], a_plan())
    assert "| Modify | Table | AWS::DynamoDB::Table | False |" in (tmp_path / "summary").read_text()


def test_a_plan_that_would_lose_data_is_refused_until_a_person_accepts_it(tmp_path: Path) -> None:
    cloud = FakeCloudFormation([{**TABLE, "Replacement": "True"}], states=["UPDATE_COMPLETE"] * 4)
    desk = Desk(tmp_path, cloud)
    assert desk("plan") == LOSES_DATA
    assert desk("apply", "--identity", "run-1") == REFUSED
    assert (cloud.executed, desk.calls.made) == ([], [])
    assert desk("plan", "--accept-loss") == DONE


def test_apply_ends_with_a_report_of_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.release.deployment.POLL_SECONDS", 0.0)
    desk = Desk(tmp_path, FakeCloudFormation(states=("UPDATE_COMPLETE", "UPDATE_COMPLETE")))
    assert (desk("plan"), desk("apply", "--identity", "run-1")) == (DONE, DONE)
    report = json.loads((tmp_path / "report").read_text())
    assert (report["passed"], [step["name"] for step in report["steps"]]) == (True, STEPS)


def test_an_error_of_aws_in_the_middle_is_a_failure_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.release.deployment.POLL_SECONDS", 0.0)
    desk = Desk(tmp_path, FakeCloudFormation())
    assert desk("plan") == DONE
    desk.cloud.error = CannotPlan("the connection is lost")
    assert desk("apply", "--identity", "run-1") == REFUSED
    report = json.loads((tmp_path / "report").read_text())
    assert (report["passed"], report["steps"][-1]) == (False, {"name": "execute the change set", "code": 1, "seconds": 0.0})


def test_a_plan_of_another_stack_is_not_applied(tmp_path: Path) -> None:
    Plan("another", CHANGE_SET, False, ()).write(tmp_path / "plan")
    assert Desk(tmp_path, FakeCloudFormation())("apply") == REFUSED


def test_sam_that_fails_makes_no_plan(tmp_path: Path) -> None:
    desk = Desk(tmp_path, FakeCloudFormation())
    desk.said = json.dumps({"type": "result", "status": "failed", "message": "no bucket"})
    assert desk("plan") == REFUSED
    assert not (tmp_path / "plan").exists()


@pytest.mark.parametrize("words", [["plan", "--parameter", "x"], ["apply", "--identity", "a b"], ["destroy"]])
def test_wrong_words_are_refused(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        Desk(tmp_path, FakeCloudFormation())(*words)


def test_the_tools_of_a_release_act_on_the_account_that_the_configuration_names() -> None:
    assert account_of({"region": "eu-central-1", "stack_name": "x"}) == {
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    assert account_of({"profile": "trading"}) == {"AWS_PROFILE": "trading"}
