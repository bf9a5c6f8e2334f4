"""Approvals: written on the version that was read, listed newest first. On the fake and on the embedded cloud's table."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from candlecast.adapters.dynamodb.approvals import DynamoApprovalStore
from candlecast.domain.people.approval import Approval
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.ports.approvals import ApprovalStore
from tests.support.builders import after
from tests.support.fakes.approvals import FakeApprovalStore, an_approval

_numbers = count(1)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> ApprovalStore:
    if request.param == "fake":
        return FakeApprovalStore()
    return DynamoApprovalStore(request.getfixturevalue("dynamodb_table"))


def another(**changes: object) -> Approval:
    """A request that no other test has stored; later ones were asked for later."""
    number = next(_numbers)
    return an_approval(approval_id=f"approval-{number}", asked_at=after(number), expires_at=after(number + 3_600), **changes)


def test_what_was_written_is_read_as_it_was(store: ApprovalStore) -> None:
    asked = store.save_approval(another())
    assert asked.version == 1
    assert store.find_approval(asked.approval_id) == asked
    approved = store.save_approval(asked.approved("api:operator-2", asked.digest, after(60)))
    assert store.find_approval(asked.approval_id) == replace(approved, version=2)


def test_an_approval_that_was_never_asked_for_is_not_found(store: ApprovalStore) -> None:
    for unknown in ("unknown", "a#b"):
        with pytest.raises(NotFound):
            store.find_approval(unknown)


def test_a_change_on_an_old_version_is_refused(store: ApprovalStore) -> None:
    asked = another()
    first = store.save_approval(asked)
    store.save_approval(first.rejected("api:operator-2", after(60)))
    for stale in (asked, first):
        with pytest.raises(Conflict, match="VERSION_CONFLICT"):
            store.save_approval(stale)


def test_the_newest_come_first_page_by_page(store: ApprovalStore) -> None:
    written = [store.save_approval(another()) for _ in range(5)]
    first = store.list_approvals(limit=2)
    second = store.list_approvals(first.cursor, 2)
    assert [*first.items, *second.items] == written[:0:-1]
    with pytest.raises(InvalidValue, match="CURSOR_INVALID"):
        store.list_approvals("no cursor")
