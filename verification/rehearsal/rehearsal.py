"""One stack through a bad week, on the embedded cloud; each step is timed.

Candles are replayed between the steps, so orders, stops and exits cross each of them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import batched
from pathlib import Path
from typing import Any

from candlecast.ports.dead_letters import QUEUES
from infra.local.cloud import Cloud
from infra.local.demo.chaos import judge
from infra.local.demo.replay import Progress, Replay, invoke
from infra.local.demo.run import REPLAY_LATENESS_SECONDS, Options, Scene, prepare, read_files
from infra.local.project import BUILD, CommandError

REPORT = BUILD / "rehearsal" / "report.json"
LOST = timedelta(minutes=5)  # between the restored moment and the loss: AWS offers no later moment
LOOKS = 20  # of all accounts after a restore, a pause apart: the lost minutes count as settled after 90 s
LOOK_SECONDS = 15.0
LONGEST_WORDS = 2_000  # of a failed command
EVERY_ACCOUNT = timedelta(hours=47)  # an account that nobody trades on is due for its keys' vetting
DELETED_AT_ONCE = 25  # items in a request of DynamoDB
USERS = 12  # with all special cases, and ordinary users of each strategy
CANDLES = 400
CANDLES_OF_A_TRADE, MOST_PARTS = 12, 6  # an hour of minute candles brings a signal of one strategy or another


@dataclass(slots=True)
class Rehearsal:
    """The stack, its people, and the steps so far with their seconds."""

    cloud: Cloud
    say: Callable[[str], None]
    steps: list[tuple[str, float]] = field(default_factory=list)
    scene: Scene = field(init=False)
    replay: Replay = field(init=False)
    lost_at: datetime | None = None
    """When every item of the table was deleted; None before."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report a step, and note how long it took."""
        self.say(name)
        started = time.monotonic()
        yield
        self.steps.append((name, round(time.monotonic() - started, 1)))

    def open(self, release: Path) -> None:
        """Empty the cloud and deploy a release into it, with strategies and people."""
        options = Options(users=USERS, candle_count=CANDLES)
        self.cloud.reset()  # another module's orders are in the venue's book
        with self.step("deploy the last release"):
            self.cloud.deploy_checkout(release, SchedulesState="DISABLED", MaxCandleLatenessSeconds=REPLAY_LATENESS_SECONDS)
        with self.step("open accounts and follow strategies"):
            self.scene = prepare(self.cloud, options, read_files(options), StringIO())
            self.replay = self.scene.replay()

    def trade(self) -> None:
        """Replay candles until orders have come of them. Raises CommandError if none come: the step would show nothing."""
        before = self.replay.progress.orders
        with self.step("trade"):
            for _ in range(MOST_PARTS):
                self.replay.run(_nobody, self.replay.progress.done + CANDLES_OF_A_TRADE)
                if self.replay.progress.orders > before:
                    break
            self.replay.settle()
        if self.replay.progress.orders == before:
            raise CommandError(f"{MOST_PARTS * CANDLES_OF_A_TRADE} candles brought no order")
        self.say(f"  {self.replay.progress.orders - before} orders")

    def change_a_parameter(self, release: Path, name: str, value: str) -> None:
        """Deploy the same release with another value."""
        with self.step(f"change {name}"):
            self.cloud.deploy_checkout(release, **{name: value})

    def change_release(self, release: Path, name: str) -> None:
        """Deploy another release onto the stack as it is."""
        with self.step(name):
            self.cloud.deploy_checkout(release)

    def stop_entries(self, strategy_id: str) -> None:
        """Set the kill switch of a strategy, as a person does."""
        with self.step("set a kill switch"):
            self.command("switch", "set", "strategy", strategy_id, "--grade", "PAUSE_ENTRIES", "--reason", "rehearsal")

    def trade_until_lost(self, moment: datetime) -> None:
        """Trade, wait until a restore can go back to the moment, and lose every item of the table while orders are under way."""
        self.trade()
        with self.step("wait for five minutes to be over"):
            time.sleep(max(0.0, (moment + LOST - datetime.now(UTC)).total_seconds()))
        with self.step("lose the table"):
            closing = self.replay.closings[self.replay.progress.done]
            self.scene.operator.set_clock(closing.at)
            self.replay.announce(closing)
            self._delete_everything()
            self.lost_at = datetime.now(UTC)
        self.replay.progress.done += 1

    def restore(self, moment: datetime, *, set_again: str) -> None:
        """Restore the table, adopt it, wait for its accounts, and let entries go again; `set_again` is the lost switch."""
        with self.step("restore the table"):
            self.command("restore", "table", "--to", moment.isoformat())
        with self.step("adopt the table"):
            self.command("restore", "adopt")
            self._look_at_the_new_table()
        with self.step("reconcile every account"):
            self._reconcile()
        self.stop_entries(set_again)
        with self.step("redrive dead letters, let entries go"):
            for queue in QUEUES:
                self.command("dlq", "redrive", queue)
            self.replay.wait_until_quiet()
            self.command("switch", "lift", "platform")

    def rebuild_history(self, moment: datetime) -> None:
        """Make the lost minutes of history anew from the archive, and read the ends of their orders at the venue."""
        if self.lost_at is None:
            raise CommandError("no table was lost")
        with self.step("rebuild history"):
            self.command("history", "rebuild", "--from", moment.isoformat(), "--to", self.lost_at.isoformat())
        with self.step("read the ends of lost orders"):
            self._ask_for_looks()
            self.cloud.wait_until_relayed()

    def command(self, *words: str) -> None:
        """Run `candlecast` on the stack. Raises CommandError with the command's own words if it fails."""
        done = self._run(*words)
        if done.returncode:
            raise CommandError(f"candlecast {' '.join(words)}: {done.stderr.strip()[-LONGEST_WORDS:]}")

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "candlecast_cli", *words, "--name", self.cloud.name]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command

    def _delete_everything(self) -> None:
        dynamodb, table = self.cloud.client("dynamodb"), self.cloud.outputs["TableName"]
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="PK, SK")
        keys = [item for page in pages for item in page["Items"]]
        for part in batched(keys, DELETED_AT_ONCE, strict=False):
            dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}} for key in part]})

    def _look_at_the_new_table(self) -> None:
        self.cloud.forget_outputs()
        progress = self.replay.progress
        self.replay = self.scene.replay()
        self.replay.progress = progress

    def _reconcile(self) -> None:
        for _ in range(LOOKS):
            self._ask_for_looks()
            if not self._run("restore", "status").returncode:
                return
            time.sleep(LOOK_SECONDS)
        raise CommandError("accounts are not accounted for: candlecast restore status")

    def _ask_for_looks(self) -> None:
        due_by = (datetime.now(UTC) + EVERY_ACCOUNT).isoformat()
        invoke(self.cloud, "ReconcileClockFunctionName", {"due_by": due_by, "full": True})
        self.replay.wait_until_quiet()

    def verdict(self) -> tuple[dict[str, Any], list[str]]:
        """The demo's figures, and every breach of an invariant."""
        with self.step("compare the books"):
            return judge(self.scene, self.replay.progress.messages)


def whole_second() -> datetime:
    """The next whole second, once it is over: AWS restores to seconds, and all writes until now are in it."""
    second = int(time.time()) + 1
    time.sleep(second + 1 - time.time())
    return datetime.fromtimestamp(second, UTC)


def _nobody(_progress: Progress) -> None:
    """Report no single candle."""
