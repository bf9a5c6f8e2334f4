"""Which stack a command is about: the embedded cloud of this checkout, or one in an AWS account; and who asks.

One path for both: the same calls with another address and other credentials.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast_cli import checkout
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals, require_extra
from candlecast_cli.printing import warn

if TYPE_CHECKING:
    from candlecast.adapters.dynamodb.single_table.table import Table

DEFAULT_INSTANCE = "up"
GENERATION = "TableGeneration"  # parameter of the stack; a stack from before it has none
REGION = "AWS_REGION"  # as version 2 of the AWS CLI reads it, before a profile; the SDK for Python reads AWS_DEFAULT_REGION alone
ENDPOINT = "AWS_ENDPOINT_URL"  # the SDK's own name of an address that all services answer at
MODULES = ("boto3", "pydantic", "pynamodb")  # of the extra `aws`

Instance = Annotated[str, typer.Option("--name", envvar="CANDLECAST_NAME", help="Which embedded cloud of this checkout.")]
StackName = Annotated[str | None, typer.Option("--stack", help="A stack in an AWS account instead, with your own credentials.")]
Profile = Annotated[str | None, typer.Option("--profile", help="Profile of your AWS configuration, for --stack.")]
Region = Annotated[str | None, typer.Option("--region", help="The stack's region, if the profile does not say it.")]


@dataclass(frozen=True)
class Where:
    """The stack that a command is about; each field is an option of the command."""

    name: Instance = DEFAULT_INSTANCE
    stack: StackName = None
    profile: Profile = None
    region: Region = None

    def command(self, *words: str) -> str:
        """The line that runs a command on the same stack. A line without the options would change another stack."""
        named = {"--name": self.name if self.name != DEFAULT_INSTANCE else None, "--stack": self.stack}
        named |= {"--profile": self.profile, "--region": self.region}
        return shlex.join(["candlecast", *words, *(word for name, value in named.items() if value for word in (name, value))])


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Where` instead of its parameter `where`, behind its own options."""
    return spread(command, "where", Where)


def spread(command: Callable[..., None], parameter: str, values: type[Any]) -> Callable[..., None]:
    """The command with the fields of a dataclass as options, instead of one parameter that takes the dataclass."""
    naming = signature(values, eval_str=True).parameters
    own = [it for it in signature(command, eval_str=True).parameters.values() if it.name != parameter]

    @wraps(command)
    def with_options(**given: Any) -> None:
        command(**{parameter: values(**{name: given.pop(name) for name in naming})}, **given)

    with_options.__signature__ = Signature([*own, *naming.values()])  # type: ignore[attr-defined]
    return with_options


@dataclass(frozen=True)
class Stack:
    """A deployed stack of Candlecast. `session` holds the credentials, `endpoint` the embedded cloud's address."""

    name: str
    session: Any = field(repr=False)
    endpoint: str | None = None

    def client(self, service: str, **more: Any) -> Any:
        """A client of one of AWS's services."""
        return self.session.client(service, endpoint_url=self.endpoint, **more)

    def functions(self, seconds: float) -> Any:
        """A client of Lambda that waits so long for an answer and never asks again by itself: the function may be at it still."""
        from botocore.config import Config

        config = Config(read_timeout=seconds, retries={"total_max_attempts": 1, "mode": "standard"})
        return self.client("lambda", config=config)

    @cached_property
    def _described(self) -> dict[str, Any]:
        with aws_refusals():
            found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return found

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters that the stack was deployed with."""
        return {it["ParameterKey"]: it.get("ParameterValue", "") for it in self._described.get("Parameters", [])}

    @property
    def generation(self) -> int:
        """The generation of the stack's table, which each restore raises (decision 0093)."""
        return int(self.parameters.get(GENERATION) or 1)

    def output(self, name: str) -> str:
        """One of the stack's outputs. Raises NOT_CANDLECAST for a stack that has not got it."""
        for item in self._described.get("Outputs", []):
            if item["OutputKey"] == name:
                return str(item["OutputValue"])
        raise CommandFailed("NOT_CANDLECAST", f"the stack {self.name} has no output {name}: is it one of Candlecast?")

    @cached_property
    def identity(self) -> str:
        """Who asks, as audits name it: `cli:` and the ARN of the IAM identity."""
        with aws_refusals():
            return f"cli:{self.client('sts').get_caller_identity()['Arn']}"

    def table(self, name: str | None = None, generation: int | None = None) -> Table:
        """The stack's table, or the one of that name and generation, read and written as the product itself does."""
        from candlecast.adapters.dynamodb.single_table.table import Table

        name = name or self.output("TableName")
        with aws_refusals():
            self._enter_environment()
            return Table(name, generation=generation or self.generation, region=self.session.region_name)

    def _enter_environment(self) -> None:
        """Let the product's adapters find region, endpoint and credentials where a function finds them."""
        found = self.session.get_credentials()
        if found is None:
            raise CommandFailed("AWS_CREDENTIALS", "no credentials were found: name a profile by --profile, or set AWS_PROFILE")
        frozen = found.get_frozen_credentials()
        named = {
            "AWS_DEFAULT_REGION": self.session.region_name,
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
            "AWS_SESSION_TOKEN": frozen.token,
        }
        if self.endpoint is not None:
            named[ENDPOINT] = self.endpoint
        for name in ("AWS_PROFILE", *named):
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in named.items() if value})


def scan(stack: Stack, table: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """The items of a table that a filter lets through. No index lists them all, so this reads the table from end to end."""
    for page in stack.client("dynamodb").get_paginator("scan").paginate(TableName=table, **asked):
        yield from page["Items"]


def connect(where: Where) -> Stack:
    """The stack that is meant: in the caller's AWS account if one is named, else the embedded cloud of that name."""
    if where.stack is None:
        if where.profile or where.region:
            raise CommandFailed("USAGE", "--profile and --region belong to --stack", ExitCode.USAGE)
        return _local(where.name)
    require_extra("aws", *MODULES)
    import boto3

    with aws_refusals():
        session = boto3.Session(profile_name=where.profile, region_name=where.region or os.environ.get(REGION))
    if session.region_name is None:
        raise CommandFailed(REGION, f"no region is known: name one by --region, or set {REGION}", ExitCode.USAGE)
    if elsewhere := os.environ.get(ENDPOINT):
        warn(f"{ENDPOINT} is set: {where.stack} is looked for at {elsewhere}, not at AWS's own address")
    return Stack(where.stack, session)


def _local(name: str) -> Stack:
    checkout.enter("; or name a stack in an AWS account by --stack")
    import boto3

    from infra.local import deployment
    from infra.local.cloud import Cloud

    environment = Cloud.attach(name).environment
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], region_name=environment["AWS_DEFAULT_REGION"]
    )
    return Stack(deployment.STACK, session, environment["AWS_ENDPOINT_URL"])
