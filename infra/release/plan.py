"""The change set of a release: made, shown to people, executed by nobody yet.

`sam deploy` uploads the build and makes the change set. CloudFormation then says resource by resource what an execution would
change. A person reads that before the execution; the plan's file names the one change set that was read.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.release.artifacts import NoArtifacts, stated
from infra.samconfig import configured, overrides

# Holds what cannot be made again: a replacement leaves the data behind, a removal deletes or orphans them.
HOLDS_DATA = frozenset({"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Cognito::UserPool"})
# Holds messages or a secret that is made anew: a replacement is worth a word, and no refusal.
HOLDS_MESSAGES = frozenset({"AWS::SQS::Queue", "AWS::SecretsManager::Secret"})
MAX_PAGES = 100  # a page has at most a hundred changes, a stack five hundred resources
ALWAYS, PERHAPS = "True", "Conditional"
# Parameters that name a person: a summary of a public repository is read by everybody.
UNTOLD = frozenset({"AlarmEmail"})
GENERATION = "TableGeneration"  # which table holds the state: 1 is the stack's own, later ones were restored (decision 0093)

Run = Callable[[Sequence[str | Path]], str]


class CannotPlan(Exception):
    """No change set could be made or read; the message says why."""


@dataclass(frozen=True)
class Change:
    """One resource in a change set; `replacement` is CloudFormation's word for it, empty for an addition or a removal."""

    action: str
    logical_id: str
    kind: str
    replacement: str = ""

    @property
    def loses_data(self) -> bool:
        """Whether data would be left behind or deleted, surely or perhaps."""
        return self.kind in HOLDS_DATA and (self.action == "Remove" or self.replacement in (ALWAYS, PERHAPS))

    @property
    def is_worth_a_word(self) -> bool:
        gone = self.action == "Remove" or self.replacement in (ALWAYS, PERHAPS)
        return gone and self.kind in HOLDS_DATA | HOLDS_MESSAGES


@dataclass(frozen=True)
class Setting:
    """A parameter that the change set changes; None is a template without the parameter."""

    name: str
    now: str | None
    then: str | None


@dataclass(frozen=True)
class Plan:
    """A change set that waits for its execution; `change_set` is None if nothing would change.

    `artifacts` says of each object that the template names what S3 said of it when the plan was made.
    """

    stack: str
    change_set: str | None
    creates_stack: bool
    changes: tuple[Change, ...]
    settings: tuple[Setting, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)

    @property
    def losses(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.loses_data)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan of a file. Raises `CannotPlan`."""
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            changes, settings = (Change(**it) for it in held["changes"]), (Setting(**it) for it in held["settings"])
            return cls(**{**held, "changes": tuple(changes), "settings": tuple(settings)})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CannotPlan(f"{path} is no plan: {error}") from error


@dataclass(frozen=True)
class Source:
    """The built template, and a section of a samconfig.toml with changed parameters."""

    template: Path
    config_file: Path
    config_env: str
    stack: str
    changed: Mapping[str, str]

    def command(self, sam: Path) -> list[str | Path]:
        """`sam deploy` up to the change set, with every object uploaded anew: one that is there may be somebody else's."""
        command: list[str | Path] = [sam, "deploy", "--no-execute-changeset", "--no-confirm-changeset", "--output", "json"]
        command += [
            "--force-upload",
            "--no-fail-on-empty-changeset",
            "--template-file",
            self.template,
            "--stack-name",
            self.stack,
        ]
        command += ["--config-file", self.config_file, "--config-env", self.config_env]
        if self.changed:
            known = overrides(configured(self.config_file, self.config_env).get("parameter_overrides", ""))
            command += [
                "--parameter-overrides",
                *(f"{name}={shlex.quote(value)}" for name, value in {**known, **self.changed}.items()),
            ]
        return command


def make_plan(source: Source, sam: Path, run: Run, cloudformation: Any, s3: Any) -> Plan:
    """Make the change set and read it. Raises `CannotPlan`."""
    made = outcome(run(source.command(sam)))
    if made.get("status") == "no_changes":
        return Plan(source.stack, None, False, ())
    if made.get("status") != "changeset_created":
        raise CannotPlan(f"sam deploy ended as {made.get('status')}: {made.get('message', '')}")
    change_set = str(made["changeset_id"])
    found = read_changes(cloudformation, change_set)
    stack = cloudformation.describe_stacks(StackName=source.stack)["Stacks"][0]
    described = cloudformation.describe_change_set(ChangeSetName=change_set)
    require_no_earlier_table(stack, described)
    creates = stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    try:
        artifacts = stated(cloudformation, s3, change_set)
    except NoArtifacts as error:
        raise CannotPlan(str(error)) from error
    return Plan(source.stack, change_set, creates, found, changed_settings({} if creates else stack, described), artifacts)


