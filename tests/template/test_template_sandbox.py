"""The sandbox of uploaded code: one tenant an environment, a network without a way out, a role that its code cannot use."""

from typing import Any

import pytest

from tests.support.transformed import Statement, functions, nested, resources, role_of, root, statements, text
from tests.template.test_template_permissions import INTERFACES, LAMBDA_JOINS_A_NETWORK, LAMBDA_LOOKS_AT_A_NETWORK, LOGS

pytestmark = pytest.mark.slow

NAME = "strategy_sandbox"
NETWORK = nested("SandboxNetwork")
SUBNETS = {"<FirstSubnet>", "<SecondSubnet>"}
# Each type of the network. A gateway, a route, an endpoint or a peering would be a way out.
TYPES = {
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetNetworkAclAssociation",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
}


def test_each_environment_serves_one_tenant() -> None:
    isolated = {name for name, properties in functions().items() if "TenancyConfig" in properties}
    assert isolated == {NAME}
    assert functions()[NAME]["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}


def test_nothing_but_an_invocation_by_its_name_reaches_it() -> None:
    """Neither a queue nor a door names a tenant, so AWS refuses both; a permission would let another service try."""
    targets = ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::EventInvokeConfig")
    named = [text(it["FunctionName"]) for kind in targets for it in resources(root(), kind).values()]
    assert named
    assert not [it for it in named if "Sandbox" in it]


def test_its_environment_names_no_resource_and_no_secret() -> None:
    variables: dict[str, Any] = functions()[NAME]["Environment"]["Variables"]
    assert variables == {
        "ENVIRONMENT": {"Ref": "Environment"},
        "POWERTOOLS_METRICS_NAMESPACE": "Candlecast",
        "POWERTOOLS_LOG_LEVEL": {"Ref": "LogLevel"},
        "POWERTOOLS_SERVICE_NAME": NAME,
    }


def test_it_has_a_whole_processor_and_time_for_a_run_and_its_process() -> None:
    assert (functions()[NAME]["MemorySize"], functions()[NAME]["Timeout"]) == (1769, 40)


def test_it_stands_in_the_network_of_its_own_in_two_zones() -> None:
    network = functions()[NAME]["VpcConfig"]
    assert {text(it) for it in network["SubnetIds"]} == {
        "<SandboxNetwork.Outputs.FirstSubnet>",
        "<SandboxNetwork.Outputs.SecondSubnet>",
    }
    assert [text(it) for it in network["SecurityGroupIds"]] == ["<SandboxNetwork.Outputs.SecurityGroup>"]
    zones = [it["AvailabilityZone"]["Fn::Select"][0] for it in resources(NETWORK, "AWS::EC2::Subnet").values()]
    assert sorted(zones) == [0, 1]
    assert not [name for name, properties in functions().items() if "VpcConfig" in properties and name != NAME]


def test_the_network_has_no_way_out() -> None:
    assert {it["Type"] for it in NETWORK["Resources"].values()} == TYPES
    (network,) = resources(NETWORK, "AWS::EC2::VPC").values()
    assert (network["EnableDnsSupport"], network["EnableDnsHostnames"]) == (False, False)  # no filter holds back a question
    for subnet in resources(NETWORK, "AWS::EC2::Subnet").values():
        assert subnet["MapPublicIpOnLaunch"] is False


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("AWS::EC2::SubnetRouteTableAssociation", ("RouteTableId", "<Routes>")),
        ("AWS::EC2::SubnetNetworkAclAssociation", ("NetworkAclId", "<NothingPasses>")),
    ],
)
def test_both_subnets_have_the_table_without_routes_and_the_list_without_entries(kind: str, of: tuple[str, str]) -> None:
    key, value = of
    found = list(resources(NETWORK, kind).values())
    assert {text(it["SubnetId"]) for it in found} == SUBNETS
    assert {text(it[key]) for it in found} == {value}


def test_the_security_group_lets_nothing_in_and_nothing_out() -> None:
    """A group without a rule for egress would allow everything."""
    (group,) = resources(NETWORK, "AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group
    (rule,) = group["SecurityGroupEgress"]
    assert (rule["IpProtocol"], rule["CidrIp"]) == ("-1", "127.0.0.1/32")


def test_its_role_has_lambdas_rights_and_its_log_and_its_code_has_none_of_the_first() -> None:
    own = [it for it in statements(nested("Roles")) if it.role == role_of()[NAME]]
    log = f"arn:aws:logs:region:account:log-group:/aws/lambda/stack-{NAME}:*"
    assert own == [
        Statement(role_of()[NAME], "JoinTheNetwork", frozenset(LAMBDA_JOINS_A_NETWORK), (INTERFACES,)),
        Statement(role_of()[NAME], "LookAtTheNetwork", frozenset(LAMBDA_LOOKS_AT_A_NETWORK), ("*",)),
        Statement(role_of()[NAME], "Logs", frozenset(LOGS), (log,)),
    ]
    (policy,) = resources(nested("Roles"), "AWS::IAM::Role")[role_of()[NAME]]["Policies"]
    (denied,) = [it for it in policy["PolicyDocument"]["Statement"] if it["Effect"] == "Deny"]
    assert (denied["Action"], denied["Resource"]) == ("ec2:*", "*")
    (condition,) = denied["Condition"]["ArnEquals"].items()
    # Lambda names the function there without version and alias:
    # docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    assert (condition[0], text(condition[1])) == (
        "lambda:SourceFunctionArn",
        f"arn:aws:lambda:region:account:function:stack-{NAME}",
    )
