"""A changed parameter reaches the alias: a function's version changes exactly with the values that the function has.

Exactly, because both ways are wrong. Without a new version `live` keeps the old values while CloudFormation says success
(github.com/aws/serverless-application-model/issues/3820). A new version of an unchanged function is refused, which fails the
whole deployment (github.com/aws/serverless-application-model/issues/3281).
"""

import copy
import itertools
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from infra.compare_versions import SHOWN_VARIABLES
from tests.support.deployed import Deployment, deployment, written_root
from tests.support.transformed import resources, root
from tests.template.test_template_functions import SHAPE, TRACED, logical_id

pytestmark = pytest.mark.slow

PARAMETERS = written_root()["Parameters"]
EVERY = frozenset(SHAPE)
ASKING_VENUES = frozenset(
    {
        "strategy_runner",
        "strategy_validator",
        "parity_checker",
        "backtest_runner",
        "signal_fanout",
        "order_executor",
        "order_reconciler",
        "key_vetting",
        "health_probe",
    }
)
WITH_TABLE = EVERY - {"market_catalogue", "paper_exchange", "dlq_redrive", "strategy_sandbox"}
KNOWING_VENUES = ASKING_VENUES | {"api", "market_catalogue"}

# Of each parameter another value than its default, and the functions that read it.
CHANGES: dict[str, tuple[str, frozenset[str]]] = {
    "Environment": ("prod", EVERY),
    "Architecture": ("arm64", EVERY),
    "LogLevel": ("DEBUG", EVERY),
    "PaperExchange": ("disabled", KNOWING_VENUES),
    "PaperExchangeBaseUrl": ("https://paper.example.com", KNOWING_VENUES),
    "EgressAddress": ("nat-2", ASKING_VENUES),
    "OpenTelemetryLayer": ("123456789012:layer:telemetry:1", frozenset(TRACED)),
    "MaxCandleLatenessSeconds": ("600", frozenset({"strategy_runner"})),
    "TenantClaim": ("custom:tenant", frozenset({"api"})),
    "RolesClaim": ("custom:roles", frozenset({"api"})),
    "OperatorsToLift": ("1", frozenset({"api"})),
    "TableGeneration": ("2", WITH_TABLE),
    "AdoptedStreamArn": ("arn:aws:dynamodb:eu-west-1:000000000000:table/stack-state-2/stream/1", frozenset()),
    "OidcIssuer": ("https://issuer.example.com", frozenset()),
    "OidcAudience": ("candlecast", frozenset()),
    "LogRetentionDays": ("90", frozenset()),
    "ArchiveDays": ("365", frozenset()),
    "ArchiveTransitionDays": ("30", frozenset()),
    "WebhookRateLimit": ("50", frozenset()),
    "WebhookBurstLimit": ("60", frozenset()),
    "SchedulesState": ("DISABLED", frozenset()),
    "CanaryDeployment": ("true", frozenset()),
    "AlarmEmail": ("alarms@example.com", frozenset()),
    "StrategyConcurrency": ("10", frozenset()),
    "UploadedStrategyConcurrency": ("10", frozenset()),
    "FanoutConcurrency": ("10", frozenset()),
    "ExecutorConcurrency": ("10", frozenset()),
    "ReconcilerConcurrency": ("10", frozenset()),
    "VettingConcurrency": ("10", frozenset()),
    "BacktestConcurrency": ("10", frozenset()),
    "ParityConcurrency": ("10", frozenset()),
    "ReservedConcurrency": ("enabled", frozenset()),
    "ReconcilerReservation": ("50", frozenset()),
    "ApiConcurrency": ("10", frozenset()),
    "IntakeConcurrency": ("10", frozenset()),
    "SandboxConcurrency": ("10", frozenset()),
    "PaperExchangeConcurrency": ("10", frozenset()),
}
PAIRS = list(itertools.product(CHANGES, SHAPE))