def changed_settings(stack: Mapping[str, Any], change_set: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The parameters that a change set gives another value. CloudFormation's list of changes has resources alone."""
    now, then = _values(stack), _values(change_set)
    names = sorted(name for name in (now.keys() | then.keys()) - _kept(change_set) if now.get(name) != then.get(name))
    return tuple(Setting(name, now.get(name), then.get(name)) for name in names)


def _kept(change_set: Mapping[str, Any]) -> set[str]:
    """Parameters that a change set leaves at their present value."""
    return {it["ParameterKey"] for it in change_set.get("Parameters", ()) if it.get("UsePreviousValue")}


def _values(described: Mapping[str, Any]) -> dict[str, str | None]:
    return {it["ParameterKey"]: it.get("ParameterValue") for it in described.get("Parameters", ())}


def require_no_earlier_table(stack: Mapping[str, Any], change_set: Mapping[str, Any]) -> None:
    """Raise `CannotPlan` for a change set by which the stack would leave its restored table for an earlier one.

    A release from before there was a restore has no such parameter. CloudFormation would show no table as replaced, and the
    functions would go on with the book of before the restore.
    """
    now = generation_of(stack)
    then = now if GENERATION in _kept(change_set) else generation_of(change_set)
    if then < now:
        raise CannotPlan(
            f"EARLIER_TABLE: the state is in table generation {now}, this release would use generation {then}."
            " Deploy a release that has the parameter TableGeneration, with its present value."
        )


def generation_of(described: Mapping[str, Any]) -> int:
    """Which table a described stack or change set uses; 1 without the parameter."""
    return int(_values(described).get(GENERATION) or 1)


def outcome(printed: str) -> dict[str, Any]:
    """The result among the lines that SAM has printed as JSON. Raises `CannotPlan`."""
    results = []
    for line in printed.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("type") == "result":
            results.append(said)
    if len(results) != 1:
        raise CannotPlan("sam deploy told no result")
    return results[0]


def read_changes(cloudformation: Any, change_set: str) -> tuple[Change, ...]:
    """Every change of a change set. Raises `CannotPlan` for one that nobody could execute."""
    found: list[Change] = []
    more: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        page = cloudformation.describe_change_set(ChangeSetName=change_set, **more)
        if (page["Status"], page["ExecutionStatus"]) != ("CREATE_COMPLETE", "AVAILABLE"):
            raise CannotPlan(f"{change_set} is {page['Status']}, {page['ExecutionStatus']}: {page.get('StatusReason', '')}")
        resources = [change["ResourceChange"] for change in page.get("Changes", ()) if change.get("Type") == "Resource"]
        found += [
            Change(it["Action"], it["LogicalResourceId"], it["ResourceType"], str(it.get("Replacement", ""))) for it in resources
        ]
        if not page.get("NextToken"):
            return tuple(found)
        more = {"NextToken": page["NextToken"]}
    raise CannotPlan(f"{change_set} has more than {MAX_PAGES} pages")


def shown(plan: Plan) -> str:
    """The plan for people, as Markdown: losses of data first, then every change."""
    if plan.change_set is None:
        return f"## {plan.stack}\n\nNothing would change.\n"
    lines = [f"## {plan.stack}{' (new)' if plan.creates_stack else ''}", "", f"`{plan.change_set}`", ""]
    for change in plan.losses:
        lines.append(f"**LOSES DATA: {change.logical_id} ({change.kind}), {_how(change)}.**")
    for change in plan.changes:
        if change.is_worth_a_word and not change.loses_data:
            lines.append(f"**{change.logical_id} ({change.kind}), {_how(change)}.**")
    if plan.settings:
        lines += ["", "| parameter | now | then |", "|---|---|---|"]
        lines += [f"| {it.name} | {_cell(it.name, it.now)} | {_cell(it.name, it.then)} |" for it in plan.settings]
    lines += ["", f"{len(plan.changes)} changes. A nested stack is one line; its template is in the release's commit.", ""]
    lines += ["| action | resource | type | replacement |", "|---|---|---|---|"]
    lines += [f"| {it.action} | {it.logical_id} | {it.kind} | {it.replacement or '-'} |" for it in plan.changes]
    return "\n".join(lines) + "\n"


def _cell(name: str, value: str | None) -> str:
    """A value as text that no reader takes for Markdown."""
    if value is None:
        return "-"
    return (
        "(not shown)"
        if name in UNTOLD
        else "`" + "".join(it if it.isprintable() and it not in "`|" else "?" for it in value) + "`"
    )


def _how(change: Change) -> str:
    if change.action == "Remove":
        return "removed"
    return "replaced" if change.replacement == ALWAYS else "perhaps replaced"
