"""The `candlecast` command as a new user meets it: the README's first order, pasted, and an instance that lives on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import kept_state
from infra.local.cloud import CLOUDS, Cloud, Ports
from infra.local.project import ROOT
from tests.documents.test_documents import DOCUMENTS
from tests.documents.test_publish_guide import ELSEWHERE
from tests.documents.test_publish_guide import GUIDE as PUBLISH
from tests.support.shell_blocks import blocks as blocks_of
from tests.support.waiting import until

NAME = "test-command"
COMMAND = ROOT / ".venvs" / "dev" / "bin" / "candlecast"
USERS = 6  # the special cases and one ordinary trader
START_SECONDS = 600
STOP_SECONDS = 120
WALK_SECONDS = 600
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """The commands of the README's first order, block by block."""
    section = README[README.index("## First order in five minutes") : README.index("## On AWS")]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def environment(name: str = NAME) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {**kept, "CANDLECAST_NAME": name}


def candlecast(*words: str, status: int = 0) -> str:
    """Output of a command, which must end with this exit code."""
    outcome = subprocess.run(  # noqa: S603
        [str(COMMAND), *words], env=environment(), cwd="/", capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert outcome.returncode == status, outcome.stdout + outcome.stderr
    return outcome.stdout


class Terminal:
    """A terminal in which somebody has started something that stays."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._said = folder / f"said-{time.monotonic_ns()}"
        with self._said.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603
                [str(COMMAND), *words], env=environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.said or self.process.poll() is not None, bool, START_SECONDS)
        assert text in self.said, self.said

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)


def emulators(name: str = NAME) -> list[str]:
    """Processes that belong to an instance: its emulator and, by their scripts, its workers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{CLOUDS / name}/" in f"{words}/" or f"{CLOUDS / name}\0" in words:
            found.append(words.replace("\0", " "))
    return found


def start(folder: Path, *words: str) -> Terminal:
    terminal = Terminal(folder, "local", "up", *words)
    terminal.wait_for("stays until Ctrl-C")
    return terminal


@pytest.fixture(scope="module")
def ports() -> list[str]:
    free = Ports.free()
    return ["--port", str(free.aws), "--api-port", str(free.api), "--paper-port", str(free.paper)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, ports: list[str]) -> Iterator[Terminal]:
    terminal = start(tmp_path_factory.mktemp("up"), "--fresh", "--users", str(USERS), *ports)
    yield terminal
    if terminal.process.poll() is None:
        terminal.end(signal.SIGKILL)
    until(emulators, lambda found: not found, STOP_SECONDS)
    kept_state.forget(NAME)


def pasted(printed: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The outcome of blocks pasted into one shell. The shell ends at the first command that fails."""
    return subprocess.run(  # noqa: S603 - the project's own words
        [str(shutil.which("bash")), "-c", "set -eu\n" + "\n".join(printed)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WALK_SECONDS,
        check=False,
    )


def items(email: str, path: str) -> list[dict[str, Any]]:
    """The first page of a listing, as this person sees it."""
    token = candlecast("local", "token", email).strip()
    url = candlecast("local", "status", "--output", "ApiUrl").strip()
    answer = httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def orders_of(email: str) -> list[dict[str, Any]]:
    return items(email, "/v1/orders")


def test_an_operator_reads_the_account_and_stops_its_orders_and_lets_them_go_again(up: Terminal) -> None:
    assert "fill" in candlecast("local", "order", "--watch")
    assert "POSITION_ALREADY_OPEN" in candlecast("local", "order", "--watch", status=1)
    assert "fill" in candlecast("local", "order", "--action", "exit", "--watch")
    (account,) = json.loads(candlecast("account", "list", "--email", "trader@example.com", "--json"))
    words = (account["account_id"], "--email", "trader@example.com", "--json")
    shown = json.loads(candlecast("account", "show", *words))
    assert shown["account"]["tenant_id"] == account["tenant_id"]
    assert shown["account"]["positions"] == {}
    assert len(shown["account"]["settled"]) >= 2, "the entry and the exit are remembered"

    halt = ("--grade", "HALT_ALL", "--reason", "a test")
    told = json.loads(candlecast("switch", "set", "user", account["tenant_id"], *halt, "--json"))
    assert told["changed_by"].startswith("cli:arn:aws:")
    assert json.loads(candlecast("switch", "show", "--json")) == [told]
    assert "KILL_SWITCH" in candlecast("local", "order", "--watch", status=1)
    assert json.loads(candlecast("switch", "lift", "user", account["tenant_id"], "--json"))["version"] == told["version"] + 1
    assert "fill" in candlecast("local", "order", "--watch")
    assert "fill" in candlecast("local", "order", "--action", "exit", "--watch")
    candlecast("switch", "set", "strategy", "no-such-strategy", *halt, status=2)
    candlecast("switch", "set", "user", "no-such-tenant", *halt, status=2)
    assert json.loads(candlecast("switch", "show", "--json")) == []


def schedules(cloud: Cloud) -> dict[str, str]:
    pages = cloud.client("scheduler").get_paginator("list_schedules").paginate(GroupName=cloud.outputs["ScheduleGroupName"])
    return {item["Name"]: item["State"] for page in pages for item in page["Schedules"]}


def test_a_deployment_into_the_running_instance_leaves_its_schedules_on(up: Terminal) -> None:
    cloud = Cloud.attach(NAME)
    before = schedules(cloud)
    assert set(before.values()) == {"ENABLED"}
    candlecast("local", "deploy", "--parameter", "LogLevel=DEBUG")
    assert schedules(cloud) == before
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="candlecast")["Stacks"]
    assert {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}["LogLevel"] == "DEBUG"
    candlecast("local", "deploy", "--parameter", "NoSuchParameter=1", status=2)


def test_the_readmes_first_order_works_as_it_is_pasted(up: Terminal) -> None:
    """Not the first test here: by now the strategies have seen a candle, which the README waits for."""
    first, *rest = blocks()
    assert first == "make up\n", "the fixture has started the same in this terminal"
    assert not any("..." in block for block in rest), "nothing is left to be filled in by hand"
    outcome = pasted(rest, ROOT)
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, said
    assert '"FILLED"' in outcome.stdout, said
    assert "/problems/" not in outcome.stdout, said
    assert re.search(r"\bfill\s+ENTRY FILLED", outcome.stdout), "candlecast local order --watch shows the fill"
    mine = orders_of("you@example.com")
    ended = {order["leg"]: order["state"] for order in mine if order["strategy_id"] == "my-signals"}
    assert (ended["ENTRY"], ended["EXIT"]) == ("FILLED", "FILLED")


def test_the_guide_to_publishing_works_as_it_is_pasted(up: Terminal, tmp_path: Path) -> None:
    """In an empty folder: an author needs the command and nothing of the checkout."""
    printed = [block.text for block in blocks_of(PUBLISH, DOCUMENTS[PUBLISH]) if ELSEWHERE not in block.name]
    outcome = pasted([f'PATH="{COMMAND.parent}:$PATH"', *printed], tmp_path)
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, said
    assert "/problems/" not in outcome.stdout, said
    runs = until(lambda: items("trader@example.com", "/v1/strategies/my-breakout-btc/executions"), none_is_running)
    assert {run["status"] for run in runs} <= {"COMPLETED", "NO_SIGNAL", "SKIPPED"}  # a busy machine runs a candle too late
    shown = json.loads(candlecast("strategy", "versions", "my-breakout-btc", "--json"))
    assert [version["number"] for version in shown["versions"]] == [2, 1]
    assert (shown["release"]["stable"], shown["release"]["previous"]) == (2, 1)
    candlecast("strategy", "release", "my-breakout-btc", "1", status=1)  # it is retired


def none_is_running(runs: list[dict[str, Any]]) -> bool:
    return all(run["status"] != "RUNNING" for run in runs)


def test_the_next_run_goes_on_with_everybody_and_trades(up: Terminal, tmp_path: Path) -> None:
    before = candlecast("account", "list", "--email", "trader@example.com", "--json")
    people = orders_of("you@example.com")
    assert up.end(signal.SIGINT) == 0
    assert emulators() == []

    again = start(tmp_path)
    try:
        assert "sam deploy" not in again.said, "nothing has changed, so nothing is deployed"
        assert "users" not in again.said, "nobody is made anew"
        after = candlecast("account", "list", "--email", "trader@example.com", "--json")
        assert [it["account_id"] for it in json.loads(after)] == [it["account_id"] for it in json.loads(before)]
        assert {it["order_id"] for it in people} <= {it["order_id"] for it in orders_of("you@example.com")}
        assert "fill" in candlecast("local", "order", "--action", "exit", "--watch"), "the paper exchange has kept the position"
        assert set(schedules(Cloud.attach(NAME)).values()) == {"ENABLED"}
        candlecast("local", "down")
        assert again.process.wait(STOP_SECONDS) == 0
    finally:
        if again.process.poll() is None:
            again.end(signal.SIGKILL)
    assert until(emulators, lambda found: not found, STOP_SECONDS) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_start_that_is_stopped_leaves_nothing_running(tmp_path: Path, ports: list[str], how: signal.Signals) -> None:
    """In its first seconds: processes that it started notice when nobody is left to stop them."""
    terminal = Terminal(tmp_path, "local", "up", "--fresh", "--users", str(USERS), *ports)
    terminal.wait_for("start the embedded cloud")
    code = terminal.end(how)
    assert code == (-signal.SIGKILL if how is signal.SIGKILL else 130)
    assert until(emulators, lambda found: not found, STOP_SECONDS) == []
    assert "stays until Ctrl-C" not in terminal.said
    if how is not signal.SIGKILL:
        assert terminal.said.splitlines()[-1] == "candlecast: STOPPED: stopped"
