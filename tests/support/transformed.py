"""The template as CloudFormation gets it: the root after SAM's transform, and the nested stacks beside it.

Offline: local folders stand in for uploaded code, and no managed policy is looked up. Tests see plain dictionaries in
CloudFormation's long form (`{"Fn::Sub": ...}`). `text` turns a dictionary into a string with the stack called `stack`, so that
names and ARNs of different files can be compared.
"""

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the translator's own imports
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
NESTED = {
    "Roles": "roles.yaml",
    "SandboxNetwork": "sandbox-network.yaml",
    "Schedules": "schedules.yaml",
    "Identity": "identity.yaml",
    "Alarms": "alarms.yaml",
    "FunctionAlarms": "function-alarms.yaml",
    "Dashboards": "observability.yaml",
}
PSEUDO = {"AWS::StackName": "stack", "AWS::Partition": "aws", "AWS::Region": "region", "AWS::AccountId": "account"}

type Template = dict[str, Any]
type Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One allowing statement of one role, in the long form: lists everywhere.

    `keys` are the patterns of partition keys that the statement is limited to, `but` those that it leaves out again.
    """

    role: str
    sid: str
    actions: frozenset[str]
    resources: tuple[str, ...]
    keys: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()


class NoManagedPolicies:
    """The transform's source for ARNs of AWS's policies; no policy is used, so no policy is known."""

    def load(self) -> dict[str, str]:
        return {}


def source(path: Path) -> Template:
    """A template as it is written, short forms expanded; a copy of the caller's own."""
    return deepcopy(_parsed(path))


@cache
def _parsed(path: Path) -> Template:
    template: Template = yaml_parse(path.read_text())
    return template


@cache
def mounted_layers() -> Mapping[str, frozenset[str]]:
    """Logical id of each function in the root -> the folders under layers/ that the function mounts."""
    template = source(ROOT / "template.yaml")
    folders = {
        name: properties["ContentUri"].strip("./").removeprefix("layers/")
        for name, properties in resources(template, "AWS::Serverless::LayerVersion").items()
    }
    everywhere = template["Globals"]["Function"].get("Layers", [])
    return {
        name: frozenset(folders[layer["Ref"]] for layer in [*everywhere, *properties.get("Layers", [])] if "Ref" in layer)
        for name, properties in resources(template, "AWS::Serverless::Function").items()
    }


@cache
def root() -> Template:
    """The root template after the transform. Shared: do not change it."""
    return translated(source(ROOT / "template.yaml"), {})


@cache
def gradual_root() -> Template:
    """The root template after the transform, with a gradual release of API and intake. Shared: do not change it."""
    return translated(source(ROOT / "template.yaml"), {"CanaryDeployment": "true"})


def translated(template: Template, parameters: Mapping[str, str]) -> Template:
    """A root template, as `source` reads it, after the transform with these parameters; `template` is used up."""
    for resource in template["Resources"].values():
        for key in ("CodeUri", "ContentUri"):
            if key in resource["Properties"]:
                resource["Properties"][key] = "s3://bucket/key"
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"  # the transform refuses to run without one
    try:
        result: Template = transform(template, dict(parameters), NoManagedPolicies())
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before
    return result


@cache
def nested(stack: str) -> Template:
    """The template of a nested stack by its logical id in the root. Shared: do not change it."""
    return source(INFRA / NESTED[stack])


def resources(template: Template, kind: str) -> dict[str, Resource]:
    """Properties of every resource of a CloudFormation type, by logical id."""
    return {key: value["Properties"] for key, value in template["Resources"].items() if value["Type"] == kind}


def every_template() -> Iterator[tuple[str, Template]]:
    """The transformed root and every nested stack, with their names."""
    yield "root", root()
    for stack in NESTED:
        yield stack, nested(stack)


def text(value: Any) -> str:
    """`value` as one comparable string: pseudo parameters filled in, other references as `<name>` or `<name.attribute>`."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        raise AssertionError(f"not a string or an intrinsic: {value!r}")
    ((function, argument),) = value.items()
    match function:
        case "Ref":
            return _name(argument)
        case "Fn::GetAtt":
            return _name(argument if isinstance(argument, str) else ".".join(argument))
        case "Fn::Sub" if isinstance(argument, str):
            return re.sub(r"\$\{([^!}][^}]*)\}", lambda match: _name(match[1]), argument)
    raise AssertionError(f"not a string: {value!r}")


def _name(reference: str) -> str:
    if reference == "Prefix":  # the nested stacks' name for the root's stack name
        return PSEUDO["AWS::StackName"]
    return PSEUDO.get(reference, f"<{reference}>")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def function_name(properties: Resource) -> str:
    """Name of a function without the stack's: `order_executor`."""
    return text(properties["FunctionName"]).removeprefix("stack-")


@cache
def functions() -> dict[str, Resource]:
    """Properties of every function after the transform, by its name without the stack's."""
    return {function_name(it): it for it in resources(root(), "AWS::Lambda::Function").values()}


def queue_name(properties: Resource) -> str:
    return text(properties["QueueName"]).removeprefix("stack-")


def queue_arn(name: str) -> str:
    """ARN as `text` shows it."""
    return f"arn:aws:sqs:region:account:stack-{name}"


@cache
def role_of() -> dict[str, str]:
    """Logical id in the Roles stack of the role that each function runs under."""
    found = {}
    for name, properties in functions().items():
        output = text(properties["Role"]).removeprefix("<Roles.Outputs.").removesuffix(">")
        found[name] = text(nested("Roles")["Outputs"][output]["Value"]).removeprefix("<").removesuffix(".Arn>")
    return found


def statements(template: Template) -> Iterator[Statement]:
    """Every statement of every role and managed policy of a template; a managed policy counts under its own name."""
    for role, properties in resources(template, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            yield from _statements(role, policy["PolicyDocument"])
    for name, properties in resources(template, "AWS::IAM::ManagedPolicy").items():
        yield from _statements(name, properties["PolicyDocument"])


def _statements(role: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        actions = frozenset(as_list(statement["Action"]))
        reached = tuple(text(it) for it in as_list(statement["Resource"]))
        keys, but = (_leading_keys(statement, operator) for operator in ("StringLike", "StringNotLike"))
        yield Statement(role, statement["Sid"], actions, reached, keys, but)


def _leading_keys(statement: Mapping[str, Any], operator: str) -> frozenset[str]:
    condition = statement.get("Condition", {}).get(f"ForAllValues:{operator}", {})
    return frozenset(as_list(condition.get("dynamodb:LeadingKeys", [])))


def allowed(function: str, action: str) -> set[str]:
    """Resources on which a function's own role allows an action."""
    role = role_of()[function]
    return {
        resource
        for statement in statements(nested("Roles"))
        if statement.role == role and action in statement.actions
        for resource in statement.resources
    }
