"""An approval's life: the words that it takes, and those that it refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.domain.people.approval import APPROVAL_VALID, MAX_TERMS_CHARACTERS, ApprovalState
from candlecast.domain.values.errors import Conflict, InvalidValue
from tests.support.builders import NOW, after
from tests.support.fakes.approvals import an_approval

SECOND, THIRD = "api:operator-2", "api:operator-3"
ASKED = an_approval()
LAST = NOW + APPROVAL_VALID - timedelta(seconds=1)


def test_the_second_word_is_recorded_and_its_repeat_changes_nothing() -> None:
    approved = ASKED.approved(SECOND, ASKED.digest, LAST)
    assert (approved.state, approved.decided_by, approved.decided_at) == (ApprovalState.APPROVED, SECOND, LAST)
    assert approved.both == "api:operator-1 with api:operator-2"
    assert approved.approved(SECOND, ASKED.digest, LAST) is approved
    done = approved.done(LAST)
    assert done.approved(SECOND, ASKED.digest, after(10**6)) is done


@pytest.mark.parametrize(
    ("by", "code"), [("api:operator-1", "SELF_APPROVAL"), ("cli:arn:aws:iam::1:user/operator-2", "SELF_APPROVAL")]
)
def test_who_has_asked_does_not_approve_under_any_name(by: str, code: str) -> None:
    with pytest.raises(Conflict, match=code):
        ASKED.approved(by, ASKED.digest, NOW)


def test_an_approved_act_that_was_cut_off_expires_too() -> None:
    approved = ASKED.approved(SECOND, ASKED.digest, NOW)
    assert approved.state_at(LAST + timedelta(seconds=1)) is ApprovalState.EXPIRED
    with pytest.raises(Conflict, match="APPROVAL_EXPIRED"):
        approved.approved(SECOND, ASKED.digest, NOW + APPROVAL_VALID)


def test_there_is_one_decision() -> None:
    approved, rejected = ASKED.approved(SECOND, ASKED.digest, NOW), ASKED.rejected(THIRD, NOW)
    assert rejected.rejected(THIRD, LAST) is rejected
    for decided in (approved, approved.done(NOW), rejected):
        with pytest.raises(Conflict, match="APPROVAL_DECIDED"):
            decided.approved(THIRD, ASKED.digest, NOW)
        with pytest.raises(Conflict, match="APPROVAL_DECIDED"):
            decided.rejected(SECOND, NOW)


def test_the_digest_is_of_everything_that_will_be_done() -> None:
    others = [
        an_approval(act="LIFT_SWITCH"),
        an_approval(target="PLATFORM/other"),
        an_approval(terms={**ASKED.terms, "version": "1"}),
        an_approval(terms={"grade": "FLATTEN"}),
    ]
    assert len({each.digest for each in (ASKED, *others)}) == 5
    assert an_approval(approval_id="another", asked_by=THIRD).digest == ASKED.digest


def test_terms_are_bounded() -> None:
    with pytest.raises(InvalidValue):
        an_approval(terms={"reason": "x" * MAX_TERMS_CHARACTERS})
