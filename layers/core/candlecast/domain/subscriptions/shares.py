"""How the notional that one signal may order is shared out among those who can trade (decision 0056)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal

from candlecast.domain.subscriptions.subscription import Subscription

SHARE_STEP = Decimal("0.01")  # the smallest share: one of 0 would say that there is no bound


def notional_shares(notional: Decimal, followers: Iterable[Subscription]) -> Mapping[str, Decimal]:
    """Quote units for an entry of each subscription, by subscription id, rounded down to `SHARE_STEP`.

    Each tenant with an account has an equal share, divided among the tenant's subscriptions with an account. So neither
    subscriptions without an account nor many subscriptions of one tenant take from the others. Subscriptions without an
    account are absent.
    """
    trading = [each for each in followers if each.account_id is not None]
    subscriptions = Counter(each.tenant_id for each in trading)
    return {each.subscription_id: _rounded(notional / len(subscriptions) / subscriptions[each.tenant_id]) for each in trading}


def _rounded(share: Decimal) -> Decimal:
    return max(share.quantize(SHARE_STEP, rounding=ROUND_DOWN), SHARE_STEP)
