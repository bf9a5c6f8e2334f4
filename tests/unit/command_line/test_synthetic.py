"""`candlecast synthetic` as people and pipelines see it: exit codes, the table, the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from candlecast.domain.account.kill_switch import Grade
from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.stacks import Where
from candlecast_cli.synthetic import command
from candlecast_cli.synthetic.hops import POLL_SECONDS, Hop
from tests.support.synthetic_stack import SyntheticStack
from tests.unit.command_line.running import run

pytestmark = pytest.mark.slow


@dataclass
class Connection:
    """A stack with outputs and parameters of a test's own."""

    parameters: dict[str, str]
    outputs: dict[str, str]
    name: str = "candlecast-dev"

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise CommandFailed("NOT_CANDLECAST", f"no output {name}")
        return self.outputs[name]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SyntheticStack]:
    made = SyntheticStack()
    asked: list[Where] = []

    def connect(where: Where) -> Connection:
        asked.append(where)
        return Connection({}, {})

    monkeypatch.setattr(stacks, "connect", connect)
    monkeypatch.setattr(command, "_ports", lambda _connection: made.ports())
    monkeypatch.setattr("time.monotonic", lambda: made.clock.now().timestamp())
    monkeypatch.setattr("time.sleep", made.sleep)
    yield made
    assert len(asked) == 1


def report(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return told


def synthetic(folder: Path, *words: str) -> Any:
    return run("synthetic", "--report", str(folder / "report.json"), *words)


def test_a_sound_run_shows_each_hop_with_its_time_and_writes_the_report(stack: SyntheticStack, tmp_path: Path) -> None:
    result = synthetic(tmp_path / "made" / "by it")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["hop", "ms", "since", "the", "start"]
    assert [line.rsplit(maxsplit=2)[0].strip() for line in lines[1:]][:3] == ["tenant", "keys", "entry webhook"]
    told = report(tmp_path / "made" / "by it")
    assert (told["sound"], told["could_not_run"], told["failed_hop"], told["code"]) == (True, False, None, None)
    assert told["milliseconds"] == told["hops"][-1]["since_start_milliseconds"] > 0
    assert told["hops"][1] == {"hop": "keys", "milliseconds": round(POLL_SECONDS * 1000), "since_start_milliseconds": 200}
    assert told["stack"] == "candlecast-dev"
    assert "sound: an order was filled and closed; the report is " in result.stderr.splitlines()[-1]


def test_json_is_the_report(stack: SyntheticStack, tmp_path: Path) -> None:
    result = synthetic(tmp_path, "--json")
    assert json.loads(result.stdout) == report(tmp_path)


def test_a_broken_hop_ends_with_1_and_its_name(stack: SyntheticStack, tmp_path: Path) -> None:
    stack.working.remove("order_executor")
    result = synthetic(tmp_path, "--hop-seconds", "5")
    assert result.exit_code == ExitCode.FAILED
    last = result.stderr.splitlines()[-1]
    assert last.startswith("candlecast: HOP_FAILED: entry order: TIMED_OUT: not seen within 5 s")
    assert "order_executor behind TradeQueue" in last
    told = report(tmp_path)
    assert (told["sound"], told["failed_hop"], told["code"], told["could_not_run"]) == (
        False,
        Hop.ENTRY_ORDER,
        "TIMED_OUT",
        False,
    )
    assert [hop["hop"] for hop in told["hops"]][-1] == Hop.ENTRY_FAN_OUT


def test_a_run_that_could_not_be_made_ends_with_3(stack: SyntheticStack, tmp_path: Path) -> None:
    stack.gate.flip(Grade.HALT_ALL)
    result = synthetic(tmp_path)
    assert result.exit_code == ExitCode.MISSING
    assert "ENTRIES_STOPPED" in result.stderr
    told = report(tmp_path)
    assert (told["sound"], told["could_not_run"], told["code"]) == (False, True, "ENTRIES_STOPPED")


def test_a_refusal_of_aws_ends_with_3(stack: SyntheticStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}, "PutItem")

    monkeypatch.setattr(stack.turns, "take", refuse)
    result = synthetic(tmp_path)
    assert result.exit_code == ExitCode.MISSING
    assert "AWS_AccessDeniedException: not allowed" in result.stderr


@pytest.mark.parametrize("seconds", ["0.5", "241", "soon"])
def test_a_bound_of_a_hop_that_makes_no_sense_is_refused(seconds: str) -> None:
    assert run("synthetic", "--hop-seconds", seconds).exit_code == ExitCode.USAGE


OWN = {"PaperExchangeUrl": "https://paper.example.com"}


@pytest.mark.parametrize("given", ["", "https://paper.example.com", "https://paper.example.com/"])
def test_the_stacks_own_paper_exchange_is_taken(given: str) -> None:
    connection: Any = Connection({"PaperExchangeBaseUrl": given}, OWN)
    assert command._paper_exchange(connection) == OWN["PaperExchangeUrl"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"PaperExchange": "disabled"}, "PAPER_EXCHANGE_DISABLED"),
        ({"PaperExchangeBaseUrl": "https://fapi.binance.com"}, "PAPER_EXCHANGE_ELSEWHERE"),
    ],
)
def test_a_stack_whose_paper_venue_is_not_its_own_paper_exchange_is_refused(parameters: dict[str, str], code: str) -> None:
    """A real venue could answer there."""
    connection: Any = Connection(parameters, OWN)
    with pytest.raises(CommandFailed) as refused:
        command._paper_exchange(connection)
    assert (refused.value.code, refused.value.exit_code) == (code, ExitCode.MISSING)
