"""`candlecast build`: the artifacts of a deployment, from the checkout."""

from __future__ import annotations

from typing import Annotated

import typer

from candlecast_cli import checkout
from candlecast_cli.failures import unknown
from candlecast_cli.printing import Steps, examples, say

ARCHITECTURES = ("arm64", "x86_64")
EXAMPLES = examples("candlecast build", "candlecast build --architecture arm64")


def _architecture(name: str | None) -> str | None:
    if name is not None and name not in ARCHITECTURES:
        raise unknown("ARCHITECTURE", name, list(ARCHITECTURES))
    return name


def build(
    architecture: Annotated[
        str | None, typer.Option(callback=_architecture, help="arm64 or x86_64; without it, this machine's.", metavar="NAME")
    ] = None,
) -> None:
    """Run `sam build` of the checkout; skipped when nothing has changed."""
    checkout.enter()
    from infra.local import deployment
    from infra.local.project import ROOT

    checkout.prepare(ROOT, "dev", "sam")
    with Steps() as steps:
        digest = deployment.build(steps.step, architecture)
    say(f"built {digest}")
