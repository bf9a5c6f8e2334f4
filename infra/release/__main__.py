"""`python -m infra.release plan`, then `apply`: what `make release` and the pipeline do.

`plan` makes a change set of a build and shows it. `apply` executes the very change set that was shown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.domain.account.deployment_pause import DEPLOYMENT_ID
from infra.release.deployment import Call, Deployment
from infra.release.plan import CannotPlan, Plan, Run, Source, make_plan, shown
from infra.samconfig import ROOT, Clients, NotConfigured, clients_of, configured, parser_of

TOOLS = Path(sys.executable).parent
SAM = ROOT / ".venvs" / "sam" / "bin" / "sam"
PLAN, REPORT = ROOT / "build" / "release" / "plan.json", ROOT / "build" / "release" / "report.json"
DONE, FAILED, REFUSED, LOSES_DATA = 0, 1, 3, 4


def main(
    arguments: Sequence[str] | None = None, run: Run | None = None, call: Call | None = None, clients: Clients | None = None
) -> int:
    """Plan or apply: 0, 1 if a step failed, 3 if AWS, SAM or a file said no, 4 if the plan would lose data."""
    options = parsed(arguments)
    try:
        known = configured(options.config_file, options.config_env)
        made = clients or clients_of(known.get("profile"), known.get("region"))
        if options.command == "plan":
            return _plan(options, known.get("stack_name", ""), run or printed, made)
        return _apply(options, call or partial(run_aloud, account_of(known)), made)
    except (BotoCoreError, ClientError, NotConfigured, CannotPlan) as error:
        sys.stderr.write(f"release: REFUSED: {error}\n")
        return REFUSED


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_of("infra.release", __doc__, section="dev")
    parser.add_argument("command", choices=("plan", "apply"))
    parser.add_argument("--template", type=Path, default=ROOT / "build" / "sam" / "template.yaml", help="of `sam build`")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="instead of the configuration's")
    parser.add_argument("--plan", type=Path, default=PLAN, help="the plan's file")
    parser.add_argument("--report", type=Path, default=REPORT, help="the report's file")
    parser.add_argument("--summary", type=Path, help="a file to which Markdown for people is added")
    parser.add_argument("--identity", help="names the pause and the report; else the commit that is checked out")
    parser.add_argument("--pause", action=argparse.BooleanOptionalAction, default=True, help="entries, while the stack changes")
    parser.add_argument("--hop-seconds", type=float, default=60.0, help="that a hop of the trial may take")
    parser.add_argument("--accept-loss", action="store_true", help="of data, which a person has read and wants")
    options = parser.parse_args(arguments)
    if any("=" not in pair for pair in options.parameter):
        parser.error("--parameter is NAME=VALUE")
    if options.identity is not None and not DEPLOYMENT_ID.fullmatch(options.identity):
        parser.error("--identity is 1 to 100 letters, digits, dots, underscores and dashes")
    return options


def _plan(options: argparse.Namespace, configured_stack: str, run: Run, clients: Clients) -> int:
    stack = options.stack or configured_stack
    changed = dict(pair.split("=", 1) for pair in options.parameter)
    source = Source(options.template, options.config_file, options.config_env, stack, changed)
    plan = make_plan(source, SAM, run, clients("cloudformation"), clients("s3"))
    plan.write(options.plan)
    tell(shown(plan), options.summary)
    if plan.losses and not options.accept_loss:
        sys.stderr.write("release: LOSES_DATA: read the plan; --accept-loss if it is wanted\n")
        return LOSES_DATA
    return DONE


def _apply(options: argparse.Namespace, call: Call, clients: Clients) -> int:
    plan = Plan.read(options.plan)
    if options.stack not in (None, plan.stack):
        raise CannotPlan(f"the plan is for {plan.stack}")
    if plan.losses and not options.accept_loss:
        raise CannotPlan("the plan would lose data")
    identity = options.identity or commit()
    trial = ("--hop-seconds", f"{options.hop_seconds:g}")
    section = ("--config-file", str(options.config_file), "--config-env", options.config_env)
    deployment = Deployment(plan, identity, options.pause, clients("cloudformation"), clients("s3"), call, TOOLS, section, trial)
    try:
        passed = deployment()
    finally:
        deployment.report(options.report)
        tell(deployment.shown(), options.summary)
    return DONE if passed else FAILED


def commit() -> str:
    """The commit that is checked out. Raises `CannotPlan` without git."""
    try:
        words = ["git", "rev-parse", "HEAD"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotPlan("git does not say what is checked out: give --identity") from error


def tell(text: str, summary: Path | None) -> None:
    sys.stdout.write(text)
    if summary is not None:
        with summary.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def printed(command: Sequence[str | Path]) -> str:
    """Run a tool and return its output. Raises `CannotPlan` with the tool's last words."""
    process = subprocess.run([str(word) for word in command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if process.returncode:
        raise CannotPlan(f"{Path(command[0]).name} {command[1]} failed: {process.stdout.strip()[-1_000:]}")
    return process.stdout


def account_of(known: Mapping[str, str]) -> dict[str, str]:
    """The profile and the region of a configuration as every tool of AWS reads them."""
    named = {"AWS_PROFILE": known.get("profile"), "AWS_REGION": known.get("region"), "AWS_DEFAULT_REGION": known.get("region")}
    return {name: value for name, value in named.items() if value}


def run_aloud(account: Mapping[str, str], command: Sequence[str | Path]) -> int:
    environment = {**os.environ, **account}
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
