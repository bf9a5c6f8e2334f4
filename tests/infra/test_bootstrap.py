"""`infra/local/bootstrap.sh` on a machine with little: stand-ins for Python and uv note what they were asked."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.project import ROOT

BOOTSTRAP = "infra/local/bootstrap.sh"
SECONDS = 60
BASICS = ("sh", "cat", "chmod", "cksum", "cp", "dirname", "mkdir", "rm")

# A Python that is not 3.13. Its environments are made of itself, and its pip brings a uv.
PYTHON = """#!/bin/sh
echo "python $*" >>"$ASKED"
case "$*" in
*"%d.%d"*) exit 1 ;;
*ensurepip*) exit {too_old} ;;
*realpath*) echo "$0" ;;
*"-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*"-m pip"*) cp "$UV" .venvs/uv/bin/uv ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"$ASKED"
case "$1" in
--version) ;;
venv) {venv} ;;
esac
"""
MAKES = 'for folder; do :; done; mkdir -p "$folder/bin"'
CANNOT = 'echo "error: no download" >&2; exit 2'


@dataclass
class Machine:
    """A checkout's bootstrap and a PATH that holds the basics alone."""

    root: Path

    def give(self, name: str, text: str) -> Path:
        path = self.root / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def run(self) -> tuple[int, str, list[str]]:
        """Exit code, standard error, and the calls of the stand-ins."""
        asked = self.root / "asked"
        environment = {"PATH": str(self.root / "bin"), "HOME": str(self.root), "ASKED": str(asked), "UV": str(self.root / "uv")}
        outcome = subprocess.run(  # noqa: S603 - the project's own script
            [str(self.root / "bin" / "sh"), BOOTSTRAP, "bench"],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return outcome.returncode, outcome.stderr, asked.read_text(encoding="utf-8").splitlines() if asked.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    for name in (BOOTSTRAP, "infra/local/environments/bench.lock", "infra/local/environments/uv.lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return Machine(tmp_path)


def with_uv(machine: Machine, venv: str) -> None:
    (machine.root / "uv").write_text(UV.format(venv=venv), encoding="utf-8")
    (machine.root / "uv").chmod(0o755)


def test_any_python_brings_uv_and_uv_brings_the_python(machine: Machine) -> None:
    machine.give("python3", PYTHON.format(too_old=0))
    with_uv(machine, MAKES)
    code, said, asked = machine.run()
    assert code == 0, said
    (installed,) = [line for line in asked if "-m pip install" in line]
    assert "--require-hashes -r infra/local/environments/uv.lock" in installed
    (made,) = [line for line in asked if line.startswith("uv venv")]
    assert "3.13" in made
    assert any(line.startswith("uv pip sync") and "--require-hashes" in line for line in asked)


def test_where_uv_can_bring_no_python_it_says_what_to_install(machine: Machine) -> None:
    machine.give("python3", PYTHON.format(too_old=0))
    with_uv(machine, CANNOT)
    code, said, _ = machine.run()
    assert code == 1
    assert "error: no download" in said
    assert "uv found no Python 3.13 and could not bring one, see above. Install Python 3.13" in said
    assert not (machine.root / ".venvs/bench/.stamp").exists(), "half an environment is no environment"


def test_without_uv_and_with_a_python_that_is_too_old_it_says_what_it_needs(machine: Machine) -> None:
    machine.give("python3", PYTHON.format(too_old=1))
    code, said, asked = machine.run()
    assert code == 1
    assert "needs uv, or a Python from 3.9 on" in said
    assert not any("venv" in line.split()[1:3] for line in asked)


def test_a_uv_that_is_there_is_used_as_it_is(machine: Machine) -> None:
    machine.give("uv", UV.format(venv=MAKES))
    code, said, asked = machine.run()
    assert code == 0, said
    assert not any(line.startswith("python") for line in asked)


def test_certificates_of_the_system_are_trusted(machine: Machine) -> None:
    """Behind a company's certificate uv's own list knows nobody."""
    machine.give("uv", UV.format(venv=f'echo "trust $UV_SYSTEM_CERTS $UV_NATIVE_TLS" >>"$ASKED"; {MAKES}'))
    assert "trust 1 1" in machine.run()[2]
