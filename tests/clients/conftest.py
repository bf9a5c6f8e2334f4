"""The generated clients, made once for each process that tests them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import python_client, typescript_client
from tests.api.conftest import Deployment, made_deployment, populate
from tests.api.test_acts import held
from tests.support.served_api import serve


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The API's description as the generators take it."""
    file = tmp_path_factory.mktemp("described") / "openapi.json"
    file.write_bytes(python_client.make_document())
    return file


@pytest.fixture(scope="session")
def package(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python client, which tests may import."""
    made = python_client.make(tmp_path_factory.mktemp("python"), document)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(made.parent)
        yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == made.name]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def typescript(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript client."""
    return typescript_client.make(tmp_path_factory.mktemp("clients") / "typescript", document)


@pytest.fixture
def deployment() -> Deployment:
    """A tenant with an account, a subscription, a filled order, a position that is held, and a trade."""
    made = populate(made_deployment())
    held(made)
    return made


@pytest.fixture
def api(deployment: Deployment) -> Iterator[str]:
    """The address of the real application over fakes; the token of a tenant is its name."""
    with serve(deployment.providers, lambda: None) as address:
        yield address
