"""The addition of a closed trade to a track record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.strategies.statistics import Statistics
from tests.support.builders import a_trade

D = Decimal


@pytest.mark.parametrize(
    ("pnl", "fees", "won", "gross_profit", "gross_loss"),
    [
        ("100", "0.84", True, "99.16", "0"),
        ("0.84", "0.84", False, "0", "0"),  # the fees have taken all of it
        ("0.5", "0.84", False, "0", "0.34"),
        ("-100", "0.84", False, "0", "100.84"),
    ],
)
def test_a_trade_is_won_if_a_profit_is_left_after_its_fees(
    pnl: str, fees: str, won: bool, gross_profit: str, gross_loss: str
) -> None:
    assert Statistics.of(D(pnl), D(fees)) == Statistics(
        trades=1,
        wins=int(won),
        losses=int(not won),
        pnl=D(pnl),
        fees=D(fees),
        gross_profit=D(gross_profit),
        gross_loss=D(gross_loss),
    )


def test_a_trade_and_its_statistics_agree_on_the_profit_after_fees() -> None:
    trade = a_trade()
    assert Statistics.of(trade.pnl, trade.fees).net_pnl == trade.net_pnl
