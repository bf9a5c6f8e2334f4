"""docs/reconciliation.md shows the tables as they are: it is written by `python -m infra.pages.reconciliation`."""

from __future__ import annotations

import pytest

from candlecast.domain.reconcile.drift import OrderStep, PositionStep, StopStep
from infra.pages.reconciliation import DOCUMENT, page


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == page()


@pytest.mark.parametrize("step", [*OrderStep, *StopStep, *PositionStep])
def test_every_action_has_a_row_that_leads_to_it(step: OrderStep | StopStep | PositionStep) -> None:
    assert f"| {step.value} |\n" in page()
