"""After a restore nobody approves what was asked for before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.people.approval import Act, Approval, ApprovalState
from candlecast.domain.values.errors import Conflict
from candlecast.services.people.decide_approval import DecideApproval
from candlecast.services.people.end_approvals import EndApprovals
from tests.support.builders import NOW
from tests.support.fakes.approvals import FakeApprovalStore, an_approval
from tests.support.fakes.clock import FakeClock, RecordingMetrics

OPERATOR, SECOND = "cli:arn:aws:iam::1:user/restorer", "api:operator-2"
AGREED = an_approval().approved(SECOND, an_approval().digest, NOW)


@pytest.mark.parametrize("waiting", [an_approval(), AGREED], ids=["asked", "agreed and not done"])
def test_a_request_of_the_moment_is_approved_by_nobody(waiting: Approval) -> None:
    """It may have been refused in the lost minutes, and its target looks as it did."""
    store, clock, done = FakeApprovalStore(), FakeClock(), list[Approval]()
    store.save_approval(waiting)
    assert EndApprovals(store, clock)(OPERATOR) == 1
    decide = DecideApproval(store, {Act.FLATTEN_PLATFORM: done.append}, clock, RecordingMetrics())
    with pytest.raises(Conflict) as refused:
        decide.approve(waiting.approval_id, waiting.digest, SECOND)
    assert (refused.value.code, done) == ("APPROVAL_DECIDED", [])
    assert store.find_approval(waiting.approval_id).decided_by == OPERATOR


@pytest.mark.parametrize("state", [ApprovalState.DONE, ApprovalState.REJECTED])
def test_a_request_that_was_decided_keeps_its_record(state: ApprovalState) -> None:
    store = FakeApprovalStore()
    decided = store.save_approval(replace(AGREED, state=state))
    assert EndApprovals(store, FakeClock())(OPERATOR) == 0
    assert store.find_approval(decided.approval_id) == decided


def test_a_request_that_has_expired_keeps_its_record() -> None:
    store = FakeApprovalStore()
    expired = store.save_approval(an_approval(expires_at=NOW))
    assert EndApprovals(store, FakeClock())(OPERATOR) == 0
    assert store.find_approval(expired.approval_id) == expired
