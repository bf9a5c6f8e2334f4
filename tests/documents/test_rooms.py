"""The house is easy to see: rooms are small, the same words name them in each layer, and the architecture page lists them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "layers" / "core" / "candlecast"
PAPER = ROOT / "layers" / "paper" / "paper_exchange"
OTHERS = ("command_line", "clients", "functions", "strategies", "infra", "verification", "benchmarks", "tests")
SHELVES = (CORE, PAPER, *(ROOT / name for name in OTHERS))
DOZEN = 13  # about a dozen modules; `__init__.py` and `conftest.py` do not count
REASON = "than a dozen"  # larger, or more
SERVICES_ALONE = {"relay"}  # capabilities that decide nothing by values of their own
MIRRORS = {  # a folder of unit tests, and the code whose rooms it mirrors
    "adapters": CORE / "adapters",
    "domain": CORE / "domain",
    "services": CORE / "services",
    "paper": PAPER,
}


def rooms(shelf: Path) -> Iterator[Path]:
    """A folder and all folders below that hold modules."""
    for folder in (shelf, *shelf.rglob("*")):
        if folder.is_dir() and "__pycache__" not in folder.parts and any(folder.glob("*.py")):
            yield folder


def names(folder: Path) -> set[str]:
    """The rooms directly within a folder."""
    return {room.name for room in rooms(folder) if room.parent == folder}


def modules(room: Path) -> int:
    return sum(path.name not in {"__init__.py", "conftest.py"} for path in room.glob("*.py"))


def reason(room: Path) -> str:
    """The docstring of the room's `__init__`, or of a suite's `conftest`, in one line; empty if there is none."""
    docstrings = [
        ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        for name in ("__init__.py", "conftest.py")
        if (file := room / name).exists()
    ]
    return " ".join(" ".join(docstrings).split())


ALL = [room for shelf in SHELVES for room in rooms(shelf)]
LARGE = {room.relative_to(ROOT).as_posix(): room for room in ALL if modules(room) > DOZEN}


@pytest.mark.parametrize("room", sorted(LARGE))
def test_a_room_of_more_than_about_a_dozen_modules_says_why(room: str) -> None:
    assert REASON in reason(LARGE[room]), f"{modules(LARGE[room])} modules: split the room, or say why it is one"


def test_no_room_excuses_a_size_that_it_has_not() -> None:
    small = [room for room in ALL if modules(room) <= DOZEN]
    assert [room.relative_to(ROOT).as_posix() for room in small if REASON in reason(room)] == []


@pytest.mark.parametrize("shelf", [CORE, PAPER], ids=lambda shelf: shelf.name)
def test_every_room_of_the_product_says_what_it_is_for(shelf: Path) -> None:
    assert [room.relative_to(ROOT).as_posix() for room in rooms(shelf) if not reason(room)] == []


def test_services_name_their_rooms_as_the_domain_does() -> None:
    assert names(CORE / "services") - SERVICES_ALONE <= names(CORE / "domain")
    assert SERVICES_ALONE.isdisjoint(names(CORE / "domain"))


@pytest.mark.parametrize("layer", ["domain", "services"])
def test_each_module_stands_in_a_room(layer: str) -> None:
    outside = {path.name for path in (CORE / layer).glob("*.py")} - {"__init__.py"}
    assert outside <= {"expectation.py", "retry_conflict.py"}, "what several rooms of the services share may stand beside them"


@pytest.mark.parametrize("mirror", MIRRORS)
def test_unit_tests_mirror_the_rooms(mirror: str) -> None:
    assert names(ROOT / "tests" / "unit" / mirror) <= names(MIRRORS[mirror])


@pytest.mark.parametrize("shelf", ["benchmarks", "verification", "infra", "command_line", "tests/support"])
def test_nothing_but_a_test_imports_a_module_of_tests(shelf: str) -> None:
    """Helpers stand in tests/support."""
    wrong = re.compile(r"^\s*(?:from|import) tests\.[\w.]*\b(?:test_\w+|conftest)\b", re.MULTILINE)
    files = [path for path in (ROOT / shelf).rglob("*.py") if not path.name.startswith("test_")]
    assert [path.relative_to(ROOT).as_posix() for path in files if wrong.search(path.read_text(encoding="utf-8"))] == []


def test_the_architecture_page_lists_the_rooms_as_they_are() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = page.split("\n### The rooms\n")[1].split("\n### ")[0]
    listed = re.findall(r"^\| `(\w+)/` \|([^|]*)\|([^|]*)\|$", section, re.MULTILINE)
    names_of_rows = [name for name, _, _ in listed]
    assert names_of_rows[: -len(SERVICES_ALONE)] == order_of_the_domain(), "from the top"
    assert set(names_of_rows[-len(SERVICES_ALONE) :]) == SERVICES_ALONE
    assert {name for name, domain, _ in listed if domain.strip()} == names(CORE / "domain")
    assert {name for name, _, services in listed if services.strip()} == names(CORE / "services")


def order_of_the_domain() -> list[str]:
    """The rooms from the top, as the contract of import-linter lists them."""
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("the domain's rooms look down, never back")[1]
    return re.findall(r'"(\w+)"', contract.split("layers = [")[1].split("]")[0])
