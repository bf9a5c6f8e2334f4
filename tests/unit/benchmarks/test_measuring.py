"""Figures are only as good as the way they are taken: turns, ratios of neighbours, and a report that others can read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.harness.measuring import RUN_NANOSECONDS, Figure, Subject, against, compare, counted
from benchmarks.report import summary

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Machine:
    """A CPU clock that only moves when a subject works; `worked` is who did, in order."""

    spent: int = 0
    worked: list[str] = field(default_factory=list)

    def __call__(self) -> int:
        return self.spent

    def subject(self, name: str, nanoseconds: int, count: int = 1) -> Subject:
        return Subject(name, self._work(name, nanoseconds), "thing", count)

    def _work(self, name: str, nanoseconds: int) -> Callable[[], None]:
        def work() -> None:
            self.spent += nanoseconds
            self.worked.append(name)

        return work


def test_subjects_take_turns_with_their_baseline() -> None:
    machine = Machine()
    compare(machine.subject("A", RUN_NANOSECONDS), machine.subject("B", RUN_NANOSECONDS), runs=3, cpu=machine)
    calibration = ["A", "B"]
    assert machine.worked == [*calibration, "A", "B", "A", "B", "A", "B"]


def test_a_short_call_is_repeated_until_a_run_is_long_enough() -> None:
    machine = Machine()
    compare(machine.subject("A", RUN_NANOSECONDS // 4), runs=1, cpu=machine)
    calibration = 1 + 2 + 4
    assert len(machine.worked) == calibration + 4


def test_a_value_is_microseconds_for_one_thing() -> None:
    machine = Machine()
    [figure] = compare(machine.subject("A", 50_000_000, count=1_000), runs=3, cpu=machine)
    assert figure == Figure(name="A", unit="µs/thing", values=(50.0, 50.0, 50.0))


def test_a_subject_is_told_against_the_baseline_of_its_run() -> None:
    machine = Machine()
    _, figure = compare(machine.subject("A", 40_000_000), machine.subject("B", 100_000_000), runs=3, cpu=machine)
    assert (figure.ratio, figure.baseline) == (2.5, "A")


def test_a_slow_moment_of_the_machine_moves_no_ratio() -> None:
    figure = against("B", "ms", [2.0, 20.0, 2.0], "A", [1.0, 10.0, 1.0])
    assert figure.ratio == 2.0
    assert figure.median == 2.0


def test_a_call_that_costs_nothing_measurable_does_not_run_forever() -> None:
    machine = Machine()
    with pytest.raises(ZeroDivisionError):  # no ratio to nothing: louder than an invented one
        compare(machine.subject("A", 0), machine.subject("B", RUN_NANOSECONDS), runs=1, cpu=machine)


def test_the_report_has_what_a_reader_needs_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench" / "report.json")
    timed = against("decode", "µs/call", [30.0, 10.0, 20.0], "json.loads", [10.0, 10.0, 10.0])
    bench.write_report([timed, counted("requests", "requests", 3)], {"seconds": 1.5})
    report = json.loads(bench.REPORT.read_text(encoding="utf-8"))
    assert {"python", "machine", "cores", "seconds"} <= report.keys()
    assert report["figures"] == [
        {
            "name": "decode",
            "unit": "µs/call",
            "median": 20.0,
            "min": 10.0,
            "max": 30.0,
            "runs": 3,
            "ratio": 2.0,
            "baseline": "json.loads",
        },
        {
            "name": "requests",
            "unit": "requests",
            "median": 3.0,
            "min": 3.0,
            "max": 3.0,
            "runs": 1,
            "ratio": None,
            "baseline": None,
        },
    ]


def test_the_table_has_what_was_measured_and_says_what_misses_its_bound() -> None:
    text = summary.table({"order": {"ratio": 3.5}, "throughput": {"ratio": 0.5}})
    held, missed = (line for line in text.splitlines() if "=" in line)
    assert held.endswith("<= 4")
    assert missed.endswith(">= 0.6   MISSED")
    assert summary.table({"cost": {"lines": []}}) == ""


def test_the_table_tells_what_has_no_bound() -> None:
    assert "the whole embedded cloud" in summary.table({"throughput": {"embedded_cloud_orders_per_second": 20.2}})
