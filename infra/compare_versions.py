"""Compares the alias `live` of each function with the last deployment: the end of `make deploy`.

CloudFormation says success once the functions are updated. Callers reach the version behind `live`, so a version that was not
made leaves them on old values. The comparison fails on every difference: a parameter that reached no version, an alias that
somebody moved, a change made by hand.

Reads only (`cloudformation:ListStackResources`, `lambda:GetAlias`, `lambda:GetFunctionConfiguration`), and shows no value of an
environment variable but of those that the stack's parameters make.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.samconfig import Clients, NotConfigured, clients_of, configured, parser_of

ALIAS = "live"
LATEST = "$LATEST"
FUNCTION, STACK = "AWS::Lambda::Function", "AWS::CloudFormation::Stack"

# The settings that a version copies from its function. Left out are settings that differ by nature (version, ARN, description,
# revision, times, states) and the runtime's build, which AWS itself moves.
SETTINGS = (
    "Architectures",
    "CodeSha256",
    "DeadLetterConfig",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfigResponse",
    "KMSKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
)
# Environment variables that are made of the stack's parameters and hold no secret; of all others only the name is shown.
SHOWN_VARIABLES = frozenset(
    {
        "EGRESS_ADDRESS",
        "AWS_LAMBDA_EXEC_WRAPPER",
        "ENVIRONMENT",
        "MAX_CANDLE_LATENESS_SECONDS",
        "OPERATORS_TO_LIFT",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "POWERTOOLS_LOG_LEVEL",
        "ROLES_CLAIM",
        "TABLE_GENERATION",
        "TABLE_NAME",
        "TENANT_CLAIM",
        "VENUES",
    }
)
ABSENT, HIDDEN = "-", "(not shown)"
LONGEST_CELL = 60  # characters of a value in the table; two of them fit a wide terminal
OTHER_ERROR, DIFFERENT, SAME = 2, 1, 0


class CannotCompare(Exception):
    """The comparison could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of one function that is not the same behind the alias and in $LATEST."""

    function: str
    setting: str
    live: str
    latest: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The stack's functions with the version behind each function's alias (None without an alias), and the differences."""

    versions: Mapping[str, str | None]
    differences: tuple[Difference, ...]


def compare_live(client: Clients, stack: str) -> Comparison:
    """Compare `live` with $LATEST for every function of the stack and of the stacks in it.

    `client` makes a client of an AWS service by its name. Raises CannotCompare for a stack that is not there or has no function,
    and when AWS refuses an answer.
    """
    try:
        functions = sorted(_functions(client("cloudformation"), stack))
        if not functions:
            raise CannotCompare(f"the stack {stack} has no function")
        return _compared(client("lambda"), functions)
    except (BotoCoreError, ClientError) as error:
        raise CannotCompare(f"{stack}: {error}") from error


def _functions(cloudformation: Any, stack: str) -> Iterator[str]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            name = resource.get("PhysicalResourceId")  # none if its creation failed
            if name and resource["ResourceType"] == FUNCTION:
                yield name
            elif name and resource["ResourceType"] == STACK:
                yield from _functions(cloudformation, name)


def _compared(functions: Any, names: Sequence[str]) -> Comparison:
    versions: dict[str, str | None] = {}
    differences: list[Difference] = []
    for name in names:
        alias = _alias(functions, name)
        versions[name] = alias["FunctionVersion"] if alias else None
        if alias is None:
            differences.append(Difference(name, f"alias {ALIAS}", ABSENT, LATEST))
            continue
        live = functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
        latest = functions.get_function_configuration(FunctionName=name)
        _require_readable(name, live, latest)
        found, expected = _settings(live), _settings(latest)
        if weights := (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            found["traffic to other versions"] = ", ".join(f"{version}: {weight}" for version, weight in weights.items())
        for setting in sorted(found.keys() | expected.keys()):
            one, other = found.get(setting, ABSENT), expected.get(setting, ABSENT)
            if one != other:
                differences.append(Difference(name, setting, *_shown(setting, one, other)))
    return Comparison(versions, tuple(differences))


def _alias(functions: Any, name: str) -> Any:
    try:
        return functions.get_alias(FunctionName=name, Name=ALIAS)
    except functions.exceptions.ResourceNotFoundException:
        return None


def _require_readable(name: str, *configurations: Mapping[str, Any]) -> None:
    """Raise CannotCompare if Lambda shows no variables: to somebody who may not decrypt them, all would look the same.

    https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
    """
    for configuration in configurations:
        if error := (configuration.get("Environment") or {}).get("Error"):
            raise CannotCompare(f"{name}: its environment variables cannot be read: {error.get('ErrorCode', 'unknown')}")


def _settings(configuration: Mapping[str, Any]) -> dict[str, str]:
    """The settings that a version copies, by name and as text; each environment variable by itself."""
    found = {name: str(configuration[name]) for name in SETTINGS if configuration.get(name)}
    found["Layers"] = ", ".join(layer["Arn"].rpartition("layer:")[2] for layer in configuration.get("Layers") or ())
    found["SnapStart"] = (configuration.get("SnapStart") or {}).get("ApplyOn", "None")
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    return found | {f"environment {name}": value for name, value in variables.items()}


def _shown(setting: str, live: str, latest: str) -> tuple[str, str]:
    """The parts of two different values that may be shown; a long value is cut in front of their first difference."""
    kind, _, variable = setting.partition(" ")
    if kind == "environment" and variable not in SHOWN_VARIABLES:
        return (ABSENT if live == ABSENT else HIDDEN), (ABSENT if latest == ABSENT else HIDDEN)
    same = next((at for at, (one, other) in enumerate(zip(live, latest, strict=False)) if one != other), 0)
    start = max(0, same - LONGEST_CELL // 3) if max(len(live), len(latest)) > LONGEST_CELL else 0
    return _cut(live, start), _cut(latest, start)


def _cut(value: str, start: int) -> str:
    end = start + LONGEST_CELL
    return f"{'...' if start else ''}{value[start:end]}{'...' if value[end:] else ''}"


def table(differences: Sequence[Difference]) -> str:
    """The differences as text in columns."""
    rows = [("function", "setting", ALIAS, LATEST)]
    rows += [(it.function, it.setting, it.live, it.latest) for it in differences]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and tell: 0 when all is the same, 1 with a table when something differs, 2 when it could not be compared."""
    parser = parser_of("infra.compare_versions", __doc__)
    parser.add_argument("--region", help="else what the configuration says, else your AWS configuration")
    parser.add_argument("--profile", help="of your AWS configuration; else what the configuration says")
    options = parser.parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
        stack = options.stack or known.get("stack_name")
        if not stack:
            raise NotConfigured(f"{options.config_file} names no stack: say --stack NAME")
        clients = clients_of(options.profile or known.get("profile"), options.region or known.get("region"))
        found = compare_live(clients, stack)
        where = f"{stack} in {clients('lambda').meta.region_name}"  # `sam deploy --guided` may have been told another region
    except (CannotCompare, NotConfigured) as error:
        sys.stderr.write(f"compare_versions: {error}\n")
        return OTHER_ERROR
    if found.differences:
        sys.stderr.write(f"{table(found.differences)}\n\n{where}: {ALIAS} is not what was deployed. See docs/guides/deploy.md.\n")
        return DIFFERENT
    sys.stdout.write(f"{where}: {ALIAS} of all {len(found.versions)} functions is what was deployed.\n")
    return SAME


if __name__ == "__main__":
    sys.exit(main())
