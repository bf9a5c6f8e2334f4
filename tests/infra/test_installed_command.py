"""`pip install .` gives a command that explains itself, from a wheel that holds package, command and client alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import candlecast
from infra.local.candle_files import sample_files
from infra.local.project import ROOT, tool_environment

pytestmark = pytest.mark.slow

INSTALL_SECONDS = 600
SECONDS = 60
UV = Path(sys.executable).with_name("uv")
NOT_INSTALLED = ("boto3", "pynamodb", "httpx", "fastapi", "ccxt")  # of no use to somebody who only wants the base
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the backend itself, without a network: the generator of the client is that of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=INSTALL_SECONDS, check=True)  # noqa: S603
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_the_command_and_the_client(wheel: Path) -> None:
    assert wheel.name == f"candlecast-{candlecast.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "candlecast",
        "candlecast_cli",
        "candlecast_client",
        "candlecast_strategies",
        f"candlecast-{candlecast.__version__}.dist-info",
    }
    shipped = {name for name in names if name.endswith(".py")}
    for package, folder in (("candlecast", ROOT / "layers" / "core"), ("candlecast_cli", ROOT / "command_line")):
        assert shipped >= {path.relative_to(folder).as_posix() for path in (folder / package).rglob("*.py")}
    built_in = {f"candlecast_strategies/{path.name}" for path in (ROOT / "strategies").glob("*.py")}
    assert {name for name in names if name.startswith("candlecast_strategies/")} == built_in
    client = ("py.typed", "cognito.py", "api/orders/list_orders.py", "models/order_view.py")
    assert {f"candlecast_client/{name}" for name in client} <= set(names)
    assert {"candlecast/backtest/pictures/page.css", "candlecast/backtest/pictures/page.js"} <= set(names)


def test_the_dependencies_are_those_that_the_command_and_strategies_import() -> None:
    """By the graph of imports, lazy ones too: the base and two extras cover the graph, and nothing else is declared."""
    graph = grimp.build_graph("candlecast", "candlecast_cli", include_external_packages=True)
    roots = ("candlecast_cli", "candlecast.strategy")
    reached = {name for root in roots for name in graph.find_upstream_modules(root, as_package=True)}
    imported = {name for name in reached if graph.is_module_squashed(name)} - sys.stdlib_module_names
    imported = {name for name in imported if not name.startswith("mypy_boto3_")}  # types, for type checkers alone
    imported -= {"opentelemetry"}  # comes with a layer, and is loaded only where that layer is
    extras = PROJECT["optional-dependencies"]
    declared = {re.split(r"[<>=~ ]", it)[0] for it in (*PROJECT["dependencies"], *extras["aws"], *extras["live"])}
    assert imported == declared | {"botocore", "infra"}, "botocore comes with boto3; infra is there in a checkout alone"
    assert PROJECT["scripts"] == {"candlecast": "candlecast_cli.main:main"}


def test_the_extra_brings_what_the_client_needs_and_no_more(wheel: Path, tmp_path: Path) -> None:
    """The client needs nothing of the rest of the wheel, which is left out here."""
    python = tmp_path / "venv" / "bin" / "python"
    _run([str(UV), "venv", "--quiet", "--no-project", "--python", sys.executable, str(tmp_path / "venv")])
    _run([str(UV), "pip", "install", "--quiet", "--python", str(python), *PROJECT["optional-dependencies"]["client"]])
    _run([str(UV), "pip", "install", "--quiet", "--python", str(python), "--no-deps", str(wheel)])
    code = """
