"""Value a tenant's open positions at the last known prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.orders.position import Position
from candlecast.domain.values.errors import NotFound
from candlecast.ports.filters import PositionFilter
from candlecast.ports.store import AccountStore, History, LastPrice, PriceStore, StrategyStore


@dataclass(frozen=True, slots=True)
class ValuedPosition:
    """A position with the price that it is valued at; None where no strategy has run on its market yet."""

    position: Position
    venue: str | None
    last_price: LastPrice | None

    @property
    def unrealised_pnl(self) -> Decimal | None:
        """Profit of the held quantity, in quote units before fees."""
        return None if self.last_price is None else self.position.unrealised_pnl(self.last_price.price)


@dataclass(frozen=True, slots=True)
class ValuePositions:
    """Values by the account's own venue, else by the venue whose candles the strategy follows (paper follows live)."""

    history: History
    accounts: AccountStore
    strategies: StrategyStore
    prices: PriceStore

    def __call__(self, tenant_id: str, where: PositionFilter) -> Sequence[ValuedPosition]:
        """The open positions of the tenant that fit: a query for positions, the list of accounts, one read per venue."""
        held = [it for it in self.history.list_positions(tenant_id) if where.window.covers(it.opened_at) and where.fits(it)]
        positions = sorted(held, key=lambda it: (it.opened_at, it.key), reverse=not where.window.ascending)
        if not positions:
            return ()
        return self.valued(positions, {it.account_id: it.venue for it in self.accounts.list_accounts(tenant_id)})

    def valued(self, positions: Sequence[Position], venues: Mapping[str, str]) -> Sequence[ValuedPosition]:
        """The positions with their prices; `venues` are those of the accounts."""
        priced = self._prices({(venues[p.account_id], p.market) for p in positions if p.account_id in venues})
        unpriced = {p.strategy_id for p in positions if (venues.get(p.account_id), p.market) not in priced}
        followed = {strategy_id: self._venue(strategy_id) for strategy_id in unpriced}
        wanted = {(venue, p.market) for p in positions if (venue := followed.get(p.strategy_id)) is not None}
        priced |= {key: price for key, price in self._prices(wanted).items() if key not in priced}
        return tuple(
            ValuedPosition(
                position=p,
                venue=venues.get(p.account_id),
                last_price=priced.get((venues.get(p.account_id), p.market))
                or priced.get((followed.get(p.strategy_id), p.market)),
            )
            for p in positions
        )

    def _venue(self, strategy_id: str) -> str | None:
        try:
            return self.strategies.get_strategy(strategy_id).venue
        except NotFound:
            return None

    def _prices(self, wanted: set[tuple[str, str]]) -> dict[tuple[str | None, str], LastPrice]:
        by_venue: defaultdict[str, list[str]] = defaultdict(list)
        for venue, market in sorted(wanted):
            by_venue[venue].append(market)
        return {
            (venue, market): price
            for venue, markets in by_venue.items()
            for market, price in self.prices.get_prices(venue, markets).items()
        }