# Attributes that a description may name beside parameters, and the longest value of each: `https://`, ten characters,
# `.execute-api.`, the longest region (ap-southeast-1) and China's `.amazonaws.com.cn`.
LONGEST_ATTRIBUTES = {"PaperHttpApi.ApiEndpoint": 8 + 10 + 13 + 14 + 17}
LONGEST_DESCRIPTION = 256  # of a version (docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html)

# The properties that cannot change in place of everything that a function names (its queues, tables, role ...). In a function's
# text stands the logical id alone, so a replacement behind it would not reach the alias. A change of such a property therefore
# needs another logical id, which is another text and a new version.
FIXED: dict[str, dict[str, Any]] = {
    **{
        f"root.{key}": {"QueueName": f"stack-{name}"}
        for key, name in {
            "CandleQueue": "candle",
            "CandleDeadLetters": "candle-dead-letters",
            "UploadedCandleQueue": "uploaded-candle",
            "UploadedCandleDeadLetters": "uploaded-candle-dead-letters",
            "SignalQueue": "signal",
            "ParityQueue": "parity",
            "ParityDeadLetters": "parity-dead-letters",
            "SignalDeadLetters": "signal-dead-letters",
            "ReconcileQueue": "reconcile",
            "AwaitedLookQueue": "awaited-look",
            "ReconcileDeadLetters": "reconcile-dead-letters",
            "VettingQueue": "vetting",
            "VettingDeadLetters": "vetting-dead-letters",
            "BacktestQueue": "backtest",
            "BacktestDeadLetters": "backtest-dead-letters",
            "OutboxDeadLetters": "outbox-dead-letters",
            "ScheduleDeadLetters": "schedule-dead-letters",
        }.items()
    },
    "root.TradeQueue": {"FifoQueue": True, "QueueName": "stack-trade.fifo"},
    "root.TradeDeadLetters": {"FifoQueue": True, "QueueName": "stack-trade-dead-letters.fifo"},
    "root.Table": {
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    },
    "root.PaperTable": {
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    },
    "root.MarketsBucket": {},
    "root.ArchiveBucket": {},
    "root.CodeBucket": {},
    "root.ResultsBucket": {},
    "root.EventBus": {"Name": "stack-events"},
    "root.Key": {},
    "root.OperatorSecret": {"Name": "candlecast/stack/operator"},
    "root.CursorSecret": {"Name": "candlecast/stack/cursors"},
    "root.PaperHttpApi": {},
    "root.LiveApi": {"ProtocolType": "WEBSOCKET"},
    **{
        f"SandboxNetwork.{name}Subnet": {
            "AvailabilityZone": f"zone-{zone}",
            "CidrBlock": block,
            "VpcId": "(SandboxNetwork.Network.Ref)",
        }
        for name, zone, block in (("First", "a", "10.0.0.0/26"), ("Second", "b", "10.0.0.64/26"))
    },
    "SandboxNetwork.SecurityGroup": {
        "GroupDescription": "stack sandbox - nothing comes in and nothing goes out",
        "VpcId": "(SandboxNetwork.Network.Ref)",
    },
    **{f"Roles.{logical_id(name).removesuffix('Function')}Role": {} for name in SHAPE},
    **{f"Roles.{logical_id(name).removesuffix('Function')}Logs": {"LogGroupName": f"/aws/lambda/stack-{name}"} for name in SHAPE},
}


@cache
def deployed(**parameters: str) -> Deployment:
    return deployment(parameters)


def new_values(before: Deployment, after: Deployment) -> set[str]:
    """The functions, deployed in both, that have other values after than before."""
    return _different(before.functions(), after.functions())


def new_versions(before: Deployment, after: Deployment) -> set[str]:
    """The functions, deployed in both, whose alias has another version after than before."""
    return _different(before.versions(), after.versions())


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {key for key in before.keys() & after.keys() if before[key] != after[key]}


