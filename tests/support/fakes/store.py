"""The shared state of the fake stores: one database, so that a transaction over two things is one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter

from candlecast.adapters.paging import check_limit, decode_cursor, encode_cursor
from candlecast.domain.account.account import Account
from candlecast.domain.orders.fleet import BacktestFill
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.orders.ranks import SlippageSums
from candlecast.domain.reconcile.restoration import Restoration
from candlecast.domain.signals.verdict import Verdict
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
from candlecast.domain.strategies.execution import Execution, ShardReport, SignalRecord
from candlecast.domain.strategies.listing import ListedBacktest, ListedRecord
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import StrategyChange, StrategyVersion
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.values.reasons import Reason
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.filters import TimedFilter
from candlecast.ports.store import DueAccount, LastPrice, NewestMessage, Page


@dataclass(slots=True)
class Receipt:
    """A received message: the signal that it became, when its window ends, when it came and was queued."""

    signal_id: str
    body: str
    window_ends: datetime
    received_at: datetime
    queued_at: datetime | None = None

    @property
    def queued(self) -> bool:
        return self.queued_at is not None


@dataclass(slots=True)
class FakeDatabase:
    """Everything that is stored. `stream` is what the table's stream would have delivered, in order."""

    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    due: dict[tuple[str, str], tuple[DueAccount, ...]] = field(default_factory=dict)
    strategies: dict[str, StrategyDefinition] = field(default_factory=dict)
    versions: dict[tuple[str, int], StrategyVersion] = field(default_factory=dict)
    changes: dict[str, list[StrategyChange]] = field(default_factory=dict)  # by strategy, oldest first
    uploads: Counter[tuple[str, date]] = field(default_factory=Counter)  # by tenant and day
    checked_until: dict[tuple[str, date], datetime] = field(default_factory=dict)  # likewise, while an upload is checked
    sources: dict[str, SignalSource] = field(default_factory=dict)
    subscriptions: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    executions: dict[tuple[str, datetime, int], Execution] = field(default_factory=dict)
    signals: dict[str, SignalRecord] = field(default_factory=dict)
    shard_reports: dict[str, dict[int, ShardReport]] = field(default_factory=dict)  # by signal id and shard
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    claims: dict[str, datetime] = field(default_factory=dict)  # when the right to make a verdict ends, by signal id
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)
    newest_messages: dict[tuple[str, str], tuple[NewestMessage, datetime]] = field(default_factory=dict)  # by source and market
    orders: dict[tuple[str, str], tuple[Intent, int]] = field(default_factory=dict)
    positions: dict[tuple[str, str], tuple[Position, int]] = field(default_factory=dict)
    trades: dict[tuple[str, str], Trade] = field(default_factory=dict)
    trade_versions: dict[tuple[str, str], int] = field(default_factory=dict)
    subscription_statistics: dict[tuple[str, str], Statistics] = field(default_factory=dict)
    daily_statistics: dict[tuple[str, str, date, str], Statistics] = field(
        default_factory=dict
    )  # tenant, account, day, subscription
    subscription_quotes: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    daily_quotes: dict[tuple[str, str, date, str], frozenset[str]] = field(default_factory=dict)  # of the same
    counted: dict[tuple[str, str], int] = field(default_factory=dict)  # the account's version, by tenant and subscription
    signal_ranks: dict[tuple[str, datetime, str], tuple[SlippageSums, ...]] = field(
        default_factory=dict
    )  # strategy, time, signal
    signal_near: dict[tuple[str, datetime, str], dict[int, int]] = field(default_factory=dict)  # of the same
    signal_ends: Counter[tuple[str, str, IntentState, Reason | None]] = field(
        default_factory=Counter
    )  # by strategy, signal and state; without a reason: with a fill
    backtest_fills: dict[tuple[str, datetime, str], BacktestFill] = field(default_factory=dict)
    strategy_statistics: dict[str, Statistics] = field(default_factory=dict)
    listed_backtests: dict[str, ListedBacktest] = field(default_factory=dict)
    listed_parities: dict[str, ParityShare] = field(default_factory=dict)
    listed_records: dict[str, ListedRecord] = field(default_factory=dict)  # by strategy id, once a walk has written them
    prices: dict[tuple[str, str], LastPrice] = field(default_factory=dict)
    stream: list[PublishedEvent] = field(default_factory=list)
    restoration: Restoration | None = None  # of a table that was restored


def listed[T](
    placed: Iterable[tuple[tuple[datetime, object], T]], where: TimedFilter, judged: Callable[[T], object] = lambda value: value
) -> list[T]:
    """The values that fit, in the order that is asked for. Each comes with its place: its time, then an id."""
    window = where.window
    fitting = [(place, value) for place, value in placed if window.covers(place[0]) and where.fits(judged(value))]
    return [value for _, value in sorted(fitting, key=itemgetter(0), reverse=not window.ascending)]


def page_of[T](listing: str, items: Sequence[T], cursor: str | None, limit: int) -> Page[T]:
    """One page of `items`, which are in order already."""
    start = int(decode_cursor(listing, cursor)["offset"]) if cursor else 0
    end = start + check_limit(limit)
    following = encode_cursor(listing, {"offset": str(end)}) if end < len(items) else None
    return Page(items[start:end], following)
