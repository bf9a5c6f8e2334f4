"""Cross margin of one account: what is used, what is free, and where a position would be liquidated.

Formulas are the venue's: initial margin is notional at the mark price over leverage, maintenance margin is notional times the
bracket's rate less its cumulative amount. The mark price is the last price here. Isolated margin is kept as a setting and shown,
but counts like cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from functions.paper_exchange.account import ZERO, Account, Order
from functions.paper_exchange.quotes import Quotes


@dataclass(frozen=True, slots=True)
class PositionMargin:
    """One open position valued at the mark price, in quote units."""

    symbol: str
    notional: Decimal
    unrealized: Decimal
    initial: Decimal
    maintenance: Decimal
    open_orders: Decimal


@dataclass(frozen=True, slots=True)
class AssetMargin:
    """All positions and orders of one margin asset together."""

    asset: str
    wallet: Decimal
    unrealized: Decimal
    position_initial: Decimal
    order_initial: Decimal
    maintenance: Decimal

    @property
    def balance(self) -> Decimal:
        """Equity: wallet and unrealised profit."""
        return self.wallet + self.unrealized

    @property
    def initial(self) -> Decimal:
        return self.position_initial + self.order_initial

    @property
    def available(self) -> Decimal:
        """What new positions can use; it may be negative, which the venue shows as zero."""
        return self.balance - self.initial


def position_margin(account: Account, symbol: str, quotes: Quotes) -> PositionMargin:
    """Margin of a symbol's position and of its resting orders."""
    spec = quotes.spec(symbol)
    position = account.position(symbol)
    leverage = account.settings_of(symbol).leverage
    mark = quotes.last_price(symbol)
    notional = position.amount * mark
    bracket = spec.bracket_of(abs(notional))
    maintenance = abs(notional) * bracket.maintenance_rate - bracket.cumulative if notional else ZERO
    resting = sum((order_notional(order) for order in account.orders.values() if order.symbol == symbol), ZERO)
    return PositionMargin(
        symbol=symbol,
        notional=notional,
        unrealized=(mark - position.entry_price) * position.amount,
        initial=abs(notional) / leverage,
        maintenance=maintenance,
        open_orders=resting / leverage,
    )


def order_notional(order: Order) -> Decimal:
    """What a resting order binds, before leverage; an order that only reduces binds nothing."""
    return ZERO if order.reduce_only else order.price * order.quantity


def asset_margin(account: Account, asset: str, quotes: Quotes) -> AssetMargin:
    """The margin of every symbol that is quoted in `asset`."""
    symbols = {symbol for symbol, position in account.positions.items() if position.amount}
    symbols |= {order.symbol for order in account.orders.values()}
    parts = [position_margin(account, symbol, quotes) for symbol in symbols if quotes.spec(symbol).quote == asset]
    return AssetMargin(
        asset=asset,
        wallet=account.balances.get(asset, ZERO),
        unrealized=sum((part.unrealized for part in parts), ZERO),
        position_initial=sum((part.initial for part in parts), ZERO),
        order_initial=sum((part.open_orders for part in parts), ZERO),
        maintenance=sum((part.maintenance for part in parts), ZERO),
    )


def liquidation_price(account: Account, symbol: str, quotes: Quotes) -> Decimal:
    """The mark price at which equity would equal maintenance margin, all other prices as they are; zero if there is none."""
    amount = account.position(symbol).amount
    if not amount:
        return ZERO
    spec = quotes.spec(symbol)
    total = asset_margin(account, spec.quote, quotes)
    own = position_margin(account, symbol, quotes)
    bracket = spec.bracket_of(abs(own.notional))
    spare = total.wallet + (total.unrealized - own.unrealized) - (total.maintenance - own.maintenance) + bracket.cumulative
    price = (amount * account.position(symbol).entry_price - spare) / (amount - abs(amount) * bracket.maintenance_rate)
    return max(ZERO, price)
