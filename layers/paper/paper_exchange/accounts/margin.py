"""Margin of one account: used, free, and set apart for isolated positions.

Formulas are the venue's. Initial margin is notional at the mark price over leverage. Maintenance margin is notional times the
bracket's rate less its cumulative amount. An isolated position carries itself with its own wallet. That wallet, its profit and
its initial margin have no part in the margin that is free for new positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.accounts.account import ZERO, Account, Order, Position, PositionSide, Side, SymbolSettings
from paper_exchange.markets.quotes import Quotes


@dataclass(frozen=True, slots=True)
class PositionMargin:
    """One open position valued at the mark price, in quote units; `bids` and `asks` are the notionals of its resting orders."""

    symbol: str
    notional: Decimal
    unrealized: Decimal
    initial: Decimal
    maintenance: Decimal
    open_orders: Decimal
    bids: Decimal
    asks: Decimal


@dataclass(frozen=True, slots=True)
class AssetMargin:
    """All positions and orders of one margin asset together; the `isolated_` parts are those of isolated positions."""

    asset: str
    wallet: Decimal
    unrealized: Decimal
    position_initial: Decimal
    order_initial: Decimal
    maintenance: Decimal
    isolated_wallet: Decimal = ZERO
    isolated_unrealized: Decimal = ZERO
    isolated_initial: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        """Equity: wallet and unrealised profit."""
        return self.wallet + self.unrealized

    @property
    def initial(self) -> Decimal:
        return self.position_initial + self.order_initial

    @property
    def available(self) -> Decimal:
        """The margin that new positions can use; a negative value is shown by the venue as zero."""
        return self.cross_wallet + self.cross_unrealized - (self.initial - self.isolated_initial)

    @property
    def cross_wallet(self) -> Decimal:
        """The wallet without the wallets of isolated positions."""
        return self.wallet - self.isolated_wallet

    @property
    def cross_unrealized(self) -> Decimal:
        return self.unrealized - self.isolated_unrealized

    @property
    def withdrawable(self) -> Decimal:
        """The available margin without profits that are not realised."""
        return self.available - max(ZERO, self.cross_unrealized)


def position_margin(account: Account, symbol: str, quotes: Quotes, side: PositionSide = PositionSide.BOTH) -> PositionMargin:
    """Margin of a symbol's position on one side, and of the orders that rest for it."""
    spec = quotes.spec(symbol)
    position = account.position(symbol, side)
    leverage = account.settings_of(symbol).leverage
    mark = quotes.mark_price(symbol)
    notional = position.amount * mark
    bracket = spec.bracket_of(abs(notional))
    maintenance = abs(notional) * bracket.maintenance_rate - bracket.cumulative if notional else ZERO
    own = [order for order in account.orders.values() if (order.symbol, order.position_side) == (symbol, side)]
    resting = sum((order_notional(order) for order in own), ZERO)
    bids, asks = (sum((order.price * order.remaining for order in own if order.side is wanted), ZERO) for wanted in Side)
    return PositionMargin(
        symbol=symbol,
        notional=notional,
        unrealized=(mark - position.entry_price) * position.amount,
        initial=abs(notional) / leverage,
        maintenance=maintenance,
        open_orders=resting / leverage,
        bids=bids,
        asks=asks,
    )


def order_notional(order: Order) -> Decimal:
    """The notional that a resting order binds, before leverage; an order that only reduces binds nothing."""
    return ZERO if order.reduce_only else order.price * order.remaining


def asset_margin(account: Account, asset: str, quotes: Quotes) -> AssetMargin:
    """The margin of every symbol that is quoted in `asset`."""
    active = set(account.held) | {(order.symbol, order.position_side) for order in account.orders.values()}
    own = [(symbol, side) for symbol, side in active if quotes.spec(symbol).quote == asset]
    parts = {key: position_margin(account, key[0], quotes, key[1]) for key in own}
    isolated = [key for key in own if account.settings_of(key[0]).isolated]
    return AssetMargin(
        asset=asset,
        wallet=account.balances.get(asset, ZERO),
        unrealized=sum((part.unrealized for part in parts.values()), ZERO),
        position_initial=sum((part.initial for part in parts.values()), ZERO),
        order_initial=sum((part.open_orders for part in parts.values()), ZERO),
        maintenance=sum((part.maintenance for part in parts.values()), ZERO),
        isolated_wallet=sum((set_apart(account, *key) for key in isolated), ZERO),
        isolated_unrealized=sum((parts[key].unrealized for key in isolated), ZERO),
        isolated_initial=sum((parts[key].initial for key in isolated), ZERO),
    )


def set_apart(account: Account, symbol: str, side: PositionSide) -> Decimal:
    """The wallet that an isolated position may lose.

    A position from before wallets were kept has the initial margin of its entry.
    """
    position, settings = account.position(symbol, side), account.settings_of(symbol)
    if not settings.isolated:
        return ZERO
    return position.isolated_wallet or abs(position.amount) * position.entry_price / settings.leverage


def isolated_wallet_after(before: Position, after: Position, price: Decimal, settings: SymbolSettings) -> Decimal:
    """The isolated wallet after a fill: an addition brings its initial margin, a reduction takes its share out."""
    if not settings.isolated or not after.amount:
        return ZERO
    turned = before.amount * after.amount < 0
    kept = ZERO if turned or not before.amount else before.isolated_wallet * min(Decimal(1), abs(after.amount / before.amount))
    added = abs(after.amount) if turned else max(ZERO, abs(after.amount) - abs(before.amount))
    return kept + added * price / settings.leverage
