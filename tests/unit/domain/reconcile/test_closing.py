"""The table of closings, row by row, and from when on a trade can be the cause of a difference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.findings import Drift, Mend
from candlecast.domain.reconcile.adopt import adopted
from candlecast.domain.reconcile.closing import PATIENCE, ClosingStep, closing_began, closing_step
from candlecast.domain.values.copying import replace
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import BTC, NOW, a_position, after, an_account

D = Decimal
SHORTER = PATIENCE - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("traded", "waited", "market_agrees", "step"),
    [
        (D(10), timedelta(0), None, ClosingStep.ADOPT),
        (D(12), timedelta(0), None, ClosingStep.ADOPT),
        (D("9.999"), SHORTER, None, ClosingStep.KEEP),
        (D(-10), SHORTER, None, ClosingStep.KEEP),
        (D(0), SHORTER, True, ClosingStep.KEEP),
        (D(0), PATIENCE, None, ClosingStep.ASK),
        (D(0), PATIENCE, False, ClosingStep.KEEP),
        (D(0), PATIENCE, True, ClosingStep.ADOPT),
    ],
)
def test_the_table(traded: Decimal, waited: timedelta, market_agrees: bool | None, step: ClosingStep) -> None:
    assert closing_step(D(10), traded, waited, market_agrees=market_agrees) is step


@pytest.mark.parametrize(
    ("agreed", "adopted_at", "began"),
    [
        (None, None, 0.0),
        (-60.0, None, 0.0),
        (60.0, None, 57.000001),
        (60.0, 90.0, 87.000001),
        (90.0, 60.0, 87.000001),
        (None, 90.0, 87.000001),
    ],
    ids=["never compared", "before it was held", "compared", "adopted since", "adopted before", "adopted, never compared"],
)
def test_trades_count_since_the_last_agreement(agreed: float | None, adopted_at: float | None, began: float) -> None:
    held = a_position(signal_issued_at=NOW)
    account = replace(an_account(), positions={held.key: held})
    if adopted_at is not None:
        account = replace(account, mends={adopted(BTC): Mend(attempts=1, last_at=after(adopted_at))})
    drift = Drift(difference=D(-10), seen_at=after(100), agreed_at=None if agreed is None else after(agreed))
    assert closing_began(account, BTC, drift, BINANCE_USDM) == after(began)
