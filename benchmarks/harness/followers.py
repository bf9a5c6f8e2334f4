"""A signal and those whom it goes to, as the benchmarks of the fan-out need them."""

from __future__ import annotations

from decimal import Decimal

from candlecast.domain.signals.signal import Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import Subscription
from tests.support.builders import TENANT, a_signal, a_subscription


def full_signal() -> Signal:
    """An entry with a stop, a ladder and words of explanation, as strategies give them."""
    return a_signal(
        stop_loss=Decimal("97.5"),
        take_profits=(TakeProfit(Decimal(105), Decimal("0.5")), TakeProfit(Decimal(110), Decimal("0.5"))),
        atr=Decimal("1.25"),
        metadata={"fast": "100.1234567", "slow": "99.87654321"},
    )


def subscribers(count: int = 1_000) -> list[Subscription]:
    """One subscription each of so many tenants."""
    return [
        a_subscription(f"subscription-{number}", tenant_id=f"{TENANT}-{number}", account_id=f"account-{number}")
        for number in range(count)
    ]
