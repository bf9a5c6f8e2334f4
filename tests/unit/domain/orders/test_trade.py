"""The trade that a closed position has become."""

from __future__ import annotations

from decimal import Decimal

from candlecast.domain.orders.position import Trade
from tests.support.builders import NOW, a_position


def test_a_trade_keeps_the_version_that_opened_its_position() -> None:
    closed = a_position(exit_notional=Decimal(1_010), strategy_version="v1")
    assert Trade.of(closed, "EXIT", NOW).strategy_version == "v1"
