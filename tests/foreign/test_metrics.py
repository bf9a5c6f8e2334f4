"""The golden metrics are those that other libraries compute today, from the same columns in an environment of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.backtest_columns import compared_with_libraries
from tests.support.foreign import environment

pytestmark = pytest.mark.prove

METRICS = Path(__file__).parent / "metrics"


def test_libraries_compute_the_golden_metrics(tmp_path: Path) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text(json.dumps({name: case.to_json() for name, case in compared_with_libraries().items()}), encoding="utf-8")
    words = [str(environment("engines")), str(METRICS / "library_metrics.py"), str(columns)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own script
    golden = json.loads((METRICS / "golden.json").read_text(encoding="utf-8"))
    assert found.keys() == golden.keys()
    for name, case in found.items():
        for part, numbers in case.items():
            assert numbers == pytest.approx(golden[name][part], rel=1e-9, abs=0)
