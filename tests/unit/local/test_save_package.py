"""A package that several processes save at once is whole."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local import deployment

DIGEST = "d1"


def uploaded(meanwhile: Any = None) -> Any:
    """Clients of a cloud with one uploaded object; `meanwhile` happens after somebody has begun to save."""

    def get_template(**_: str) -> dict[str, str]:
        if meanwhile is not None:
            meanwhile()
        return {"TemplateBody": "uses key-1"}

    pages = SimpleNamespace(paginate=lambda **_: [{"Contents": [{"Key": "key-1"}]}])
    clients = {
        "cloudformation": SimpleNamespace(get_template=get_template),
        "s3": SimpleNamespace(
            list_buckets=lambda: {"Buckets": [{"Name": "bucket-1"}]},
            get_paginator=lambda _: pages,
            download_file=lambda _bucket, _key, path: Path(path).write_text("code"),
        ),
    }
    return clients.__getitem__


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(deployment, "PACKAGE", tmp_path / "package")
    return tmp_path / "package"


def test_another_process_that_saves_the_same_build_takes_nothing_away(package: Path) -> None:
    deployment.save_package(uploaded(meanwhile=lambda: deployment.save_package(uploaded(), DIGEST)), DIGEST)
    assert [path.name for path in package.iterdir()] == [DIGEST]
    assert (package / DIGEST / "object-0").read_text() == "code"


def test_an_older_package_is_removed(package: Path) -> None:
    deployment.save_package(uploaded(), "d0")
    deployment.save_package(uploaded(), DIGEST)
    assert [path.name for path in package.iterdir()] == [DIGEST]
