"""The equity of an account by asset: the part that sizes a market, and the total for limits of the whole account."""

from __future__ import annotations

from decimal import Decimal

from candlecast.domain.account.account import Balance
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from tests.support.builders import NOW, a_market, a_quote, a_signal, a_trade_order, an_account, settings

D = Decimal


def balance(equity: str, **assets: str) -> Balance:
    return Balance(D(equity), D(equity), NOW, {asset: D(amount) for asset, amount in assets.items()})


def test_assets_that_are_kept_apart_stand_for_their_own_markets_and_dollars_count_together() -> None:
    told = balance("300", USDT="300", USDC="200", BNB="5")
    assert (told.of("USDT"), told.of("USDC"), told.of("FDUSD"), told.total) == (D(300), D(200), D(0), D(500))


def test_a_total_of_all_assets_stands_for_every_market() -> None:
    told = balance("1000", USDT="300", BNB="2")
    assert (told.of("USDT"), told.of("USDC"), told.total) == (D(1000), D(1000), D(1000))


def test_a_balance_from_before_assets_were_kept_is_its_total() -> None:
    assert (balance("300").of("USDC"), balance("300").total) == (D(300), D(300))


def test_a_market_is_sized_from_the_equity_of_its_quote_asset() -> None:
    account = an_account(balance=balance("0", USDC="2000"))
    percent = settings(sizing=Sizing(SizingMode.PERCENT_OF_EQUITY, D(10)), stop_atr_multiplier=None)
    order = a_trade_order(a_signal(), settings=percent, quote=a_quote())
    plan = plan_orders(account, order, a_market(quote="USDC"), NOW)
    (entry,) = [leg for leg in plan.legs if leg.kind is LegKind.ENTRY]
    assert entry.quantity * D(100) == D(200)


def test_limits_of_the_account_see_dollars_together() -> None:
    marks = an_account().with_balance(balance("300", USDT="300", USDC="200")).usage.equity_marks(NOW)
    assert marks is not None
    assert marks.last == D(500)
