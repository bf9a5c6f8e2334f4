"""One stack through a bad week, on the embedded cloud; each step is timed.

Candles are replayed between the steps, so orders, stops and exits cross each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.demo.chaos import judge
from infra.local.demo.replay import Progress, Replay
from infra.local.demo.run import REPLAY_LATENESS_SECONDS, Options, Scene, prepare, read_files
from infra.local.project import BUILD, CommandError

REPORT = BUILD / "rehearsal" / "report.json"
USERS = 12  # with all special cases, and ordinary users of each strategy
CANDLES = 300
CANDLES_OF_A_TRADE = 12  # of a step that trades: enough for entries, exits and triggered stops


@dataclass(slots=True)
class Rehearsal:
    """The stack, its people, and the steps so far with their seconds."""

    cloud: Cloud
    say: Callable[[str], None]
    steps: list[tuple[str, float]] = field(default_factory=list)
    scene: Scene = field(init=False)
    replay: Replay = field(init=False)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report a step, and note how long it took."""
        self.say(name)
        started = time.monotonic()
        yield
        self.steps.append((name, round(time.monotonic() - started, 1)))

    def open(self, release: Path) -> None:
        """Deploy a release into the empty cloud, with strategies and people."""
        options = Options(users=USERS, candle_count=CANDLES)
        with self.step("deploy the last release"):
            self.cloud.deploy_checkout(release, SchedulesState="DISABLED", MaxCandleLatenessSeconds=REPLAY_LATENESS_SECONDS)
        with self.step("open accounts and follow strategies"):
            self.scene = prepare(self.cloud, options, read_files(options), StringIO())
            self.replay = self.scene.replay()

    def trade(self, candles: int = CANDLES_OF_A_TRADE) -> None:
        """Replay the next candles. Raises CommandError if no order came of them: the step would show nothing."""
        before = self.replay.progress.orders
        with self.step("trade"):
            self.replay.run(_nobody, self.replay.progress.done + candles)
            self.replay.settle()
        if self.replay.progress.orders == before:
            raise CommandError(f"{candles} candles brought no order")
        self.say(f"  {self.replay.progress.orders - before} orders")

    def change_a_parameter(self, release: Path, name: str, value: str) -> None:
        """Deploy the same release with another value."""
        with self.step(f"change {name}"):
            self.cloud.deploy_checkout(release, **{name: value})

    def change_release(self, release: Path, name: str) -> None:
        """Deploy another release onto the stack as it is."""
        with self.step(name):
            self.cloud.deploy_checkout(release)

    def verdict(self) -> tuple[dict[str, Any], list[str]]:
        """The demo's figures, and every breach of an invariant."""
        with self.step("compare the books"):
            return judge(self.scene, self.replay.progress.messages)


def _nobody(_progress: Progress) -> None:
    """Report no single candle."""