def logical_ids(names: frozenset[str]) -> set[str]:
    return {logical_id(name) for name in names}


def test_every_parameter_of_the_stack_is_tried() -> None:
    assert CHANGES.keys() == PARAMETERS.keys()
    for name, (value, _) in CHANGES.items():
        declared = PARAMETERS[name]
        assert value != str(declared["Default"])
        assert value in map(str, declared.get("AllowedValues", [value])), name
        assert re.search(declared.get("AllowedPattern", ""), value), name


@pytest.mark.parametrize(("parameter", "function"), PAIRS)
def test_a_version_changes_if_and_only_if_its_function_reads_the_parameter(parameter: str, function: str) -> None:
    value, readers = CHANGES[parameter]
    before, after, name = deployed(), deployed(**{parameter: value}), logical_id(function)
    if parameter == "PaperExchange" and function == "paper_exchange":  # the function itself is gone
        assert name in before.versions().keys() - after.versions().keys()
        return
    reads = function in readers
    assert (name in new_values(before, after)) == reads  # the table above says what the template does
    assert (name in new_versions(before, after)) == reads


def test_the_comparison_after_a_deployment_shows_the_variables_that_parameters_make() -> None:
    """And of no other the value: see infra/compare_versions.py."""
    before = deployed().functions()
    changed = {
        variable
        for parameter, (value, _) in CHANGES.items()
        for key, function in deployed(**{parameter: value}).functions().items()
        for variable, it in function["Environment"]["Variables"].items()
        if it != before[key]["Environment"]["Variables"].get(variable)
    }
    assert changed == SHOWN_VARIABLES


@pytest.mark.parametrize("state", ["disabled", "enabled"])
def test_a_paper_exchange_that_nobody_asks_makes_no_new_version(state: str) -> None:
    """With an address of its own the venue called paper stays what it is, whether the stack deploys an exchange or not."""
    given = {"PaperExchangeBaseUrl": "https://paper.example.com"}
    before, after = deployed(**given), deployed(**given, PaperExchange=state)
    assert new_values(before, after) == new_versions(before, after) == set()


def test_the_same_parameters_make_no_new_version() -> None:
    before, after = deployed(), deployment({})
    assert new_values(before, after) == new_versions(before, after) == set()


def test_an_edit_of_the_venues_makes_a_new_version_of_the_functions_that_know_venues() -> None:
    edited = copy.deepcopy(written_root())
    _replace_text(edited["Resources"], '"binanceusdm":{"ccxt_class":"binanceusdm"', '"usdm":{"ccxt_class":"binanceusdm"')
    before, after = deployed(), deployment({}, edited)
    assert new_values(before, after) == new_versions(before, after) == logical_ids(KNOWING_VENUES)


def test_the_venues_that_an_operator_looks_at_are_those_that_functions_get() -> None:
    for parameters in ({}, {"PaperExchange": "disabled"}, {"PaperExchangeBaseUrl": "https://paper.example.com"}):
        stack = deployed(**parameters)
        shown = stack.properties("Venues")["Value"]
        for name in KNOWING_VENUES:
            assert stack.functions()[logical_id(name)]["Environment"]["Variables"]["VENUES"] == shown


@pytest.mark.parametrize("function", SHAPE)
def test_the_longest_description_of_a_version_is_one_that_lambda_takes(function: str) -> None:
    assert longest(version_of(function)["Properties"]["Description"]) <= LONGEST_DESCRIPTION


@pytest.mark.parametrize("function", SHAPE)
def test_different_values_never_make_the_same_description(function: str) -> None:
    """Values stand apart by a space, and none may hold one."""
    text = version_of(function)["Properties"]["Description"]["Fn::Sub"]
    names = (text if isinstance(text, str) else text[0]).split(" ")
    assert all(re.fullmatch(r"\$\{\w+\}", name) for name in names)
    for name in {name.strip("${}") for name in names} & PARAMETERS.keys():
        declared = PARAMETERS[name]
        values = declared.get("AllowedValues") or ["a b", " ", "a\tb"]
        assert "AllowedValues" not in declared or not any(" " in value for value in values)
        assert "AllowedValues" in declared or not any(re.search(declared["AllowedPattern"], value) for value in values), name


