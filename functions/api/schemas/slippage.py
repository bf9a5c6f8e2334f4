"""Bodies of slippage by rank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from candlecast.domain.orders.ranks import SignalRanks, SlippageSums
from candlecast.services.strategies.show_slippage import SlippageByRank
from functions.api.schemas.values import Money, View


class TenthView(View):
    """Orders whose subscriptions had a turn in one tenth of a signal's turns."""

    tenth: int = Field(description="From 1, served first, to 10, served last.")
    orders: int = Field(description="Filled market orders: entries, and exits of signals.")
    slippage_bps: Money | None = Field(
        description="Mean in basis points; positive is worse than the signal's price. Null without orders."
    )


class SignalSlippageView(View):
    """The slippage of one signal's orders."""

    signal_id: str
    issued_at: datetime = Field(description="When the signal was decided.")
    orders: int = Field(description="Filled market orders of all followers.")
    slippage_bps: Money = Field(description="Mean in basis points.")
    tenths: list[TenthView] = Field(description="The same by turn.")

    @staticmethod
    def of(signal: SignalRanks) -> SignalSlippageView:
        total = signal.total
        return SignalSlippageView(
            signal_id=signal.signal_id,
            issued_at=signal.issued_at,
            orders=total.orders,
            slippage_bps=total.mean_bps,
            tenths=_tenths(signal.tenths),
        )


class SlippageView(View):
    """Slippage by rank. Each signal shuffles its followers anew, so nobody is always in the first tenth."""

    tenths: list[TenthView] = Field(description="All signals below together.")
    signals: list[SignalSlippageView] = Field(description="The newest 50 signals of the last 30 days with a filled order.")

    @staticmethod
    def of(slippage: SlippageByRank) -> SlippageView:
        signals = [SignalSlippageView.of(signal) for signal in slippage.signals]
        return SlippageView(tenths=_tenths(slippage.tenths), signals=signals)


def _tenths(sums: Sequence[SlippageSums]) -> list[TenthView]:
    return [TenthView(tenth=number, orders=each.orders, slippage_bps=each.mean_bps) for number, each in enumerate(sums, start=1)]
