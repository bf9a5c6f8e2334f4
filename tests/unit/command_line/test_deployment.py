"""`candlecast deployment` as a pipeline and a person type it."""

from __future__ import annotations

from functools import partial

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.services.account.pause_entries import PauseEntries
from candlecast_cli import deployment
from tests.support.builders import ACCOUNT
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.gate import FakeGate
from tests.unit.command_line import running
from tests.unit.command_line.running import refused, run, types_as

pytestmark = pytest.mark.slow

PIPELINE = "cli:arn:aws:sts::123456789012:assumed-role/pipeline/run-7"
PERSON = "cli:arn:aws:iam::123456789012:user/operator"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> FakeGate:
    made = FakeGate()
    monkeypatch.setattr(deployment, "_use_case", lambda _connection: PauseEntries(made, FakeClock()))
    types_as(monkeypatch, PIPELINE)
    return made


answer = partial(running.answer, "deployment")


def test_a_pipeline_pauses_and_resumes_in_its_own_name(gate: FakeGate) -> None:
    assert answer("show") is None
    paused = answer("pause", "3f0c9a1")
    assert (paused["deployment_id"], paused["paused"], paused["paused_by"]) == ("3f0c9a1", True, PIPELINE)
    assert answer("show") == paused == answer("pause", "3f0c9a1")
    assert gate.read_gate("paper", "shared", (), ACCOUNT).pause is not None
    lifted = answer("resume", "3f0c9a1")
    assert (lifted["paused"], lifted["lifted_by"]) == (False, PIPELINE)
    assert answer("resume", "3f0c9a1") == lifted


def test_only_a_person_by_force_lifts_the_pause_of_another_deployment(gate: FakeGate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.flip(Grade.PAUSE_ENTRIES)
    answer("pause", "3f0c9a1")
    refused(1, "PAUSED_BY_ANOTHER", "deployment", "resume", "another")
    types_as(monkeypatch, PERSON)
    assert answer("resume", "--force")["lifted_by"] == PERSON
    assert gate.switches[PLATFORM].grade is Grade.PAUSE_ENTRIES, "no switch was lifted"


def test_whoever_lifts_a_pause_is_told_where_a_switch_may_still_deny_entries(gate: FakeGate) -> None:
    answer("pause", "3f0c9a1")
    told = run("deployment", "resume", "3f0c9a1", "--stack", "candlecast-prod").stderr
    assert told.strip() == "kill switches stay as they are: candlecast switch show --stack candlecast-prod"


def test_wrong_words_change_nothing(gate: FakeGate) -> None:
    refused(2, "USAGE", "deployment", "pause", "a#b")
    refused(2, "USAGE", "deployment", "resume")
    refused(2, "USAGE", "deployment", "resume", "3f0c9a1", "--force")
    refused(1, "NOT_FOUND", "deployment", "resume", "3f0c9a1")
    assert gate.writes == 0


def test_people_see_a_table(gate: FakeGate) -> None:
    assert "entries were never paused" in run("deployment", "show").stderr
    head, row = run("deployment", "pause", "3f0c9a1").stdout.splitlines()
    assert head.split()[:2] == ["deployment", "paused"]
    assert row.split()[:3] == ["3f0c9a1", "yes", PIPELINE]
