"""Slippage by rank: by tenth of the turns, over the newest signals and for each of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.ids import turn_tenth
from tests.api.conftest import Deployment
from tests.support.builders import STRATEGY, an_intent

PATH = f"/v1/strategies/{STRATEGY}/slippage"


def test_the_mean_of_each_tenth_is_told_with_the_signals_that_it_is_over(populated: Deployment) -> None:
    first = an_intent()
    price = Decimal("100.3")  # the tenant's own order was filled at 100.1
    second = an_intent(intent_id="i2", subscription_id="s2", tenant_id="t2", state=IntentState.FILLED, average_price=price)
    populated.history.put_order(second, 1)
    expected: dict[int, list[Decimal]] = {}
    for order, bps in ((first, "10.00"), (second, "30.00")):
        expected.setdefault(turn_tenth(order.signal_id, order.subscription_id), []).append(Decimal(bps))
    tenths = [
        {
            "tenth": number,
            "orders": len(held := expected.get(number, [])),
            "slippage_bps": str((sum(held, Decimal(0)) / len(held)).quantize(Decimal("0.01"))) if held else None,
        }
        for number in range(1, 11)
    ]
    assert populated.client.get(PATH).json == {
        "tenths": tenths,
        "signals": [
            {
                "signal_id": first.signal_id,
                "issued_at": "2026-11-20T12:00:00Z",
                "orders": 2,
                "slippage_bps": "20.00",
                "tenths": tenths,
            }
        ],
    }


@pytest.mark.parametrize(("seconds", "seen"), [(0, 0), (60 * 60 + 59, 0), (60 * 60 + 60, 1)])
def test_a_stranger_sees_a_signal_a_candle_after_its_hour(populated: Deployment, seconds: int, seen: int) -> None:
    populated.clock.set(an_intent().issued_at)
    populated.clock.advance(seconds)
    assert len(populated.stranger.get(PATH).json["signals"]) == seen
    assert len(populated.client.get(PATH).json["signals"]) == 1


def test_slippage_names_no_tenant_and_no_order(populated: Deployment) -> None:
    order = an_intent()
    text = populated.admin.get(PATH).text
    assert not [it for it in (order.tenant_id, order.subscription_id, order.account_id, order.intent_id) if it in text]
