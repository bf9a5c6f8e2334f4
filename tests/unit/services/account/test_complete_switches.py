"""The reconcile clock completes switches that are on for some accounts only."""

from __future__ import annotations

import pytest

from candlecast.adapters.dynamodb.copies import COPIES
from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.values.errors import RetryLater
from candlecast.services.account.complete_switches import CompleteSwitches
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.gate import FakeGate


@pytest.mark.parametrize("written", range(1, COPIES))
def test_a_switch_that_was_cut_off_is_on_in_every_copy_after_the_next_turn(written: int) -> None:
    gate, metrics = FakeGate(), RecordingMetrics()
    gate.torn_after = written
    with pytest.raises(RetryLater) as later:
        gate.flip(Grade.HALT_ALL)
    assert later.value.code == "COPIES_INCOMPLETE"
    complete = CompleteSwitches(gate, metrics)
    assert [complete(), complete()] == [COPIES - written, 0]
    assert [copy[PLATFORM].grade for copy in gate.copies] == [Grade.HALT_ALL] * COPIES
    assert metrics.counts["SwitchCopiesCompleted"] == COPIES - written
