"""`candlecast local` on a stand-in for a running instance: output, refusals, stopping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from candlecast_cli import local
from candlecast_cli.failures import CommandFailed
from infra.local import first_order
from infra.local.cloud import User, Worker
from infra.local.first_order import Step
from infra.local.project import ROOT
from tests.support.processes import ends
from tests.unit.command_line.running import refused, run

pytestmark = pytest.mark.slow


class FakeCloud:
    """A running instance with two functions."""

    endpoint = "http://127.0.0.1:4566"
    state = Path("/nonexistent")
    say: Callable[[str], None]

    def __init__(self) -> None:
        self.outputs = {"ApiUrl": "http://127.0.0.1:8080", "TableName": "table"}
        self.deployed: dict[str, str] | None = None

    def functions(self) -> list[str]:
        return ["api", "order_executor"]

    def logs(self) -> dict[str, str]:
        return {"candlecast-api": "asked\n", "candlecast-order_executor": "sent\nfilled\n"}

    def workers(self) -> list[Worker]:
        return [Worker("candlecast-api", 42, True)]

    def groups(self) -> list[str]:
        return ["platform_admin"]

    def user(self, email: str, *, groups: tuple[str, ...] = ()) -> User:
        return User(email, "tenant-1", f"token-of-{email}-{'-'.join(groups)}")

    def update(self, **overrides: str) -> dict[str, str]:
        self.deployed = overrides
        return self.outputs


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    made = FakeCloud()
    monkeypatch.setattr(local, "_attach", lambda _name: made)
    return made


def test_logs_of_one_function(cloud: FakeCloud) -> None:
    shown = run("local", "logs", "order_executor").stdout.splitlines()
    assert shown == ["candlecast-order_executor  sent", "candlecast-order_executor  filled"]
    assert len(run("local", "logs").stdout.splitlines()) == 3


def test_a_function_that_does_not_exist_is_refused_with_those_that_do(cloud: FakeCloud) -> None:
    line = refused(2, "UNKNOWN_FUNCTION", "local", "logs", "executor")
    assert line.endswith("there is no function called 'executor': api, order_executor")


def test_status_for_people_for_programs_and_one_output(cloud: FakeCloud) -> None:
    assert "http://127.0.0.1:8080" in run("local", "status").stdout
    told = json.loads(run("local", "status", "--json").stdout)
    assert told["workers"] == [{"function": "candlecast-api", "pid": 42, "busy": True}]
    assert told["outputs"] == cloud.outputs
    assert run("local", "status", "--output", "ApiUrl").stdout == "http://127.0.0.1:8080\n"
    refused(2, "UNKNOWN_OUTPUT", "local", "status", "--output", "ApiURL")


def test_a_token_and_its_roles(cloud: FakeCloud) -> None:
    assert run("local", "token", "you@example.com").stdout == "token-of-you@example.com-\n"
    told = json.loads(run("local", "token", "you@example.com", "--group", "platform_admin", "--json").stdout)
    assert told["token"] == "token-of-you@example.com-platform_admin"
    refused(2, "UNKNOWN_GROUP", "local", "token", "you@example.com", "--group", "admin")


def test_deploy_passes_the_parameters_that_are_named(cloud: FakeCloud) -> None:
    assert run("local", "deploy", "--parameter", "LogLevel=DEBUG", "--parameter", "Venues=a=b").exit_code == 0
    assert cloud.deployed == {"LogLevel": "DEBUG", "Venues": "a=b"}


class FakeOrder:
    """An order whose steps a test has written."""

    steps: tuple[Step, ...] = ()

    def __init__(self, _cloud: object, email: str, notional: Decimal) -> None:
        assert (email, notional) == ("trader@example.com", Decimal(250))

    def prepare(self) -> None: ...

    def send(self, action: str, symbol: str) -> Step:
        return Step("signal", f"{action} {symbol} at 1", 0.0, {"signal_id": "signal-1"})

    def watch(self) -> Iterator[Step]:
        yield from self.steps


class EndedCloud:
    """An instance whose emulator has ended."""

    alive = False
    state = Path("/nonexistent")

    def __init__(self, *, crashed: bool) -> None:
        self.crashed = crashed


def test_a_killed_emulator_is_a_failure_and_a_stopped_one_is_none() -> None:
    local._stay(cast("Any", EndedCloud(crashed=False)))
    with pytest.raises(CommandFailed, match="EMULATOR_FAILED: the emulator was killed"):
        local._stay(cast("Any", EndedCloud(crashed=True)))


def decided(*reasons: str) -> Step:
    return Step("decision", f"1 leg(s): ENTRY {' '.join(reasons)}", 0.1, {"legs": ["ENTRY"], "reasons": list(reasons)})


@pytest.fixture
def order(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> type[FakeOrder]:
    monkeypatch.setattr(first_order, "FirstOrder", FakeOrder)
    return FakeOrder


def test_an_order_is_watched_to_its_fill(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (decided(), Step("order", "ENTRY SUBMITTING", 0.2, {}), Step("fill", "ENTRY FILLED", 0.3, {"state": "FILLED"}))
    monkeypatch.setattr(order, "steps", steps)
    result = run("local", "order", "--watch")
    assert result.exit_code == 0, result.output
    assert [line.split()[2] for line in result.stdout.splitlines()] == ["signal", "decision", "order", "fill"]
    told = json.loads(run("local", "order", "--watch", "--json").stdout)
    assert [step["kind"] for step in told] == ["signal", "decision", "order", "fill"]
    assert json.loads(run("local", "order", "--json").stdout) == told[:1]


def test_an_order_that_is_not_filled_fails_and_says_why(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "steps", (decided("POSITION_ALREADY_OPEN"),))
    result = run("local", "order", "--watch")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("candlecast: NOT_FILLED: the position is open already")
    monkeypatch.setattr(order, "steps", (decided("KILL_SWITCH"),))
    assert "KILL_SWITCH: `candlecast switch show`" in run("local", "order", "--watch").stderr


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_what_goes_on_and_ends_with_130(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, name: signal.Signals
) -> None:
    before = signal.getsignal(name)

    def interrupted() -> dict[str, str]:
        os.kill(os.getpid(), name)
        return {}

    monkeypatch.setattr(cloud, "logs", interrupted)
    assert refused(130, "STOPPED", "local", "logs", "--follow") == "candlecast: STOPPED: stopped"
    assert signal.getsignal(name) == before, "the caller's own handler is back"


def test_a_run_of_make_ends_when_make_is_killed() -> None:
    """Nobody tells the run: it compares its parent with make, also if make is gone by the first look."""
    waits = "import os, time; from candlecast_cli.local import stoppable\nwith stoppable(PID): time.sleep(3_600)"
    starter = (
        "import os, subprocess, sys\n"
        f"code = {waits!r}.replace('PID', str(os.getpid()))\n"
        "print(subprocess.Popen([sys.executable, '-c', code]).pid, flush=True); input()"
    )
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as make:
        assert make.stdout is not None
        pid = int(make.stdout.readline())
        make.kill()
    assert ends(pid)


def test_make_names_itself_as_the_parent() -> None:
    """`$PPID` of the shell that make starts is make, and `exec` leaves that shell's child none of its own."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "RUN := exec .venvs/dev/bin/candlecast local\n" in makefile.replace("$(CANDLECAST)", ".venvs/dev/bin/candlecast")
    for target in ("up", "demo", "chaos"):
        assert f"@$(RUN) {target} --end-with $$PPID" in makefile
