"""Kill -9, again and again, in the middle of a function's work."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from infra.local.cloud import Cloud, Worker
from infra.local.project import CommandError

# Everything that works while candles are replayed, the paper exchange included: the pause between two kills of one function, from
# and to seconds. The first two functions' messages are redelivered minutes after a kill, so these kills are rarer.
PAUSES_SECONDS = {
    "strategy_runner": (10.0, 30.0),
    "signal_fanout": (10.0, 30.0),
    "order_executor": (0.5, 4.0),
    "order_reconciler": (1.0, 6.0),
    "key_vetting": (5.0, 20.0),
    "outbox_relay": (1.0, 6.0),
    "reconcile_clock": (5.0, 20.0),
    "paper_exchange": (1.0, 6.0),
}
PATIENCE_SECONDS = 15.0  # wait for a process at work; afterwards an idle process is killed.
# At most, from seeing a process at work to striking: any moment of its work will do. An order takes some hundred milliseconds.
AIM_SECONDS = {"order_executor": 0.4, "order_reconciler": 0.3}
SHORT_AIM_SECONDS = 0.05  # the others are done sooner
LOOK_SECONDS = 0.02


@dataclass(slots=True)
class Hunt:
    """The next kill of one function; its draws follow from the seed and are nobody else's."""

    function: str
    random: Random
    due: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)

    def plan(self, now: float) -> None:
        self.due = now + self.random.uniform(*PAUSES_SECONDS[self.function])

    def victim(self, now: float, workers: Sequence[Worker]) -> Worker | None:
        """A busy process if the time has come, an idle one if it has been waited for in vain, else None."""
        if now < self.due:
            return None
        choice = [worker for worker in workers if worker.busy]
        if not choice and now > self.due + PATIENCE_SECONDS:
            choice = list(workers)
        return self.random.choice(choice) if choice else None


class Killer:
    """A thread that kills worker processes until it is stopped or has killed `kills`; whom and when it draws by `seed`.

    `killed` counts by function and by the state of the process: "busy" in the middle of an invocation, "idle" between two.
    """

    def __init__(self, cloud: Cloud, kills: int, seed: int) -> None:
        self._cloud = cloud
        self._left = kills
        self._hunts = [Hunt(name, Random(f"{seed}/{name}")) for name in PAUSES_SECONDS]  # noqa: S311 - draws victims, no secrets
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")

    @property
    def killed(self) -> dict[str, dict[str, int]]:
        return {hunt.function: dict(hunt.killed) for hunt in self._hunts}

    @property
    def total(self) -> int:
        return sum(hunt.killed.total() for hunt in self._hunts)

    def start(self) -> None:
        for hunt in self._hunts:
            hunt.plan(time.monotonic())
        self._thread.start()

    def stop(self) -> None:
        """Let everything live from now on."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while self._left and not self._stop.wait(LOOK_SECONDS):
            workers = self._workers()
            for hunt in self._hunts:
                own = [worker for worker in workers if worker.function.endswith(hunt.function)]
                victim = hunt.victim(time.monotonic(), own)
                if victim is not None and self._left:
                    self._kill(hunt, victim)

    def _kill(self, hunt: Hunt, victim: Worker) -> None:
        """Strike at a moment of the victim's work; a victim that has finished meanwhile may live."""
        if victim.busy:
            self._stop.wait(hunt.random.uniform(0, AIM_SECONDS.get(hunt.function, SHORT_AIM_SECONDS)))
            if not any(worker.busy for worker in self._workers() if worker.pid == victim.pid):
                return
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
            hunt.killed["busy" if victim.busy else "idle"] += 1
            self._left -= 1
        hunt.plan(time.monotonic())

    def _workers(self) -> list[Worker]:
        try:
            return sorted(self._cloud.workers(), key=lambda worker: worker.pid)
        except (OSError, CommandError):  # the emulator is busy: there is another look in a moment
            return []
