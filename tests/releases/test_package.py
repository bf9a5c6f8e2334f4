"""A packed build: the same bytes for the same files, and no other file in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.release.package import main, pack, unpack


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "build" / "sam" / "ApiFunction").mkdir(parents=True)
    (folder / "build" / "sam" / "ApiFunction" / "handler.py").write_text("handle = None\n")
    (folder / "build" / "sam" / "template.yaml").write_text("Resources: {}\n")
    (folder / "build" / "elsewhere").write_text("not packed")
    (folder / "samconfig.toml").write_text("version = 0.1\n")
    return folder


def test_the_same_build_is_the_same_file_whenever_it_is_packed(checkout: Path, tmp_path: Path) -> None:
    first = pack(checkout, tmp_path / "first.tar")
    os.utime(checkout / "samconfig.toml", (1, 1))
    (checkout / "samconfig.toml").chmod(0o600)
    assert pack(checkout, tmp_path / "second.tar") == first
    (checkout / "samconfig.toml").write_text("version = 0.2\n")
    assert pack(checkout, tmp_path / "third.tar") != first


def test_what_was_packed_is_unpacked_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    unpack(tmp_path / "a.tar", tmp_path / "there", pack(checkout, tmp_path / "a.tar"))
    found = {path.relative_to(tmp_path / "there").as_posix() for path in (tmp_path / "there").rglob("*") if path.is_file()}
    assert found == {"build/sam/ApiFunction/handler.py", "build/sam/template.yaml", "samconfig.toml"}


def test_a_file_that_was_not_built_is_refused(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, there = tmp_path / "a.tar", tmp_path / "there"
    assert main(["pack", str(checkout), str(archive)]) == 0
    digest = capsys.readouterr().out.strip().removeprefix("digest=")
    archive.write_bytes(archive.read_bytes() + b"\0")
    assert main(["unpack", str(archive), str(there), "--digest", digest]) == 1
    assert not there.exists()


def test_a_checkout_that_is_not_built_is_refused(tmp_path: Path) -> None:
    assert main(["pack", str(tmp_path), str(tmp_path / "a.tar")]) == 1
