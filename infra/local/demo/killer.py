"""Kill -9, again and again, whatever a function is in the middle of."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from random import Random

from infra.local.cloud import Cloud, Worker
from infra.local.project import CommandError

# Everything that works while candles are replayed, the paper exchange included. A kill in the middle of the first two costs six
# minutes, the visibility of their queues, so they have one share each and those that handle orders three.
SHARES = {
    "strategy_runner": 1,
    "signal_fanout": 1,
    "order_executor": 3,
    "order_reconciler": 3,
    "outbox_relay": 3,
    "reconcile_clock": 1,
    "paper_exchange": 3,
}
PAUSE_SECONDS = (0.2, 3.0)  # between two kills, drawn anew each time
LURK_SECONDS = 2.0  # how long it waits for a process to be in the middle of something before it kills an idle one
LOOK_SECONDS = 0.01


class Killer:
    """A thread that kills worker processes until it is stopped or has killed `kills`; the draws follow from `seed`.

    `killed` counts by function and by what it met: "busy" in the middle of an invocation, "idle" between two.
    """

    def __init__(self, cloud: Cloud, kills: int, seed: int) -> None:
        self.killed: dict[str, Counter[str]] = {name: Counter() for name in SHARES}
        self._cloud = cloud
        self._left = kills
        self._random = Random(seed)  # noqa: S311 - draws victims, no secrets
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")

    @property
    def total(self) -> int:
        return sum(counts.total() for counts in self.killed.values())

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let everything live from now on."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while self._left and not self._stop.wait(self._random.uniform(*PAUSE_SECONDS)):
            (function,) = self._random.choices(list(SHARES), weights=list(SHARES.values()))
            victim = self._victim(function)
            if victim is not None:
                with suppress(ProcessLookupError):
                    os.kill(victim.pid, signal.SIGKILL)
                    self.killed[function]["busy" if victim.busy else "idle"] += 1
                    self._left -= 1

    def _victim(self, function: str) -> Worker | None:
        """A busy process of the function, as soon as there is one; else an idle one; None if it has no process now."""
        end = time.monotonic() + LURK_SECONDS
        while True:
            workers = self._workers(function)
            busy = [worker for worker in workers if worker.busy]
            if busy or time.monotonic() > end or self._stop.is_set():
                choice = busy or workers
                return self._random.choice(choice) if choice else None
            time.sleep(LOOK_SECONDS)

    def _workers(self, function: str) -> list[Worker]:
        try:
            return sorted(self._cloud.workers(function), key=lambda worker: worker.pid)
        except (OSError, CommandError):  # the emulator is busy: there is another look in a moment
            return []
