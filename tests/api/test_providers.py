"""The parts of use cases: every provider has a fake here, and makes its promised value in a deployment."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from candlecast.runtime.compose import api
from tests.api.conftest import Deployment
from tests.api.test_imports import ENVIRONMENT

pytestmark = pytest.mark.slow

PROVIDERS = {name: value for name, value in vars(api).items() if inspect.iscoroutinefunction(value)}
EVERY_ONE_TWICE = """
import asyncio, inspect
from candlecast.runtime.compose import api
for name, provider in vars(api).items():
    if inspect.iscoroutinefunction(provider):
        first, second = asyncio.run(provider()), asyncio.run(provider())
        print(name, first is second)
"""


def test_every_provider_has_a_fake() -> None:
    assert set(Deployment().providers) == set(PROVIDERS.values())


def test_every_provider_makes_its_value_once_from_the_environments_settings() -> None:
    command = [sys.executable, "-c", EVERY_ONE_TWICE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=60)  # noqa: S603 - our own code
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} True" for name in PROVIDERS]


def test_a_missing_setting_fails_the_invocation_before_any_request_is_read() -> None:
    variables = {name: value for name, value in ENVIRONMENT.items() if name != "TRADE_QUEUE_URL"}
    command = [sys.executable, "-c", "import functions.api.handler as handler; handler._adapter()"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=60)  # noqa: S603 - our own code
    assert done.returncode != 0
    assert "missing or malformed: TRADE_QUEUE_URL" in done.stderr
