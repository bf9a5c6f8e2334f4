"""A gradual release: its functions, the alarms that end it, and a stack without it.

CodeDeploy itself is not in the embedded cloud, so the shift of traffic is shown on the template alone.
"""

from typing import Any

import pytest

from tests.support.transformed import Template, as_list, gradual_root, nested, resources, root, text

GRADUAL = {"ApiFunction": "api", "SignalIntakeFunction": "signal_intake"}
CODE_DEPLOY = {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"}


def updated_by_code_deploy(template: Template) -> dict[str, Any]:
    """Function -> its alias's update policy, for each alias that has one."""
    aliases = [it for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Alias"]
    return {it["Properties"]["FunctionName"]["Ref"]: it["UpdatePolicy"] for it in aliases if "UpdatePolicy" in it}


def group(function: str) -> dict[str, Any]:
    return resources(gradual_root(), "AWS::CodeDeploy::DeploymentGroup")[f"{function}DeploymentGroup"]


AT_THE_FIRST = {
    "Namespace": "AWS/Lambda",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "DatapointsToAlarm": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Threshold": 1,
}


def alarms_of(function: str) -> list[str]:
    condition, shifted, still = group(function)["AlarmConfiguration"]["Fn::If"]
    assert (condition, still) == ("TrafficIsShifted", {})
    assert shifted["Enabled"]
    return [text(it["Name"]) for it in shifted["Alarms"]]


def test_api_and_intake_alone_change_step_by_step() -> None:
    found = updated_by_code_deploy(gradual_root())
    assert found.keys() == GRADUAL.keys()
    for function, policy in found.items():
        assert policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": f"{function}DeploymentGroup"}


def test_without_the_parameter_no_traffic_is_shifted_and_nothing_of_code_deploy_is_made() -> None:
    assert updated_by_code_deploy(root()) == {}
    assert not {it["Type"] for it in root()["Resources"].values()} & CODE_DEPLOY
    conditional = [it for it in root()["Resources"].values() if it.get("Condition") == "TrafficIsShifted"]
    assert len(conditional) == len(GRADUAL)
    assert root()["Conditions"]["TrafficIsShifted"] == {"Fn::Equals": [{"Ref": "CanaryDeployment"}, "true"]}


@pytest.mark.parametrize("function", GRADUAL)
def test_a_tenth_of_the_traffic_goes_first_and_an_alarm_or_a_failure_brings_it_back(function: str) -> None:
    properties = group(function)
    kind, names = properties["DeploymentConfigName"]["Fn::Sub"]
    assert kind.replace("${ConfigName}", names["ConfigName"]) == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    back = properties["AutoRollbackConfiguration"]
    assert back["Enabled"]
    assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} <= set(back["Events"])


@pytest.mark.parametrize("function", GRADUAL)
def test_errors_of_the_new_version_and_answers_of_the_door_with_5xx_end_the_release(function: str) -> None:
    own, door = alarms_of(function)
    alarm = resources(gradual_root(), "AWS::CloudWatch::Alarm")[own.strip("<>")]
    dimensions = {it["Name"]: it["Value"] for it in alarm["Dimensions"]}
    version = dimensions["ExecutedVersion"]["Fn::GetAtt"]
    assert (alarm["MetricName"], text(dimensions["FunctionName"])) == ("Errors", f"stack-{GRADUAL[function]}")
    assert {name: alarm[name] for name in AT_THE_FIRST} == AT_THE_FIRST, "nothing else makes this alarm ring in a test"
    assert text(dimensions["Resource"]) == f"stack-{GRADUAL[function]}:live"
    alias = resources(gradual_root(), "AWS::Lambda::Alias")[f"{function}Aliaslive"]
    assert alias["FunctionVersion"]["Fn::GetAtt"] == version, "the alarm watches the version that the alias is moved to"
    named = {text(it["AlarmName"]): it for it in resources(nested("Alarms"), "AWS::CloudWatch::Alarm").values()}
    assert named[door]["MetricName"] == "5xx"


def test_no_alarm_of_a_release_waits_for_an_alias_which_waits_for_the_alarm() -> None:
    """The HTTP APIs name the aliases, so a resource that names an HTTP API comes after the aliases."""
    for own in (alarms_of(function)[0].strip("<>") for function in GRADUAL):
        assert "HttpApi" not in str(resources(gradual_root(), "AWS::CloudWatch::Alarm")[own])
        assert "Fn::GetAtt': ['Alarms'" not in str(resources(gradual_root(), "AWS::CloudWatch::Alarm")[own])


def test_the_role_that_shifts_traffic_changes_the_aliases_of_these_functions_and_of_no_other() -> None:
    role = resources(nested("Roles"), "AWS::IAM::Role")["TrafficShiftRole"]
    trusted = role["AssumeRolePolicyDocument"]["Statement"]
    assert [it["Principal"] for it in trusted] == [{"Service": "codedeploy.amazonaws.com"}]
    aliases, alarms = role["Policies"][0]["PolicyDocument"]["Statement"]
    names = {text(it).partition(":function:stack-")[2].partition(":")[0] for it in aliases["Resource"]}
    assert names == set(GRADUAL.values())
    assert "lambda:InvokeFunction" not in aliases["Action"]
    assert as_list(alarms["Action"]) == ["cloudwatch:DescribeAlarms"]
    assert all(text(group(function)["ServiceRoleArn"]) == "<Roles.Outputs.TrafficShiftRole>" for function in GRADUAL)
    assert not [it for it in resources(gradual_root(), "AWS::IAM::Role") if "CodeDeploy" in it], "SAM makes no role of its own"
