"""The fee of an execution: in the margin asset, or in BNB with a discount if the account wants that and has enough.

"BNB burn on futures trade": ten per cent less, taken from the BNB in the futures wallet at the present mark price.
"""

from __future__ import annotations

from decimal import Decimal

from paper_exchange.accounts.account import ZERO, Account
from paper_exchange.errors import VenueError
from paper_exchange.markets.quotes import Quotes

COIN = "BNB"
COIN_DISCOUNT = Decimal("0.9")
MONEY_STEP = Decimal("0.00000001")  # a payment has as many digits as the venue shows, so that its rows add up to the wallet


def charged_fee(account: Account, asset: str, fee: Decimal, quotes: Quotes) -> tuple[Decimal, str]:
    """Amount and asset of a fee that is `fee` in the margin asset before any discount."""
    price = _coin_price(asset, quotes) if account.burns_coin and fee else None
    if price is not None:
        amount = (fee * COIN_DISCOUNT / price).quantize(MONEY_STEP)
        if account.balances.get(COIN, ZERO) >= amount:
            return amount, COIN
    return fee.quantize(MONEY_STEP), asset


def _coin_price(asset: str, quotes: Quotes) -> Decimal | None:
    """The coin's mark price in the asset, or else in USDT; None where no market of the coin has a price."""
    for symbol in dict.fromkeys((f"{COIN}{asset}", f"{COIN}USDT")):
        try:
            return quotes.mark_price(symbol)
        except VenueError:
            continue
    return None
