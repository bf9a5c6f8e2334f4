"""A bill of materials lists what lies in a layer, equals its lock, and has the same bytes each time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.release.commits import ROOT

PYTHON = ROOT / ".venvs" / "release" / "bin" / "python"
SECONDS = 300  # for one that hangs
WHEN = {"GIT_AUTHOR_DATE": "2026-11-30T10:00:00+00:00", "GIT_COMMITTER_DATE": "2026-11-30T10:00:00+00:00"}
WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com")


def bills(checkout: Path, into: Path) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-W", "error", "-m", "infra.release.bill", str(checkout), "--into", str(into)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603


def read(into: Path, layer: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((into / f"{layer}.cdx.json").read_text(encoding="utf-8"))
    return held


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A built checkout with one layer of two packages."""
    folder = tmp_path / "checkout"
    put(folder / "layers" / "core" / "candlecast" / "__init__.py", '__version__ = "1.2.3"\n')
    put(folder / "layers" / "signing" / "Makefile", "")
    put(folder / "layers" / "signing" / "layer.py", "")
    put(folder / "layers" / "signing" / "requirements.lock", "cffi==2.0.0 \\\n    --hash=sha256:00\nPy_Thing==3.0\n")
    for name, version, licence in (("cffi", "2.0.0", "License-Expression: MIT"), ("Py.Thing", "3.0", "Name-Of: nothing")):
        metadata = folder / "build" / "sam" / "SigningLayer" / "python" / f"{name}-{version}.dist-info"
        put(metadata / "METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{licence}\n\n")
        put(metadata / "RECORD", f"{name}/__init__.py,sha256=abc,10\n")
    for words in (["init", "-q"], ["add", "layers"], [*WHO, "commit", "-q", "-m", "Build"]):
        subprocess.run(["git", *words], cwd=folder, env={**WHEN, "PATH": "/usr/bin:/bin"}, check=True)  # noqa: S603, S607
    return folder


@pytest.mark.slow
def test_a_bill_names_packages_versions_licences_and_the_layer_that_holds_them(checkout: Path, tmp_path: Path) -> None:
    outcome = bills(checkout, tmp_path / "one")
    assert outcome.returncode == 0, outcome.stderr
    bill = read(tmp_path / "one", "signing")
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["timestamp"]) == (
        "CycloneDX",
        "1.6",
        "2026-11-30T10:00:00+00:00",
    )
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == (
        "candlecast-layer-signing",
        "1.2.3",
    )
    assert [it["purl"] for it in bill["components"]] == ["pkg:pypi/cffi@2.0.0", "pkg:pypi/py-thing@3.0"]
    assert bill["components"][0]["licenses"] == [{"license": {"id": "MIT"}}]
    assert "layers/signing/layer.py" in bill["components"][0]["pedigree"]["notes"]
    depends = {it["ref"]: it.get("dependsOn") for it in bill["dependencies"]}
    assert depends["layer-signing"] == ["cffi@2.0.0", "py-thing@3.0"]


@pytest.mark.slow
def test_the_same_build_has_the_same_bill_and_an_edited_file_another(checkout: Path, tmp_path: Path) -> None:
    bills(checkout, tmp_path / "one")
    bills(checkout, tmp_path / "two")
    record = next(checkout.rglob("cffi-2.0.0.dist-info/RECORD"))
    put(record, "cffi/__init__.py,sha256=other,10\n")
    bills(checkout, tmp_path / "three")
    one, two, three = ((tmp_path / it / "signing.cdx.json").read_bytes() for it in ("one", "two", "three"))
    assert one == two != three


@pytest.mark.slow
@pytest.mark.parametrize("change", ["another version", "a package more", "a package less", "not built"])
def test_a_layer_that_is_not_what_its_lock_says_has_no_bill(checkout: Path, tmp_path: Path, change: str) -> None:
    lock, layer = checkout / "layers" / "signing" / "requirements.lock", checkout / "build" / "sam" / "SigningLayer"
    match change:
        case "another version":
            lock.write_text("cffi==2.0.1\npy-thing==3.0\n")
        case "a package more":
            lock.write_text("cffi==2.0.0\n")
        case "a package less":
            lock.write_text("cffi==2.0.0\npy-thing==3.0\nnumpy==2.5.5\n")
        case _:
            layer.rename(layer.with_name("ElsewhereLayer"))
    outcome = bills(checkout, tmp_path / "one")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("sbom: signing: ")
    assert not list((tmp_path / "one").glob("*.json"))


@pytest.mark.e2e
def test_each_layer_that_is_deployed_has_a_bill_with_the_packages_of_its_lock(tmp_path: Path) -> None:
    from infra.local.deployment import build

    build()
    outcome = bills(ROOT, tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    folders = {path.parent.name for path in ROOT.glob("layers/*/Makefile")}
    assert {path.name.removesuffix(".cdx.json") for path in tmp_path.iterdir()} == folders
    assert {"boto3", "pydantic"} & {it["name"] for it in read(tmp_path, "deps")["components"]} == {"boto3", "pydantic"}
    assert "ccxt" in {it["name"] for it in read(tmp_path, "exchange")["components"]}
