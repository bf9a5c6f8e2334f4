"""Keep the figures of the marketplace's cards fresh: a lap over all of them each hour, a bounded part of it each minute.

The lap asks for the platform's own backtests too: of each new stable version, and of each strategy once a week.

Public records change when an hour has passed, so more laps would show the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.listing import Card, ListedBacktest, ListedRecord, ListingQuery, ListingSort, ListingWalk
from candlecast.domain.strategies.record import StrategyRecord, public_until
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock
from candlecast.ports.listings import ListingStore
from candlecast.ports.queue import BacktestQueue
from candlecast.ports.store import LastPrice, PriceStore, StrategyStore

LAP = timedelta(hours=1)  # from the beginning of a lap to that of the next
BACKTESTS_A_STEP = 1  # that are asked for: most take seconds, and tenants' backtests wait in the same queue
CARDS_A_STEP = 20  # some hundred requests: a second of a clock that has thirty, and 1,200 cards in an hour

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
NOBODY = "-"  # a card's task is no tenant's, and has no item
Prices = Mapping[tuple[str, str], LastPrice]
Due = tuple[StrategyDefinition, ListedBacktest | None]


@dataclass(frozen=True, slots=True)
class RefreshListings:
    """One step of the walk: first over strategies of the platform, which may lack a card, then over all cards, paper and live."""

    listings: ListingStore
    strategies: StrategyStore
    prices: PriceStore
    backtests: BacktestQueue
    clock: Clock

    def __call__(self) -> int:
        """Go one step, and say how many cards have changed. A step that fails is gone again. Raises `RetryLater`."""
        now = self.clock.now()
        walk = self.listings.load_walk()
        if walk is None or (walk.is_over and now - walk.began_at >= LAP):
            walk = ListingWalk(began_at=now)
        if walk.is_over:
            return 0
        changed, cursor = self._add_missing(walk) if walk.part == 0 else self._refresh(walk, now)
        if cursor is not None:
            self.listings.save_walk(replace(walk, cursor=cursor))
        elif walk.part < 2:
            self.listings.save_walk(replace(walk, part=walk.part + 1, cursor=None))
        else:
            self.listings.save_walk(replace(walk, cursor=None, is_over=True))
        return changed

    def _add_missing(self, walk: ListingWalk) -> tuple[int, str | None]:
        page = self.strategies.list_strategies(walk.cursor, CARDS_A_STEP)
        for definition in page.items:
            self.listings.add_missing(definition)
        return 0, page.cursor

    def _refresh(self, walk: ListingWalk, now: datetime) -> tuple[int, str | None]:
        query = ListingQuery(is_paper=walk.part == 1, sort=ListingSort.NEWEST)
        page = self.listings.browse(query, walk.cursor, CARDS_A_STEP)
        prices = self._prices(page.items)
        changed, due = 0, list[Due]()
        for card in page.items:
            definition = self.strategies.get_strategy(card.listing.strategy_id)
            record = self._record(definition, prices, now)
            if record != card.record:
                self.listings.refresh(definition.strategy_id, record)
                changed += 1
            if definition.timeframe is not None and (card.backtest is None or card.backtest.is_due(_stable(definition), now)):
                due.append((definition, card.backtest))
        for definition, known in sorted(due, key=_asked_at)[:BACKTESTS_A_STEP]:
            self._ask(definition, known, now)
        return changed, page.cursor

    def _ask(self, definition: StrategyDefinition, known: ListedBacktest | None, now: datetime) -> None:
        """Ask for the backtest of a card: noted first, so that a task is not asked for again each hour."""
        figures = None if known is None else known.figures
        noted = ListedBacktest(asked_at=now, version=_stable(definition), figures=figures)
        self.listings.put_backtest(definition.strategy_id, noted)
        self.backtests.send_backtests([card_task(definition.strategy_id, now)])

    def _prices(self, cards: Sequence[Card]) -> Prices:
        """The last prices of the cards' markets, by venue and market; one request for each venue."""
        wanted: dict[str, set[str]] = {}
        for card in cards:
            if card.listing.market is not None:
                wanted.setdefault(card.listing.venue, set()).add(card.listing.market)
        return {
            (venue, market): price
            for venue, markets in wanted.items()
            for market, price in self.prices.get_prices(venue, markets).items()
        }

    def _record(self, definition: StrategyDefinition, prices: Prices, now: datetime) -> ListedRecord:
        """The figures as a stranger may see them: trades of the newest candle are left out."""
        strategy_id = definition.strategy_id
        until = public_until(definition, now)
        record = StrategyRecord(
            venue=definition.venue,
            sums=self.strategies.strategy_record(strategy_id, definition.venue, until),
            closed_before=until,
        )
        start = self.strategies.record_start(strategy_id, definition.venue, until)
        last = prices.get((definition.venue, definition.market or ""))
        return ListedRecord.of(definition, record, start, None if last is None else last.price)


def _stable(definition: StrategyDefinition) -> int | None:
    return None if definition.release is None else definition.release.stable


def _asked_at(due: Due) -> datetime:
    """Cards that have waited longest come first, so no author's releases keep others from their turn."""
    _, known = due
    return BEFORE_ALL if known is None else known.asked_at


def card_task(strategy_id: str, now: datetime) -> BacktestTask:
    """The task to compute the backtest of a card."""
    correlation_id = digest("card", strategy_id, now.isoformat())
    return BacktestTask(tenant_id=NOBODY, backtest_id=NOBODY, correlation_id=correlation_id, card_of=strategy_id)
