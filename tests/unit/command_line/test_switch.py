"""`candlecast switch` as an operator types it in an incident, on the use case of the API."""

from __future__ import annotations

import re
from functools import partial

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade, SwitchPlace, SwitchScope
from candlecast.services.account.set_kill_switch import SetKillSwitch
from candlecast.services.people.ask_approval import AskApproval
from candlecast.services.people.change_switch import ChangeSwitch
from candlecast_cli import switch
from tests.support.fakes.approvals import FakeApprovalStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.gate import FakeGate
from tests.unit.command_line import running
from tests.unit.command_line.running import refused, run, types_as

pytestmark = pytest.mark.slow

ME = "cli:arn:aws:iam::123456789012:user/operator"
OTHER = "cli:arn:aws:iam::123456789012:user/another"
STRATEGY = SwitchPlace(SwitchScope.STRATEGY, "sma-cross-btc-1m")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> FakeGate:
    made, metrics = FakeGate(), RecordingMetrics()
    ask = AskApproval(FakeApprovalStore(), FakeClock(), SequentialIdentifiers(), 2, metrics)
    change = ChangeSwitch(SetKillSwitch(made, FakeClock()), ask)
    types_as(monkeypatch, ME)
    monkeypatch.setattr(switch, "_use_case", lambda _connection: (change, None))
    monkeypatch.setattr(switch, "_require_known", lambda _place, _table: None)
    return made


answer = partial(running.answer, "switch")


def test_a_switch_is_set_in_the_operators_name_and_says_its_version(gate: FakeGate) -> None:
    told = answer("set", "platform", "--grade", "halt_all", "--reason", "keys leaked")
    assert (told["scope"], told["scope_id"], told["grade"], told["reason"]) == ("PLATFORM", "platform", "HALT_ALL", "keys leaked")
    assert (told["changed_by"], told["by_operations"], told["version"]) == (ME, True, 1)
    found = gate.find_switch(PLATFORM)
    assert found is not None
    assert (found.grade, found.changed_by, found.by_operations) == (Grade.HALT_ALL, ME, True)


def test_another_grade_counts_versions_on_and_lifting_needs_another_operator(
    gate: FakeGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("strategy", "sma-cross-btc-1m")
    answer("set", *words, "--grade", "PAUSE_ENTRIES", "--reason", "wrong candles")
    assert answer("set", *words, "--grade", "FLATTEN", "--reason", "wrong candles")["version"] == 2
    asked = answer("lift", *words)
    assert (asked["act"], asked["target"], asked["state"]) == ("LIFT_SWITCH", "STRATEGY/sma-cross-btc-1m", "PENDING")
    assert gate.switches[STRATEGY].grade is Grade.FLATTEN
    approving = ("switch", "approve", asked["approval_id"], asked["digest"])
    refused(1, "SELF_APPROVAL", *approving)
    types_as(monkeypatch, OTHER)
    (shown,) = answer("requests")
    assert shown == asked
    assert answer(*approving[1:])["state"] == "DONE"
    found = gate.switches[STRATEGY]
    assert (found.grade, found.reason, found.version, found.changed_by) == (None, "wrong candles", 3, f"{ME} with {OTHER}")


def test_whoever_lifts_is_told_what_the_second_operator_types(gate: FakeGate) -> None:
    gate.flip(Grade.HALT_ALL)
    result = run("switch", "lift", "platform", "--stack", "candlecast-prod")
    assert result.exit_code == 0
    assert "nothing has changed yet" in result.stderr
    assert re.search(r"candlecast switch approve \w+ [0-9a-f]+ --stack candlecast-prod\n", result.stderr)
    assert "PLATFORM/platform" in result.stdout


def test_a_request_can_be_withdrawn(gate: FakeGate) -> None:
    gate.flip(Grade.HALT_ALL)
    asked = answer("lift", "platform")
    assert answer("reject", asked["approval_id"])["state"] == "REJECTED"


def test_a_token_of_the_api_is_no_second_person(gate: FakeGate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.flip(Grade.HALT_ALL)
    asked = answer("lift", "platform")
    types_as(monkeypatch, "api:admin-1")
    refused(1, "SELF_APPROVAL", "switch", "approve", asked["approval_id"], asked["digest"])


def test_a_repeat_changes_nothing(gate: FakeGate) -> None:
    words = ("set", "platform", "--grade", "REDUCE_ONLY", "--reason", "venue answers late")
    assert answer(*words) == answer(*words)


def test_people_see_a_table_with_the_author(gate: FakeGate) -> None:
    shown = run("switch", "set", "platform", "--grade", "HALT_ALL", "--reason", "keys leaked").stdout
    head, row = shown.splitlines()
    assert head.split()[:3] == ["scope", "id", "grade"]
    assert all(text in row for text in ("PLATFORM", "HALT_ALL", "keys leaked", ME))


def test_a_switch_that_was_never_set_cannot_be_lifted(gate: FakeGate) -> None:
    assert "no such switch was ever set" in refused(1, "NOT_FOUND", "switch", "lift", "user", "tenant-1")


def test_a_reason_that_is_too_long_is_refused_before_it_is_stored(gate: FakeGate) -> None:
    refused(1, "INVALID_VALUE", "switch", "set", "platform", "--grade", "HALT_ALL", "--reason", "x" * 501)
    assert gate.find_switch(PLATFORM) is None
