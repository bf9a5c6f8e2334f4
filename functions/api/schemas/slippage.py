"""Bodies of slippage by rank, and of fills beside a backtest's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import Field

from candlecast.domain.backtests.market_fill import PLATFORM_SLIPPAGE
from candlecast.domain.orders.fleet import FEWEST_ORDERS, FillSpread
from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.ranks import SignalRanks, SlippageSums, fleet_spread, own_spread
from candlecast.services.strategies.show_slippage import SlippageByRank
from functions.api.schemas.values import Money, View

TOO_FEW = f"Null below {FEWEST_ORDERS} orders: the mean of few would show one of them."


class TenthView(View):
    """Orders whose subscriptions had a turn in one tenth of a signal's turns."""

    tenth: int = Field(description="From 1, served first, to 10, served last.")
    orders: int = Field(description="Filled market orders: entries, and exits of signals.")
    slippage_bps: Money | None = Field(description="Mean in basis points; positive is worse than the signal's price. " + TOO_FEW)


class FillSpreadView(View):
    """Fills beside those of a backtest, in basis points of the signals' prices; positive is worse than the backtest."""

    orders: int = Field(description="Filled market orders.")
    mean_bps: Money = Field(description="Mean of the orders.")
    median_bps: Money = Field(description="The order in the middle; of all followers to two digits.")
    worst_bps: Money = Field(description="The order that was filled worst; of all followers to two digits.")

    @staticmethod
    def of(spread: FillSpread | None) -> FillSpreadView | None:
        return None if spread is None else FillSpreadView.model_validate(spread)


class SignalSlippageView(View):
    """The slippage of one signal's orders."""

    signal_id: str
    issued_at: datetime = Field(description="When the signal was decided.")
    orders: int = Field(description="Filled market orders of all followers.")
    slippage_bps: Money | None = Field(description="Mean in basis points. " + TOO_FEW)
    tenths: list[TenthView] = Field(description="The same by turn.")
    backtest_price: Money | None = Field(
        description=f"The fill of a backtest: the next candle's open, {PLATFORM_SLIPPAGE.bps} basis points worse. "
        "Null before the night's comparison, and for signals from outside."
    )
    fleet: FillSpreadView | None = Field(
        description=f"All followers beside it. Null without it, and below {FEWEST_ORDERS} orders: so few would show one of them."
    )
    own: FillSpreadView | None = Field(description="Your own orders beside it; null without one.")

    @staticmethod
    def of(signal: SignalRanks, own: Sequence[Intent]) -> SignalSlippageView:
        total = signal.total
        return SignalSlippageView(
            signal_id=signal.signal_id,
            issued_at=signal.issued_at,
            orders=total.orders,
            slippage_bps=_mean(total),
            tenths=_tenths(signal.tenths),
            backtest_price=None if signal.backtest is None else signal.backtest.price,
            fleet=FillSpreadView.of(fleet_spread([signal])),
            own=FillSpreadView.of(own_spread([signal], own)),
        )


class SlippageView(View):
    """Slippage by rank, and fills beside a backtest's. Each signal shuffles its followers anew, so nobody is always first."""

    tenths: list[TenthView] = Field(description="All signals below together.")
    fleet: FillSpreadView | None = Field(
        description=f"All followers beside a backtest, over the signals below with {FEWEST_ORDERS} orders; null without one."
    )
    own: FillSpreadView | None = Field(description="Your own orders of the signals below beside a backtest; null without one.")
    signals: list[SignalSlippageView] = Field(description="The newest 50 signals of the last 30 days with a filled order.")

    @staticmethod
    def of(slippage: SlippageByRank) -> SlippageView:
        return SlippageView(
            tenths=_tenths(slippage.tenths),
            fleet=FillSpreadView.of(fleet_spread(slippage.signals)),
            own=FillSpreadView.of(own_spread(slippage.signals, slippage.own)),
            signals=[SignalSlippageView.of(signal, slippage.own) for signal in slippage.signals],
        )


def _tenths(sums: Sequence[SlippageSums]) -> list[TenthView]:
    return [TenthView(tenth=number, orders=each.orders, slippage_bps=_mean(each)) for number, each in enumerate(sums, start=1)]


def _mean(sums: SlippageSums) -> Decimal | None:
    return sums.mean_bps if sums.orders >= FEWEST_ORDERS else None
