"""The pause of a deployment: by whom it is set and lifted, and that a failed deployment leaves it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.services.account.pause_entries import PauseEntries
from candlecast.services.account.watch_pause import WatchPause
from tests.support.builders import ACCOUNT, NOW
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate

HOUR = timedelta(hours=1)


class Pipeline:
    def __init__(self) -> None:
        self.gate, self.clock, self.metrics = FakeGate(), FakeClock(), RecordingMetrics()
        self.entries = PauseEntries(self.gate, self.clock)
        self.watch = WatchPause(self.gate, self.clock, self.metrics)

    @property
    def denies(self) -> bool:
        """Whether any account finds entries paused, and all of them."""
        (found,) = {self.denied(f"{ACCOUNT}-{number}") for number in range(50)}
        return found

    def denied(self, account_id: str) -> bool:
        return self.gate.read_gate("paper", "shared", (), account_id).pause is not None


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def test_a_deployment_pauses_and_lifts_its_own_pause(pipeline: Pipeline) -> None:
    paused = pipeline.entries.pause("release-2", "cli:pipeline")
    assert (paused.deployment_id, paused.paused_by, paused.paused_at, paused.version) == ("release-2", "cli:pipeline", NOW, 1)
    assert pipeline.denies
    pipeline.clock.advance(60)
    lifted = pipeline.entries.resume("release-2", "cli:pipeline")
    assert (lifted.lifted_by, lifted.lifted_at, lifted.version) == ("cli:pipeline", NOW + timedelta(minutes=1), 2)
    assert not pipeline.denies


def test_a_repeat_changes_nothing(pipeline: Pipeline) -> None:
    first = pipeline.entries.pause("release-2", "cli:pipeline")
    pipeline.clock.advance(60)
    assert pipeline.entries.pause("release-2", "cli:another") == first
    lifted = pipeline.entries.resume("release-2", "cli:pipeline")
    assert pipeline.entries.resume("release-2", "cli:another") == lifted
    assert pipeline.gate.writes == 2


def test_no_other_deployment_lifts_the_pause(pipeline: Pipeline) -> None:
    pipeline.entries.pause("release-2", "cli:pipeline")
    with pytest.raises(Conflict) as refused:
        pipeline.entries.resume("release-1", "cli:pipeline")
    assert refused.value.code == "PAUSED_BY_ANOTHER"
    assert pipeline.denies


def test_the_next_deployment_takes_over_the_pause_of_one_that_has_failed_and_the_time_runs_on(pipeline: Pipeline) -> None:
    pipeline.entries.pause("release-2", "cli:pipeline")
    pipeline.clock.advance(HOUR.total_seconds())
    taken = pipeline.entries.pause("release-3", "cli:pipeline")
    assert (taken.deployment_id, taken.paused_at) == ("release-3", NOW)
    with pytest.raises(Conflict):
        pipeline.entries.resume("release-2", "cli:pipeline")
    assert not pipeline.entries.resume("release-3", "cli:pipeline").is_on


def test_a_pause_after_one_that_was_lifted_begins_anew(pipeline: Pipeline) -> None:
    pipeline.entries.pause("release-2", "cli:pipeline")
    pipeline.entries.resume("release-2", "cli:pipeline")
    pipeline.clock.advance(HOUR.total_seconds())
    again = pipeline.entries.pause("release-2", "cli:pipeline")
    assert (again.paused_at, again.lifted_by, again.lifted_at, again.version) == (NOW + HOUR, None, None, 3)


def test_a_person_lifts_the_pause_of_any_deployment_and_no_kill_switch(pipeline: Pipeline) -> None:
    pipeline.gate.flip(Grade.PAUSE_ENTRIES)
    pipeline.entries.pause("release-2", "cli:pipeline")
    assert pipeline.entries.resume(None, "cli:person").lifted_by == "cli:person"
    assert pipeline.gate.switches[PLATFORM].grade is Grade.PAUSE_ENTRIES


def test_entries_that_were_never_paused_cannot_be_resumed(pipeline: Pipeline) -> None:
    with pytest.raises(NotFound):
        pipeline.entries.resume("release-2", "cli:pipeline")


@pytest.mark.parametrize("name", ["", "a" * 101, "a b", "a#b", "ü", "a\n"])
def test_a_name_that_is_no_id_is_refused(pipeline: Pipeline, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        pipeline.entries.pause(name, "cli:pipeline")
    assert (refused.value.code, pipeline.denies) == ("DEPLOYMENT_ID_INVALID", False)


def test_the_clock_measures_a_pause_from_its_first_deployment_on(pipeline: Pipeline) -> None:
    assert not pipeline.watch()
    pipeline.entries.pause("release-2", "cli:pipeline")
    pipeline.clock.advance(HOUR.total_seconds())
    pipeline.entries.pause("release-3", "cli:pipeline")
    pipeline.clock.advance(60)
    assert pipeline.watch()
    assert pipeline.metrics.durations_s["DeploymentPausedSeconds"] == [3_660]
    pipeline.entries.resume("release-3", "cli:pipeline")
    assert not pipeline.watch()


@pytest.fixture
def torn(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose pause is written to some copies only, and which was told so."""
    pipeline.gate.torn_after = 2
    with pytest.raises(RetryLater, match="COPIES_INCOMPLETE"):
        pipeline.entries.pause("release-2", "cli:pipeline")
    assert {pipeline.denied(f"{ACCOUNT}-{number}") for number in range(50)} == {True, False}
    return pipeline


def test_a_pause_that_was_cut_off_is_whole_within_the_minute(torn: Pipeline) -> None:
    assert torn.watch()
    assert torn.denies


def test_a_pause_that_was_cut_off_is_whole_when_its_repeat_is_answered(torn: Pipeline) -> None:
    torn.entries.pause("release-2", "cli:pipeline")
    assert torn.denies
    assert torn.gate.writes == 1
