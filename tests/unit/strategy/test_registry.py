"""A strategy is found by name, and only its module is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from candlecast.strategy import StrategyError
from candlecast.strategy.registry import RENAMED, available, load_strategy

ROOT = Path(__file__).parents[3]
BUILT_IN = ("band_reversion", "bollinger_squeeze", "donchian_breakout", "ema_atr_trend", "rsi_mean_reversion", "sma_cross")


def python(code: str, *paths: Path) -> str:
    """The output of `code` in a fresh interpreter that finds `paths` before the repository."""
    search = [str(path) for path in (*paths, ROOT, ROOT / "layers" / "core")]
    script = f"import sys; sys.path[:0] = {search!r}\n{code}"
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def test_all_built_ins_are_available_and_load_by_their_name() -> None:
    assert set(BUILT_IN) <= set(available())
    for name in available():
        strategy = load_strategy(name)
        assert strategy.name == name
        assert strategy.description.endswith(".")
        assert (sys.modules[strategy.__module__].__doc__ or "").count("Source: ") == 1


def test_a_strategy_that_was_renamed_is_found_by_its_old_name_and_listed_by_its_new_one() -> None:
    assert load_strategy("neutral_grid") is load_strategy("band_reversion")
    assert "neutral_grid" not in available()
    assert set(RENAMED.values()) <= set(available())


def test_listing_imports_no_strategy_and_loading_imports_only_the_named_one() -> None:
    code = """
from candlecast.strategy.registry import available, load_strategy
def imported(): return sorted(name for name in sys.modules if name.startswith("strategies."))
available(); print(imported())
load_strategy("sma_cross"); print(imported())
"""
    assert python(code).splitlines() == ["[]", "['strategies.sma_cross']"]


@pytest.mark.parametrize("name", ["", "../x", "sma-cross", "Sma", "os.path", "sma_cross\n", "x" * 65, "__init__", "ñ"])
def test_what_is_no_name_is_refused_before_any_lookup(name: str) -> None:
    with pytest.raises(StrategyError) as refused:
        load_strategy(name)
    assert refused.value.code == "STRATEGY_NAME_INVALID"


def test_unknown_strategy_is_refused() -> None:
    with pytest.raises(StrategyError) as refused:
        load_strategy("turtle_soup")
    assert refused.value.code == "STRATEGY_UNKNOWN"


def test_the_package_of_the_wheel_goes_before_anybodys_package_called_strategies(tmp_path: Path) -> None:
    for package, name in (("strategies", "theirs"), ("candlecast_strategies", "ours")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / f"{name}.py").touch()
    code = "from candlecast.strategy.registry import available; print(available())"
    assert python(code, tmp_path) == "('ours',)"


def test_module_that_does_not_define_its_strategy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "__init__.py").touch()
    (tmp_path / "strategies" / "impostor.py").write_text("from candlecast.strategy import Strategy\n")
    code = """
from candlecast.strategy.registry import available, load_strategy
from candlecast.strategy import StrategyError
try: load_strategy("impostor")
except StrategyError as error: print(available(), error.code)
"""
    assert python(code, tmp_path) == "('impostor',) STRATEGY_INVALID"
