"""Orders, positions and trades in memory, projected by the rules of the real history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from candlecast.domain.market.market import quote_of
from candlecast.domain.orders.fleet import SignalFill, rounded_tenths
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.orders.ranks import SignalCounts, SignalRanks, SlippageSums, counted_slippage, has_counted_end, rank_tenth
from candlecast.domain.strategies.statistics import DailyStatistics, QuotedStatistics, Statistics
from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.ids import TENTHS
from candlecast.domain.values.reasons import Reason
from candlecast.ports.filters import OrderFilter, TradeFilter
from candlecast.ports.store import LastPrice, Page
from candlecast.ports.totals import QuotedDays
from tests.support.fakes.store import FakeDatabase, listed, page_of

MAX_DAY_ROWS = 1_000  # of one answer, as in the real store
SKIPPED_VERSION = 0  # below every account's version: an account's decision counts more than an earlier skip


class FakeHistory:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def put_order(self, intent: Intent, version: int) -> None:
        key = (intent.tenant_id, intent.intent_id)
        held = self.database.orders.get(key)
        if held is None or held[1] == SKIPPED_VERSION or (held[1] <= version and not held[0].state.is_terminal):
            self.database.orders[key] = (intent, version)
            if intent.state.is_terminal:
                self._count_rank(intent)

    def _count_rank(self, ended: Intent) -> None:
        slippage, tenth = counted_slippage(ended), rank_tenth(ended)
        if slippage is None or tenth is None:
            self._count_end(ended)
            return
        ranks, place = self.database.signal_ranks, (ended.strategy_id, ended.issued_at, ended.signal_id)
        tenths = list(ranks.get(place, (SlippageSums(),) * TENTHS))
        tenths[tenth - 1] += SlippageSums(orders=1, slippage_bps=slippage)
        ranks[place] = tuple(tenths)
        near = self.database.signal_near.setdefault(place, {})
        near[rounded_tenths(slippage)] = near.get(rounded_tenths(slippage), 0) + 1

    def _count_end(self, ended: Intent) -> None:
        if has_counted_end(ended):
            reason = None if ended.is_filled else ended.reason
            self.database.signal_ends[ended.strategy_id, ended.signal_id, ended.state, reason] += 1

    def signal_counts(self, strategy_id: str, signal_id: str, issued_at: datetime) -> SignalCounts:
        placed = sum(each.orders for each in self.database.signal_ranks.get((strategy_id, issued_at, signal_id), ()))
        not_placed: dict[IntentState, dict[Reason, int]] = {}
        for (strategy, signal, state, reason), number in self.database.signal_ends.items():
            if (strategy, signal) != (strategy_id, signal_id):
                continue
            if reason is None:
                placed += number
            else:
                not_placed.setdefault(state, {})[reason] = number
        return SignalCounts(placed=placed, not_placed=not_placed)

    def put_skipped(self, intents: Iterable[Intent]) -> None:
        for intent in intents:
            self.database.orders.setdefault((intent.tenant_id, intent.intent_id), (intent, SKIPPED_VERSION))

    def put_dead(self, intent: Intent) -> None:
        key = (intent.tenant_id, intent.intent_id)
        held = self.database.orders.get(key)
        if held is None or held[1] == SKIPPED_VERSION:
            self.database.orders[key] = (intent, SKIPPED_VERSION)

    def put_position(self, position: Position, version: int, at: datetime) -> None:
        key = (position.tenant_id, position.key)
        held = self.database.positions.get(key)
        if held is None or held[1] <= version:
            self.database.positions[key] = (position, version)

    def put_trade(self, trade: Trade, version: int) -> None:
        key = (trade.tenant_id, trade.trade_id)
        earlier = self.database.trades.get(key)
        if earlier is not None and (self.database.trade_versions[key] > version or earlier == trade):
            return
        self.database.trades[key], self.database.trade_versions[key] = trade, version
        own, by_subscription = (trade.tenant_id, trade.subscription_id), self.database.subscription_statistics
        self.database.counted[own] = max(version, self.database.counted.get(own, 0))
        before = Statistics() if earlier is None else Statistics.of(earlier.pnl, earlier.fees, earlier.funding)
        after = Statistics.of(trade.pnl, trade.fees, trade.funding)
        by_subscription[own] = by_subscription.get(own, Statistics()) + after - before
        day, by_day = (
            (trade.tenant_id, trade.account_id, trade.closed_at.date(), trade.subscription_id),
            self.database.daily_statistics,
        )
        by_day[day] = by_day.get(day, Statistics()) + after - before
        quote, of_subscription, of_day = {quote_of(trade.market)}, self.database.subscription_quotes, self.database.daily_quotes
        of_subscription[own] = of_subscription.get(own, frozenset()) | quote
        of_day[day] = of_day.get(day, frozenset()) | quote

    def list_orders(self, tenant_id: str, where: OrderFilter, cursor: str | None = None, limit: int = 50) -> Page[Intent]:
        own = [intent for (tenant, _), (intent, _) in self.database.orders.items() if tenant == tenant_id]
        placed = [((intent.created_at, intent.intent_id), intent) for intent in own]
        return page_of(f"ORDERS#{tenant_id}", listed(placed, where), cursor, limit)

    def get_order(self, tenant_id: str, intent_id: str) -> Intent:
        try:
            return self.database.orders[tenant_id, intent_id][0]
        except KeyError:
            raise NotFound("no such order") from None

    def find_orders(self, tenant_id: str, intent_ids: Collection[str]) -> Mapping[str, Intent]:
        found = {intent_id: self.database.orders.get((tenant_id, intent_id)) for intent_id in intent_ids}
        return {intent_id: held[0] for intent_id, held in found.items() if held is not None}

    def list_positions(self, tenant_id: str) -> Sequence[Position]:
        held = [
            position
            for (tenant, _), (position, _) in self.database.positions.items()
            if tenant == tenant_id and position.quantity > 0
        ]
        return sorted(held, key=lambda position: position.key)

    def list_trades(self, tenant_id: str, where: TradeFilter, cursor: str | None = None, limit: int = 50) -> Page[Trade]:
        own = [trade for (tenant, _), trade in self.database.trades.items() if tenant == tenant_id]
        return page_of(f"TRADES#{tenant_id}", listed([((it.closed_at, it.trade_id), it) for it in own], where), cursor, limit)

    def daily_statistics(
        self, tenant_id: str, account_id: str, first: date, last: date, subscription_id: str | None = None
    ) -> DailyStatistics:
        places = sorted(
            (day, subscription)
            for tenant, account, day, subscription in self.database.daily_statistics
            if (tenant, account) == (tenant_id, account_id) and first <= day <= last
        )
        next_day = places[MAX_DAY_ROWS][0] if len(places) > MAX_DAY_ROWS else None
        days: dict[date, Statistics] = {}
        for day, subscription in places:
            if subscription_id in (None, subscription) and (next_day is None or day < next_day):
                sums = self.database.daily_statistics[tenant_id, account_id, day, subscription]
                days[day] = days.get(day, Statistics()) + sums
        return DailyStatistics(days=days, next_day=next_day)

    def signal_ranks(self, strategy_id: str, until: datetime | None, limit: int) -> Sequence[SignalRanks]:
        found = [
            SignalRanks(
                signal_id=signal_id,
                issued_at=issued_at,
                tenths=tenths,
                near=self.database.signal_near[strategy, issued_at, signal_id],
                backtest=self.database.backtest_fills.get((strategy, issued_at, signal_id)),
            )
            for (strategy, issued_at, signal_id), tenths in self.database.signal_ranks.items()
            if strategy == strategy_id and (until is None or issued_at < until)
        ]
        return sorted(found, key=lambda ranks: (ranks.issued_at, ranks.signal_id), reverse=True)[:limit]


class FakeFillStore:
    """`ports.parity.FillStore`."""

    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def put_fills(self, strategy_id: str, fills: Sequence[SignalFill]) -> None:
        for each in fills:
            place = (strategy_id, each.issued_at, each.signal_id)
            if place in self.database.signal_ranks:
                self.database.backtest_fills[place] = each.fill


class FakeRebuiltHistory(FakeHistory):
    """Stores a lost trade that is counted already, and counts it no more. Counts no order by its rank."""

    def _count_rank(self, ended: Intent) -> None:
        pass

    def put_trade(self, trade: Trade, version: int) -> None:
        key = (trade.tenant_id, trade.trade_id)
        held = self.database.trades.get(key)
        if self.database.counted.get((trade.tenant_id, trade.subscription_id), 0) < version:
            super().put_trade(trade, version)
        elif held is None or (self.database.trade_versions[key] <= version and held != trade):
            self.database.trades[key], self.database.trade_versions[key] = trade, version


class FakeResultSums:
    """`ports.totals.ResultSums`."""

    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def of_subscriptions(self, tenant_id: str) -> dict[str, QuotedStatistics]:
        return {
            subscription: QuotedStatistics(
                statistics=sums, quotes=self.database.subscription_quotes.get((tenant, subscription), frozenset())
            )
            for (tenant, subscription), sums in self.database.subscription_statistics.items()
            if tenant == tenant_id
        }

    def of_days(self, tenant_id: str, account_id: str, first: date, last: date) -> QuotedDays:
        places = sorted(
            place
            for place in self.database.daily_statistics
            if place[:2] == (tenant_id, account_id) and first <= place[2] <= last
        )
        next_day = places[MAX_DAY_ROWS][2] if len(places) > MAX_DAY_ROWS else None
        sums: dict[tuple[date, str], Statistics] = {}
        for place in places:
            if next_day is None or place[2] < next_day:
                statistics = self.database.daily_statistics[place]
                quotes = self.database.daily_quotes.get(place, frozenset())
                of = place[2], QuotedStatistics(statistics=statistics, quotes=quotes).quote
                sums[of] = sums.get(of, Statistics()) + statistics
        return QuotedDays(sums, next_day)


class FakePriceStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def put_price(self, venue: str, market: str, price: LastPrice) -> None:
        held = self.database.prices.get((venue, market))
        if held is None or held.candle_close <= price.candle_close:
            self.database.prices[venue, market] = price

    def get_prices(self, venue: str, markets: Iterable[str]) -> dict[str, LastPrice]:
        return {market: self.database.prices[venue, market] for market in markets if (venue, market) in self.database.prices}
