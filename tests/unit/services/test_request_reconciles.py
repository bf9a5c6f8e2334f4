"""The reconcile clock: every account that is due, once, in bounded numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from candlecast.domain.errors import RetryLater
from candlecast.domain.order import IntentState, LegKind
from candlecast.domain.reconcile import OPEN_ORDER_INTERVAL
from candlecast.services.request_reconciles import BATCH, MAX_ACCOUNTS_PER_RUN, RequestReconciles
from tests.builders import NOW, TENANT, an_account, an_intent
from tests.fakes.accounts import FakeAccountStore
from tests.fakes.clock import RecordingMetrics
from tests.fakes.queues import FakeReconcileQueue

STOP = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, bracket_of=an_intent().intent_id)
DUE = NOW + OPEN_ORDER_INTERVAL


class ManyDue(FakeAccountStore):
    def due_for_reconcile(self, before: datetime) -> Iterator[tuple[str, str]]:
        return iter([(TENANT, f"account-{number}") for number in range(MAX_ACCOUNTS_PER_RUN + 5)])


def test_every_account_that_is_due_is_asked_for_once() -> None:
    store, queue, metrics = FakeAccountStore(), FakeReconcileQueue(), RecordingMetrics()
    for number in range(BATCH + 3):
        store.create(an_account(f"account-{number}", intents={STOP.intent_id: STOP}))
    store.create(an_account("nothing-open"))
    assert RequestReconciles(store, queue, metrics)(DUE) == BATCH + 3
    assert sorted(request.account_id for request, _ in queue.sent) == sorted(f"account-{n}" for n in range(BATCH + 3))
    assert {(request.tenant_id, delay) for request, delay in queue.sent} == {(TENANT, 0)}
    assert metrics.counts["ReconcilesRequested"] == BATCH + 3


def test_one_run_asks_for_a_bounded_number() -> None:
    queue = FakeReconcileQueue()
    assert RequestReconciles(ManyDue(), queue, RecordingMetrics())(DUE) == MAX_ACCOUNTS_PER_RUN
    assert len(queue.sent) == MAX_ACCOUNTS_PER_RUN


def test_each_request_has_a_correlation_id_of_its_own_and_of_its_minute() -> None:
    store, queue = FakeAccountStore(), FakeReconcileQueue()
    for name in ("a", "b"):
        store.create(an_account(name, intents={STOP.intent_id: STOP}))
    for instant in (DUE, DUE + OPEN_ORDER_INTERVAL):
        RequestReconciles(store, queue, RecordingMetrics())(instant)
    assert len({request.correlation_id for request, _ in queue.sent}) == 4


def test_a_queue_that_does_not_take_them_is_told_and_they_stay_due() -> None:
    store, queue = FakeAccountStore(), FakeReconcileQueue()
    store.create(an_account(intents={STOP.intent_id: STOP}))
    queue.fail_next()
    use_case = RequestReconciles(store, queue, RecordingMetrics())
    with pytest.raises(RetryLater):
        use_case(DUE)
    assert use_case(DUE) == 1
