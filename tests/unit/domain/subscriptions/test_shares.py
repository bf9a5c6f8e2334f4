"""The shares that followers have of one signal's notional."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.subscriptions.shares import SHARE_STEP, notional_shares
from tests.support.builders import a_subscription

FOLLOWERS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["account", None])), max_size=20)


@given(FOLLOWERS, st.decimals(1, 10**12, places=2))
def test_shares_add_up_to_no_more_than_the_notional_and_tenants_are_equal(
    drawn: list[tuple[str, str | None]], notional: Decimal
) -> None:
    followers = [
        a_subscription(str(place), tenant_id=tenant, account_id=account) for place, (tenant, account) in enumerate(drawn)
    ]
    shares = notional_shares(notional, followers)
    trading = [each for each in followers if each.account_id is not None]
    assert set(shares) == {each.subscription_id for each in trading}
    assert sum(shares.values()) <= notional
    tenants = {each.tenant_id for each in trading}
    for tenant in tenants:
        own = [shares[each.subscription_id] for each in trading if each.tenant_id == tenant]
        assert notional / len(tenants) - sum(own) < SHARE_STEP * len(own)


def test_the_smallest_share_is_one_step() -> None:
    shares = notional_shares(Decimal("0.01"), [a_subscription(str(n), tenant_id=str(n)) for n in range(3)])
    assert set(shares.values()) == {SHARE_STEP}
