"""The killer: the same seed draws the same victims, busy workers are preferred, and the killer ends when told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.cloud import Worker
from infra.local.demo import killer
from infra.local.demo.killer import PAUSES_SECONDS, Killer
from infra.local.project import CommandError

HANGS_SECONDS = 300


class Crowd:
    """A cloud with two processes of every function, the second of them busy."""

    def __init__(self, *, busy: bool = True) -> None:
        self.alive = [
            Worker(f"candlecast-{name}", number * 10 + place, busy and place == 2)
            for number, name in enumerate(PAUSES_SECONDS)
            for place in (1, 2)
        ]
        self.failing: Iterator[bool] = iter(())

    def workers(self) -> list[Worker]:
        if next(self.failing, False):
            raise CommandError("too busy to answer")
        return self.alive


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []

    def kill(pid: int, number: int) -> None:
        assert number == signal.SIGKILL
        pids.append(pid)

    monkeypatch.setattr("os.kill", kill)
    monkeypatch.setattr(killer, "PAUSES_SECONDS", dict.fromkeys(PAUSES_SECONDS, (0.0, 0.0)))
    monkeypatch.setattr(killer, "AIM_SECONDS", {})
    for name in ("PATIENCE_SECONDS", "SHORT_AIM_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(killer, name, 0.0)
    return pids


def hunt(crowd: Any, kills: int, seed: int) -> Killer:
    hunter = Killer(crowd, kills, seed)
    hunter.start()
    hunter._thread.join(HANGS_SECONDS)
    hunter.stop()
    return hunter


def test_it_kills_as_many_as_it_may_and_says_whom(killed: list[int]) -> None:
    hunter = hunt(Crowd(), 50, 1)
    assert (len(killed), hunter.total) == (50, 50)
    assert {name: counts["busy"] > 0 for name, counts in hunter.killed.items()} == dict.fromkeys(PAUSES_SECONDS, True)


def test_it_prefers_those_in_the_middle_of_something(killed: list[int]) -> None:
    hunt(Crowd(), 30, 2)
    assert {pid % 10 for pid in killed} == {2}
    killed.clear()
    hunter = hunt(Crowd(busy=False), 30, 2)
    assert {pid % 10 for pid in killed} == {1, 2}
    assert sum(counts["idle"] for counts in hunter.killed.values()) == 30


def test_the_same_seed_draws_the_same_victims(killed: list[int]) -> None:
    draws = []
    for seed in (7, 7, 8):
        hunt(Crowd(busy=False), 40, seed)
        draws.append(tuple(killed))
        killed.clear()
    assert draws[0] == draws[1] != draws[2]


def test_a_cloud_that_does_not_answer_is_asked_again(killed: list[int]) -> None:
    crowd = Crowd()
    crowd.failing = iter([True] * 3)
    assert hunt(crowd, 5, 1).total == 5


def test_nobody_is_killed_after_it_was_stopped(killed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killer, "PAUSES_SECONDS", dict.fromkeys(PAUSES_SECONDS, (60.0, 60.0)))
    hunter = Killer(Crowd(), 5, 1)  # type: ignore[arg-type]
    hunter.start()
    hunter.stop()
    assert (killed, hunter.total) == ([], 0)


def test_one_that_has_finished_before_it_is_struck_may_live(killed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    class Quick(Crowd):
        """A worker that is busy at one look is idle at the next."""

        def workers(self) -> list[Worker]:
            self.alive = [Worker(it.function, it.pid, not it.busy and it.pid % 10 == 2) for it in self.alive]
            return self.alive

    monkeypatch.setattr(killer, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(killer, "PAUSES_SECONDS", {"order_executor": (0.0, 0.0)})
    hunter = Killer(Quick(), 5, 1)  # type: ignore[arg-type]
    hunter.start()
    hunter._thread.join(0.1)
    hunter.stop()
    assert killed == []
