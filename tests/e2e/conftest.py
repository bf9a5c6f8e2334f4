"""One embedded cloud for all end-to-end tests, with the generated roles enforced; each module deploys anew into it.

Larger than a dozen because each story has a module, and processes share out the modules.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from candlecast.adapters.aws import clients as aws
from candlecast_cli import stacks
from infra.local import deployment
from infra.local.cloud import Cloud
from tests.support.patience import be_patient
from tests.support.stage import INSTANCE

FOLDER = Path(__file__).parent


# Those that wait for the real time or take longest: they begin first, and all processes end at about the same time.
FIRST = (
    "uploaded_strategies",
    "dead_letters",
    "crashes",
    "isolation",
    "replay",
    "restore",
    "command",
    "secrets",
    "schedules",
    "synthetic",
    "keys",
    "fan_out",
    "kill_switch",
    "pools",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the embedded cloud."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=place)


def place(item: pytest.Item) -> int:
    """Of a test among all others; those of a module stay together and in their order."""
    name = item.path.stem.removeprefix("test_")
    return FIRST.index(name) if item.path.parent == FOLDER and name in FIRST else len(FIRST)


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line of progress past pytest's capture: some tests wait for minutes.

    Of several processes, none has the terminal.
    """
    reporter: Any = request.config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = request.config.pluginmanager.get_plugin("capturemanager")
    alone = "PYTEST_XDIST_WORKER" not in os.environ

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            if alone:
                reporter.ensure_newline()
            print(f"  {text}", file=sys.stdout if alone else sys.stderr, flush=True)

    return write


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A running instance without a stack, and readers of records that wait for it on a slow machine.

    Readers put its address into the environment, so that is put back.
    """
    before = dict(os.environ)
    aws.session.cache_clear()  # it keeps the keys that an earlier test of this process had
    with pytest.MonkeyPatch.context() as patch, Cloud(INSTANCE) as started:
        be_patient(patch)
        yield started
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def connected(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command find the embedded cloud where a person's profile finds AWS."""
    session = boto3.Session("test", "test", region_name=deployment.REGION)
    monkeypatch.setattr(stacks, "connect", lambda where: stacks.Stack(where.stack or deployment.STACK, session, cloud.endpoint))
