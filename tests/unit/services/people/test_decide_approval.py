"""Approving does the act once, however often it is cut off."""

from __future__ import annotations

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.services.account.set_kill_switch import SetKillSwitch, Setter
from candlecast.services.people.ask_approval import AskApproval
from candlecast.services.people.change_switch import ChangeSwitch
from candlecast.services.people.decide_approval import DecideApproval
from tests.support.fakes.approvals import FakeApprovalStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.gate import FakeGate

FIRST, SECOND = "api:operator-1", "api:operator-2"


class Desk:
    def __init__(self) -> None:
        self.gate, self.approvals, self.clock = FakeGate(), FakeApprovalStore(), FakeClock()
        metrics = RecordingMetrics()
        ask = AskApproval(self.approvals, self.clock, SequentialIdentifiers(), 2, metrics)
        self.change = ChangeSwitch(SetKillSwitch(self.gate, self.clock), ask)
        self.decide = DecideApproval(self.approvals, {Act.LIFT_SWITCH: self.change.perform}, self.clock, metrics)
        self.gate.flip(Grade.HALT_ALL)

    def asked(self) -> Approval:
        found = self.change.clear(PLATFORM, Setter(FIRST, is_operations=True))
        assert isinstance(found, Approval)
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_act_that_was_cut_off_before_its_write_is_completed_by_a_repeat(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = desk.asked()
    with monkeypatch.context() as silent, pytest.raises(RetryLater):
        silent.setattr(desk.gate, "save_switch", unavailable)
        desk.decide.approve(asked.approval_id, asked.digest, SECOND)
    assert desk.approvals.find_approval(asked.approval_id).state is ApprovalState.APPROVED
    assert desk.decide.approve(asked.approval_id, asked.digest, SECOND).state is ApprovalState.DONE
    assert desk.gate.switches[PLATFORM].grade is None


@pytest.mark.parametrize("generation", [1, 2], ids=["table", "restored table"])
def test_an_act_that_was_cut_off_after_its_write_is_not_done_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, generation: int
) -> None:
    desk.gate.generation = generation
    asked, save = desk.asked(), desk.approvals.save_approval

    def cut(approval: Approval) -> Approval:
        return unavailable(approval) if approval.state is ApprovalState.DONE else save(approval)

    with monkeypatch.context() as silent, pytest.raises(RetryLater):
        silent.setattr(desk.approvals, "save_approval", cut)
        desk.decide.approve(asked.approval_id, asked.digest, SECOND)
    writes = desk.gate.writes
    assert desk.decide.approve(asked.approval_id, asked.digest, SECOND).state is ApprovalState.DONE
    assert desk.gate.writes == writes


def test_a_switch_that_is_set_between_the_word_and_the_act_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, find = desk.asked(), desk.gate.find_switch

    def overtaken(place: object) -> object:
        found = find(PLATFORM)
        desk.gate.flip(Grade.HALT_ALL)
        return found

    monkeypatch.setattr(desk.gate, "find_switch", overtaken)
    with pytest.raises(Conflict, match="APPROVAL_OUTDATED"):
        desk.decide.approve(asked.approval_id, asked.digest, SECOND)
    assert desk.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def test_two_who_decide_at_once_decide_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, find = desk.asked(), desk.approvals.find_approval

    def overtaken(approval_id: str) -> Approval:
        found = find(approval_id)
        monkeypatch.undo()
        desk.decide.reject(approval_id, "api:operator-3")
        return found

    monkeypatch.setattr(desk.approvals, "find_approval", overtaken)
    with pytest.raises(Conflict, match="APPROVAL_DECIDED"):
        desk.decide.approve(asked.approval_id, asked.digest, SECOND)
    assert desk.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def unavailable(_: object) -> Approval:
    raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