def test_a_replaced_version_and_one_whose_name_changes_are_kept() -> None:
    """Invocations that run on it end in peace, and the alias can be moved back to it."""
    versions = [it for it in root()["Resources"].values() if it["Type"] == "AWS::Lambda::Version"]
    assert len(versions) == len(SHAPE)
    for version in versions:
        assert (version["UpdateReplacePolicy"], version["DeletionPolicy"]) == ("Retain", "Retain")


def test_what_else_is_kept_when_it_is_replaced_harms_nobody() -> None:
    """SAM hands the policy on to all that it makes of a function, and none of it is replaced while names stay (see FIXED)."""
    kept = {it["Type"] for it in root()["Resources"].values() if it.get("UpdateReplacePolicy") == "Retain"}
    assert kept == {
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
    }
    assert all("DeletionPolicy" not in it for it in root()["Resources"].values() if it["Type"] == "AWS::Lambda::Function")


def test_what_a_function_names_is_never_replaced_behind_its_name() -> None:
    named: dict[str, dict[str, Any]] = {}
    for stack in (deployed(), deployed(Environment="prod"), deployed(Environment="local", PaperExchangeBaseUrl="http://paper")):
        for function in stack.functions().values():
            named |= references(function)
    layers = {key for key in named if "Layer" in key}
    assert {key: fixed for key, fixed in named.items() if key not in layers} == FIXED


def references(value: Any) -> dict[str, dict[str, Any]]:
    """The names of other resources in worked-out properties, with the fixed properties of each."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return {key: fixed for it in value for key, fixed in references(it).items()}
    found = re.findall(r"<([\w]+\.\w+)\.[\w.]+ (\{.*?\})>", value) if isinstance(value, str) else []
    return {key: json.loads(fixed) for key, fixed in found}


def version_of(function: str) -> dict[str, Any]:
    (alias,) = (
        it for it in resources(root(), "AWS::Lambda::Alias").values() if it["FunctionName"] == {"Ref": logical_id(function)}
    )
    found: dict[str, Any] = root()["Resources"][alias["FunctionVersion"]["Fn::GetAtt"][0]]
    return found


def longest(written: Any) -> int:
    """The most characters that a value of the template can have; an unbounded parameter in it is an error."""
    if isinstance(written, str):
        return len(written)
    ((function, argument),) = written.items()
    match function, argument:
        case "Ref", str():
            return longest_parameter(argument)
        case "Fn::GetAtt", [*path]:
            return LONGEST_ATTRIBUTES[".".join(path)]
        case "Fn::If", [_, yes, no]:
            return max(longest(yes), longest(no))
        case "Fn::Sub", str():
            return longest({"Fn::Sub": [argument, {}]})
        case "Fn::Sub", [text, names]:
            known = {name: longest(it) for name, it in names.items()}
            places = re.findall(r"\$\{(\w+)\}", text)
            fixed = len(re.sub(r"\$\{\w+\}", "", text))
            return fixed + sum(known[it] if it in known else longest_parameter(it) for it in places)
    raise AssertionError(f"not known how long {written!r} can be")


def longest_parameter(name: str) -> int:
    declared = PARAMETERS[name]
    if "AllowedValues" in declared:
        return max(len(str(it)) for it in declared["AllowedValues"])
    assert declared["Type"] == "String", f"only a String has a greatest length: {name}"
    return int(declared["MaxLength"])


def _replace_text(node: Any, old: str, new: str) -> None:
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, str):
            node[key] = value.replace(old, new)
        elif isinstance(value, dict | list):
            _replace_text(value, old, new)
