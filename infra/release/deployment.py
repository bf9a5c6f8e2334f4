"""The steps of a deployment after its review: pause entries, execute, compare, protect, try, let entries go.

The steps are in order and each must succeed. A failure leaves the pause of this deployment on: entries are denied, exits go, and
a person decides (infra/runbooks/rollback.md). The pause never lifts a switch of a person, and a person's lifts no pause.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.release.artifacts import NoArtifacts, stated
from infra.release.plan import CannotPlan, Plan, read_changes

POLL_SECONDS = 10.0
# A canary takes five minutes, a new index of a large table hours. Entries stay paused after a wait that ends too early.
LONGEST_SECONDS = 6 * 3600.0
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
FAILED = 1
FAILED_POLLS = 30  # in a row: throttling and a lost connection end within five minutes, a right that is missing does not
STILL_PAUSED = (
    "release: TRIAL_FAILED: nothing was changed, so this run has paused nothing and lifts no pause. "
    "If an earlier run has left its pause, a person looks first and then lifts it: candlecast deployment resume --force\n"
)

Call = Callable[[Sequence[str | Path]], int]


@dataclass(frozen=True)
class Step:
    """A step that has ended: its exit code and its length."""

    name: str
    code: int
    seconds: float


@dataclass
class Deployment:
    """One execution of a plan.

    `call` runs a command and returns its exit code. `identity` names the pause: a commit, or the run of a pipeline. `section` has
    the options for a section of samconfig.toml, for tools that read it; `trial` has more options of `candlecast synthetic`.
    """

    plan: Plan
    identity: str
    pauses: bool
    cloudformation: Any
    s3: Any
    call: Call
    tools: Path
    section: Sequence[str]
    trial: Sequence[str] = ()
    pause_for: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    steps: list[Step] = field(default_factory=list)

    def __call__(self) -> bool:
        """Whether the release is deployed, tried, and open for entries."""
        return all(self._step(name, work) for name, work in self._work())

    def _work(self) -> Iterator[tuple[str, Callable[[], int]]]:
        stack = ("--stack", self.plan.stack)
        paused = self.pauses and self.plan.change_set is not None and not self.plan.creates_stack
        if self.plan.change_set is not None:
            yield "check the change set", partial(self._check, self.plan.change_set)
        if paused:
            yield "pause entries", self._pause()
        if self.plan.change_set is not None:
            yield "execute the change set", partial(self._execute, self.plan.change_set)
        yield "compare versions", self._command("python", "-m", "infra.compare_versions", *self.section, *stack)
        yield "protect the stack", self._command("python", "-m", "infra.protect_stack", *self.section, *stack)
        if paused:
            yield "try while paused", self._command("candlecast", "synthetic", *stack, "--expect-paused", *self.trial)
            yield "let entries go", self._command("candlecast", "deployment", "resume", self.identity, *stack)
        yield "try", self._try_or_pause(paused)

    def _step(self, name: str, work: Callable[[], int]) -> bool:
        sys.stderr.write(f"\n-- {name}\n")
        started, code = self.now(), FAILED
        try:
            code = work()
        finally:
            self.steps.append(Step(name, code, round(self.now() - started, 1)))
        return code == 0

    def _command(self, tool: str, *words: str) -> Callable[[], int]:
        return lambda: self.call([self.tools / tool, *words])

    def _pause(self) -> Callable[[], int]:
        return self._command("candlecast", "deployment", "pause", self.identity, "--stack", self.plan.stack)

    def _try_or_pause(self, paused: bool) -> Callable[[], int]:
        """The last trial, with entries on. If it fails where entries were paused, they are paused again."""
        trial = self._command("candlecast", "synthetic", "--stack", self.plan.stack, *self.trial)

        def work() -> int:
            code = trial()
            if code and paused:
                self._step("pause entries again", self._pause())
            elif code and self.plan.change_set is None:
                sys.stderr.write(STILL_PAUSED)
            return code

        return work

    def _check(self, change_set: str) -> int:
        """Whether the change set can still be executed, and says what people have read."""
        try:
            now = read_changes(self.cloudformation, change_set)
        except CannotPlan as error:
            sys.stderr.write(f"release: CHANGE_SET_GONE: {error}\n")
            return FAILED
        if now != self.plan.changes:
            sys.stderr.write("release: CHANGE_SET_DIFFERENT: make the plan anew and read it\n")
            return FAILED
        return self._require_build(change_set, "make the plan anew")

    def _require_build(self, change_set: str, remedy: str) -> int:
        """Whether S3 still holds the build that was planned: CloudFormation reads it at the execution alone."""
        try:
            held = stated(self.cloudformation, self.s3, change_set)
        except NoArtifacts as error:
            sys.stderr.write(f"release: CHANGE_SET_DIFFERENT: {error}\n")
            return FAILED
        replaced = sorted(
            name for name in held.keys() | self.plan.artifacts.keys() if held.get(name) != self.plan.artifacts.get(name)
        )
        if replaced:
            sys.stderr.write(f"release: BUILD_REPLACED: {', '.join(replaced)} changed after the plan: {remedy}\n")
        return FAILED if replaced else 0

    def _execute(self, change_set: str) -> int:
        """Execute the change set, wait for the stack, and see that the stack was made of the build that was planned."""
        self.cloudformation.execute_change_set(ChangeSetName=change_set)
        status = self._settled()
        if status not in DONE:
            sys.stderr.write(f"release: DEPLOYMENT_FAILED: {self.plan.stack} is {status}\n")
            return FAILED
        return self._require_build(change_set, "find out who has written there, and roll back")

    def _settled(self) -> str:
        """The stack's state once nothing is in progress any more, or the last one when the wait was too long.

        A poll that fails ends nothing, since the stack goes on changing. Raises the error of the last of `FAILED_POLLS` in a row.
        """
        end, status, failed = self.now() + LONGEST_SECONDS, "UNKNOWN_IN_PROGRESS", 0
        while True:
            self.pause_for(POLL_SECONDS)
            try:
                status = str(self.cloudformation.describe_stacks(StackName=self.plan.stack)["Stacks"][0]["StackStatus"])
                failed = 0
            except (ClientError, BotoCoreError) as error:
                failed += 1
                if failed >= FAILED_POLLS:
                    raise
                sys.stderr.write(f"release: STATE_UNKNOWN: {error}; asking again\n")
            if not status.endswith("_IN_PROGRESS") or status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                return status.removesuffix("_CLEANUP_IN_PROGRESS")
            if self.now() > end:
                return status

    def report(self, path: Path) -> None:
        """Write the steps for machines."""
        passed = bool(self.steps) and all(step.code == 0 for step in self.steps)
        held = {"stack": self.plan.stack, "identity": self.identity, "passed": passed, "steps": [asdict(it) for it in self.steps]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")

    def shown(self) -> str:
        """The steps for people, as Markdown."""
        rows = [f"| {it.name} | {'ok' if it.code == 0 else f'FAILED ({it.code})'} | {it.seconds:.1f} s |" for it in self.steps]
        return "\n".join([f"## {self.plan.stack}: {self.identity}", "", "| step | | |", "|---|---|---|", *rows]) + "\n"
