"""A section of samconfig.toml, as `sam deploy` reads it: the stack, its parameters, and AWS's clients for it."""

import argparse
import os
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.exceptions import BotoCoreError

ROOT = Path(__file__).resolve().parents[1]

Clients = Callable[[str], Any]


class NotConfigured(Exception):
    """A configuration does not say what it should; the message says why."""


def parser_of(tool: str, description: str | None, section: str = "default") -> argparse.ArgumentParser:
    """The options by which every tool finds the section: --stack, --config-file, --config-env."""
    parser = argparse.ArgumentParser(prog=f"python -m {tool}", description=(description or "").splitlines()[0])
    parser.add_argument("--stack", help="the stack's name; else what the configuration says")
    parser.add_argument("--config-file", type=Path, default=ROOT / "samconfig.toml", help="of `sam deploy`")
    parser.add_argument("--config-env", default=section, help="section of the configuration")
    return parser


def configured(path: Path, section: str) -> dict[str, str]:
    """Read a section: stack_name, region, profile, parameter_overrides. Raises `NotConfigured`."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))[section]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise NotConfigured(f"{path} does not say what {section} deploys: {error}") from error
    general = sections.get("global", {}).get("parameters", {})
    return {**general, **sections.get("deploy", {}).get("parameters", {})}


def overrides(text: str) -> dict[str, str]:
    """The parameters in the text of `parameter_overrides`."""
    return dict(pair.split("=", 1) for pair in shlex.split(text) if "=" in pair)


def clients_of(profile: str | None, region: str | None) -> Clients:
    """Clients with the person's own credentials. Raises `NotConfigured` for an unknown profile.

    Without a region `AWS_REGION` counts, as for version 2 of the AWS CLI. The SDK for Python reads AWS_DEFAULT_REGION alone.
    """
    try:
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    except BotoCoreError as error:
        raise NotConfigured(str(error)) from error
    return cast("Clients", session.client)
