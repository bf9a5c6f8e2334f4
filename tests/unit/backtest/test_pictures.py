"""A picture without its extra is an error that says what to install; `tests/foreign/test_extras.py` draws."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from candlecast.backtest.extras import ExtraMissing
from candlecast.backtest.pictures.png import write_picture
from tests.support.backtest_reports import report_of


def test_a_picture_without_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissing, match=r"pictures need .*: pip install '\.\[plot\]'") as error:
        write_picture(report_of(10), tmp_path / "report.png")
    assert error.value.code == "EXTRA_MISSING"
    assert not (tmp_path / "report.png").exists()
