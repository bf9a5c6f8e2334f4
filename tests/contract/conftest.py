"""The embedded cloud for contract tests: one emulator per test run, started when the first test asks for it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.patience import be_patient
from tests.support.processes import free_port

REPOSITORY = Path(__file__).parents[2]
INTERPRETER = REPOSITORY / ".venvs" / "emulator" / "bin" / "python"
START_SECONDS = 300  # limit for a start that hangs, as the limits below
ANSWER_SECONDS = 120
STOP_SECONDS = 60
CLOUD_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that open nothing, in place of this machine's keys: a test must not reach a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in CLOUD_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for answers of the emulator that come late because the machine is busy."""
    be_patient(monkeypatch)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of a running emulator."""
    if not INTERPRETER.exists():
        pytest.fail("the emulator's environment is missing: make environments")
    folder = tmp_path_factory.mktemp("emulator")
    port = free_port()
    log = folder / "log.txt"
    command = [str(INTERPRETER), "-m", "infra.local.emulator", "--port", str(port), "--state", str(folder)]
    command += ["--code", str(folder / "code")]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output) as process,  # noqa: S603  (our own emulator)
    ):
        endpoint = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(process, endpoint, log)
            yield endpoint
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _wait_until_up(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the emulator ended: {log.read_text()[-2000:]}")
        try:
            with urlopen(f"{endpoint}/_ministack/health", timeout=ANSWER_SECONDS):  # noqa: S310  (our own address)
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the emulator does not answer: {log.read_text()[-2000:]}")