from importlib import import_module
from pkgutil import walk_packages
import candlecast_client
found = [it.name for it in walk_packages(candlecast_client.__path__, "candlecast_client.") if not it.name.endswith("__main__")]
print(len([import_module(name) for name in found]))
"""
    said = subprocess.run([str(python), "-P", "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    assert int(said.stdout or 0) > 300, said.stderr
    command = [str(python), "-P", "-m", "candlecast_client", "you@example.com"]
    said = subprocess.run(command, env={}, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    assert (said.returncode, said.stderr) == (1, "the variable CANDLECAST_POOL is not set\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`candlecast` of an environment that holds nothing but it, made by pip from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    made = [str(UV), "venv", "--quiet", "--seed", "--no-project", "--python", sys.executable, str(folder / "venv")]
    _run(made)
    _run([str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)])
    yield folder / "venv" / "bin" / "candlecast"
    shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> None:
    outcome = subprocess.run(  # noqa: S603
        command, env=tool_environment(), capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def say(command: Path, folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the installed command, called in a folder."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "NO_COLOR": "1"}
    outcome = subprocess.run(  # noqa: S603
        [str(command), *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return outcome.returncode, outcome.stdout, outcome.stderr


def test_an_installed_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    code, printed, _ = say(installed, tmp_path, "--help")
    assert code == 0
    assert all(group in printed for group in ("local", "account", "dlq", "switch", "build", "Examples", "Exit codes"))
    for words in (("local", "--help"), ("account", "--help"), ("account", "show", "--help"), ("switch", "set", "--help")):
        code, printed, said = say(installed, tmp_path, *words)
        assert (code, said) == (0, ""), words
        assert "Examples" in printed, words
    assert say(installed, tmp_path, "--version")[1] == f"candlecast {candlecast.__version__}\n"


def test_an_installed_command_says_what_it_lacks(installed: Path, tmp_path: Path) -> None:
    code, printed, said = say(installed, tmp_path, "local", "up")
    assert (code, printed) == (3, "")
    assert said.startswith("candlecast: NOT_A_CHECKOUT: ")
    assert len(said.splitlines()) == 1
    code, printed, said = say(installed, tmp_path, "account", "list", "--tenant", "t", "--stack", "s", "--region", "eu-central-1")
    assert (code, printed) == (3, "")
    assert said.startswith("candlecast: EXTRA_MISSING: needs, in a checkout: pip install '.[aws]'")
    code, _, said = say(installed, tmp_path, "dlq", "list", "nonsense")
    assert (code, said.split(": ")[1]) == (2, "UNKNOWN_QUEUE")


def test_inside_a_checkout_an_installed_command_becomes_the_checkouts_own(installed: Path) -> None:
    code, _, said = say(installed, ROOT / "docs", "local", "status", "--name", "nowhere-to-be-found")
    assert (code, said.split(": ")[1]) == (3, "INSTANCE_NOT_RUNNING"), said


def test_an_installed_package_is_light_and_gives_authors_their_base(installed: Path) -> None:
    code = f"""
from importlib.util import find_spec
import candlecast.strategy
print([name for name in {NOT_INSTALLED!r} if find_spec(name)])
"""
    python = installed.with_name("python")
    outcome = subprocess.run(  # noqa: S603
        [str(python), "-P", "-c", code], cwd="/", capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert outcome.stdout == "[]\n", outcome.stderr


def sizes(python: Path) -> dict[str, int]:
    """Bytes of each distribution in an environment, by its name."""
    code = """
from importlib.metadata import distributions
for it in distributions():
    found = [file.locate() for file in it.files or ()]
    print(it.metadata["Name"].lower(), sum(file.stat().st_size for file in found if file.is_file()))
"""
    outcome = subprocess.run(  # noqa: S603
        [str(python), "-P", "-c", code], cwd="/", capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return {name: int(size) for name, size in (line.split() for line in outcome.stdout.splitlines())}


def test_numpy_is_the_heaviest_package_of_the_base(installed: Path) -> None:
    found = sizes(installed.with_name("python"))
    del found["pip"]  # the seed of the environment
    heaviest, second = sorted(found, key=lambda name: -found[name])[:2]
    assert heaviest == "numpy"
    assert found[second] < found["numpy"] / 4
    assert {"ccxt", "boto3", "pyarrow", "matplotlib", "pandas"}.isdisjoint(found)


def test_an_author_begins_checks_and_backtests_with_the_installed_command_alone(installed: Path, tmp_path: Path) -> None:
    assert say(installed, tmp_path, "strategy", "new", "mine")[:2] == (0, "mine.py\n")
    for strategy in ("mine.py", "sma_cross"):
        code, printed, said = say(installed, tmp_path, "strategy", "check", strategy)
        assert (code, "FAIL" in printed) == (0, False), printed + said
    candles = str(sample_files()[0])
    assert say(installed, tmp_path, "candles", "check", candles)[0] == 0
    for strategy in ("mine.py", "sma_cross"):
        words = ("backtest", strategy, "--candles", candles, "--quantity", "1", "--cash", "1000000")
        code, _, said = say(installed, tmp_path, *words, "--json", "result.json", "--plot", "report.html")
        assert code == 0, said
        result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
        assert (result["rows"], result["closed_trades"] > 0) == (720, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "report.html", "result.json"]


def test_a_missing_extra_is_named_by_each_command_that_needs_one(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "candles.parquet").touch()
    candles = str(sample_files()[0])
    fetch = ("candles", "fetch", "kraken", "BTC/USD", "1d", "--from", "2024-01-01", "--out", "btc.csv")
    for extra, words in (
        ("fetch", fetch),
        ("parquet", ("candles", "check", "candles.parquet")),
        ("plot", ("backtest", "sma_cross", "--candles", candles, "--quantity", "1", "--plot", "equity.png")),
    ):
        code, _, said = say(installed, tmp_path, *words)
        assert code == 3, said
        assert said.splitlines()[-1].startswith("candlecast: EXTRA_MISSING: ")
        assert said.endswith(f"in a checkout: pip install '.[{extra}]'\n"), said
