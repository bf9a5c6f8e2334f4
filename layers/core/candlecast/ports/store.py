"""The store: one protocol per thing that is kept. Tenant-owned things are always asked for with their tenant first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.account.account import Account
    from candlecast.domain.orders.intent import Intent
    from candlecast.domain.orders.position import Position, Trade
    from candlecast.domain.orders.ranks import SignalCounts, SignalRanks
    from candlecast.domain.strategies.days import DaySums
    from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
    from candlecast.domain.strategies.execution import Execution, ReceivedAs, ShardReport, SignalRecord
    from candlecast.domain.strategies.execution_statistics import ExecutionStatistics
    from candlecast.domain.strategies.listing import RecordStart
    from candlecast.domain.strategies.record import RecordSums
    from candlecast.domain.strategies.statistics import DailyStatistics, Statistics
    from candlecast.domain.strategies.versions import StrategyChange, StrategyVersion
    from candlecast.domain.subscriptions.subscription import Subscription
    from candlecast.domain.values.timeframe import Timeframe
    from candlecast.ports.filters import (
        ExecutionFilter,
        OrderFilter,
        SignalFilter,
        SubscriptionFilter,
        TradeFilter,
        VersionFilter,
    )


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page of a listing; `cursor` is opaque, bound to its tenant, and None on the last page."""

    items: Sequence[T]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DueAccount:
    """An account that must be looked at, and when: because something of it is open, or (`in_turn`) because it is traded on."""

    tenant_id: str
    account_id: str
    due_at: datetime
    in_turn: bool = False


class AccountStore(Protocol):
    """Account aggregates. Every write is conditional on the version that was read."""

    def load(self, tenant_id: str, account_id: str) -> Account:
        """Read one account, strongly consistent, with an empty outbox; raises `NotFound`. One DynamoDB read."""
        ...

    def save(self, account: Account) -> Account:
        """Write the account as version + 1, with its outbox and its two due times (`domain/reconcile/look_schedule.py`).

        Returns what is stored, with an empty outbox. Raises `Conflict` (VERSION_CONFLICT) if somebody else has written since. One
        DynamoDB write.
        """
        ...

    def create(self, account: Account) -> Account:
        """Write a new account (version 1); raises `Conflict` (ALREADY_EXISTS)."""
        ...

    def list_accounts(self, tenant_id: str) -> Sequence[Account]:
        """All accounts of a tenant, by id and strongly consistent: one query, and one read of all of them."""
        ...

    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        """The accounts due at or before `before`, longest first, from two indexes: an account may be due soon and in turn."""
        ...


class StrategyStore(Protocol):
    """Strategy definitions with their versions, and signal sources: anybody may follow them, so without a tenant."""

    def create_strategy(
        self,
        definition: StrategyDefinition,
        source: SignalSource | None = None,
        version: StrategyVersion | None = None,
    ) -> None:
        """Write a definition together with its source (an external one) or its first version (an uploaded one).

        One with an owner counts for its owner. Raises `Conflict` (ALREADY_EXISTS, TOO_MANY_STRATEGIES).
        """
        ...

    def change_strategy(
        self, definition: StrategyDefinition, change: StrategyChange, version: StrategyVersion | None = None
    ) -> StrategyDefinition:
        """Write a changed definition as revision + 1, with the record of the change and a new version, in one transaction.

        Follower and pin counts stay as they are stored. The change's event reaches the bus. Returns what is stored. Raises
        `NotFound`, `Conflict` (VERSION_CONFLICT) if somebody else has changed the definition since it was read.
        """
        ...

    def get_version(self, strategy_id: str, number: int) -> StrategyVersion:
        """Raises `NotFound`."""
        ...

    def list_versions(
        self, strategy_id: str, where: VersionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[StrategyVersion]:
        """One page of the versions that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...

    def list_changes(self, strategy_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyChange]:
        """Newest first."""
        ...

    def pinned_versions(self, strategy_id: str) -> Mapping[int, int]:
        """How many subscriptions have pinned each version, for those with at least one; raises `NotFound`. One read."""
        ...

    def owned_strategies(self, tenant_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        """The strategies whose owner the tenant is, by id, retired ones included."""
        ...

    def followed_uploads(self, timeframe: Timeframe) -> Iterator[tuple[str, str, str]]:
        """(venue, market, strategy id) of each uploaded strategy of this timeframe that has a follower."""
        ...

    def begin_upload(self, tenant_id: str, at: datetime) -> None:
        """Count an upload of the tenant before it is checked, and hold the tenant's only place among the checks.

        The place is free again after `end_upload`, or after `UPLOAD_LEASE`. Raises `Conflict` (TOO_MANY_UPLOADS) beyond the
        day's bound, and (UPLOAD_IN_PROGRESS) while another upload has the place. One conditional write.
        """
        ...

    def end_upload(self, tenant_id: str, began_at: datetime) -> None:
        """Free the place that the upload of this moment has. One write."""
        ...

    def get_strategy(self, strategy_id: str) -> StrategyDefinition:
        """Raises `NotFound`."""
        ...

    def list_strategies(self, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        """By id, those of the platform; reserved strategies are not among them."""
        ...

    def followed_markets(self, timeframe: Timeframe) -> Iterator[tuple[str, str]]:
        """Distinct (venue, market) that a followed built-in strategy of this timeframe needs, from the sparse clock index."""
        ...

    def followed_strategies(self, timeframe: Timeframe, venue: str, market: str) -> Sequence[StrategyDefinition]:
        """Built-in strategies on this market and timeframe that have at least one follower."""
        ...

    def get_source(self, source_id: str) -> SignalSource:
        """Raises `NotFound`."""
        ...

    def save_source(self, source: SignalSource) -> None:
        """Write a change as revision + 1; raises `Conflict` (VERSION_CONFLICT) if somebody else has written since it was read."""
        ...

    def strategy_statistics(self, strategy_id: str) -> Statistics:
        """Sums from before records were kept by venue; nothing is added to them."""
        ...

    def strategy_record(self, strategy_id: str, venue: str, until: datetime | None = None) -> RecordSums:
        """Sums of a strategy's trades on a venue; with `until`, the start of a window, without those that closed from then on."""
        ...

    def strategy_days(self, strategy_id: str, venue: str, first: date, last: date) -> Mapping[date, DaySums]:
        """Sums of a strategy's trades on a venue by the day of their close, from `first` to `last`, in the order of days.

        A day without trades is left out. One query of at most sixteen rows a day.
        """
        ...

    def record_start(self, strategy_id: str, venue: str, until: datetime) -> RecordStart | None:
        """The first counted trade of a record that closed before `until`; None without one.

        None as well for a record that began before starts were kept.
        """
        ...


class SubscriptionStore(Protocol):
    """Subscriptions; a change of status is written with its account and its strategy's follower count in one transaction."""

    def get_subscription(self, tenant_id: str, subscription_id: str) -> Subscription:
        """Raises `NotFound`."""
        ...

    def list_subscriptions(self, tenant_id: str) -> Sequence[Subscription]: ...

    def page_subscriptions(
        self, tenant_id: str, where: SubscriptionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Subscription]:
        """One page of the subscriptions that fit, in the order of `list_subscriptions`.

        A filtered page may be short, or empty, and yet have a cursor. One request.
        """
        ...

    def write(self, subscription: Subscription, account: Account | None, follower_change: int) -> None:
        """Write subscription (version + 1), account (version + 1, if given), and add `follower_change` to the strategy's count.

        Pins are counted by `pinned_version` of subscriptions that are not cancelled. One transaction; the first follower puts the
        strategy on the market clock and the last one takes it off. Raises `Conflict` VERSION_CONFLICT if subscription or
        account have changed since they were read, TOO_MANY_PINNED_VERSIONS, `NotFound` if the strategy does not exist.
        """
        ...

    def followers(self, strategy_id: str, start: str, end: str) -> Iterator[Subscription]:
        """All subscriptions of a strategy that are not cancelled, with shard position in `[start, end)`; pages as it goes."""
        ...

    def follows(self, tenant_id: str, strategy_id: str) -> bool:
        """Whether the tenant has a subscription to the strategy that is not cancelled; one or two bounded requests."""
        ...

    def subscriptions_to(self, tenant_id: str, strategy_id: str) -> Sequence[Subscription]:
        """The tenant's subscriptions to the strategy, cancelled ones included, in the order of their ids.

        One query over the tenant's subscriptions, 500 at most: one request for every megabyte.
        """
        ...

    def subscription_statistics(self, tenant_id: str, subscription_id: str) -> Statistics: ...


class ExecutionStore(Protocol):
    """Execution records: lock and history of strategy runs."""

    def begin(self, execution: Execution) -> Execution | None:
        """Take the lock: conditional put on (strategy, candle close), and for a record that does not lead on its version.

        Returns the record now held, with signal, audience and versions beside of a crashed holder. So the first write of a
        candle says which versions run for whom, and a release in between changes nothing. Returns None if the run is final
        or its holder's lease has not expired; `leading` then tells the versions beside.
        """
        ...

    def leading(self, strategy_id: str, candle_close: datetime) -> Execution:
        """The candle's record that leads, strongly consistent; raises `NotFound`."""
        ...

    def give_back(self, execution: Execution) -> None:
        """End the lease of a run that nothing came of, so that a retry need not wait for it; only its holder can."""
        ...

    def keep_signal(self, execution: Execution) -> None:
        """Store the signal in the RUNNING record before it is published, so that a second holder publishes the same."""
        ...

    def finish(self, execution: Execution) -> None:
        """Make the record final and count the run in its strategy's statistics, in one transaction; only its holder can.

        Raises `Conflict` (LEASE_LOST).
        """
        ...

    def list_executions(
        self, strategy_id: str, where: ExecutionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Execution]:
        """One page of the runs that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...

    def executions_between(self, strategy_id: str, start: datetime, until: datetime) -> Iterator[Execution]:
        """The runs on candles that close in `[start, until)`, oldest candle first; pages as it goes."""
        ...

    def execution_statistics(self, strategy_id: str, since: date) -> ExecutionStatistics:
        """Sums of the runs that have ended: of each day (UTC) from `since` on, and of all time. One query."""
        ...


@dataclass(frozen=True, slots=True)
class NewestMessage:
    """The newest accepted message of a source in one market."""

    sender_key: str
    """Equal for two messages of the same decision."""
    signal_id: str
    """The signal that the message became."""
    came_after: str = ""
    """Of an exit: the signal of the newest other message before the exit; empty if there is none."""


MESSAGES_KEPT = timedelta(days=30)  # beyond its window a receipt is there for people: what did the sender really send?


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """The receipt of a message from outside."""

    signal_id: str
    """The signal that the message became."""
    body: str
    """The message as canonical JSON, without its secret."""
    received_at: datetime
    """When the message came."""
    queued_at: datetime | None = None
    """When its signal was stored and queued; None before that, and for messages of older code."""


class SignalStore(Protocol):
    """Published signals and receipts of signals from outside."""

    def put_signal(self, record: SignalRecord) -> SignalRecord:
        """Store a published signal; a repeat changes nothing. Returns the record in force, without reports."""
        ...

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        """Store how far the fan-out of one shard has come; one that is behind what is stored changes nothing."""
        ...

    def shard_report(self, signal_id: str, shard: int) -> ShardReport | None:
        """The newest report of one shard, strongly consistent; None before the first."""
        ...

    def get_signal(self, signal_id: str) -> SignalRecord:
        """Raises `NotFound`."""
        ...

    def find_signals(self, signal_ids: Collection[str]) -> Mapping[str, SignalRecord]:
        """The records that there are, by id and without reports; they may be a moment old. One request for every hundred."""
        ...

    def list_signals(
        self, strategy_id: str, where: SignalFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[SignalRecord]:
        """One page of the signals that fit. A filtered page may be short, or empty, and yet have a cursor.

        One request, and one for every hundred shards of its signals.
        """
        ...

    def receive(
        self, source_id: str, sender_key: str, signal_id: str, body: str, at: datetime, window_seconds: int
    ) -> tuple[str, bool]:
        """Store the receipt of a message unless the same `sender_key` came within the window.

        Returns (signal id in force, whether it has been queued already). `body` has its secret removed by the caller.
        """
        ...

    def mark_queued(self, source_id: str, sender_key: str, at: datetime) -> None: ...

    def find_message(self, received_as: ReceivedAs) -> ReceivedMessage | None:
        """The receipt of a message; None once it is not kept any more. One read."""
        ...

    def newest_message(self, source_id: str, market: str) -> NewestMessage | None:
        """The newest accepted message of a source in a market, strongly consistent; None before the first."""
        ...

    def put_newest_message(self, source_id: str, market: str, message: NewestMessage, at: datetime) -> None:
        """Store it over the one before, unless that one came later than `at`: two messages at once are written in any order."""
        ...


class History(Protocol):
    """The history that queries read: orders, positions and trades, projected from events (CQRS). The executor never reads it."""

    def put_order(self, intent: Intent, version: int) -> None:
        """Store the order as of the account's `version`; nothing older overwrites it, and nothing at all a final state.

        The write that makes the order final counts its slippage by rank. A crash between the two writes leaves an order out, and
        no repeat counts an order twice.
        """
        ...

    def put_skipped(self, intents: Iterable[Intent]) -> None:
        """Store skipped decisions of the fan-out in batches; a repeat is a no-op."""
        ...

    def put_dead(self, intent: Intent) -> None:
        """Store an order whose message was dead-lettered; a repeat replaces it, and so does any decision of an account."""
        ...

    def put_position(self, position: Position, version: int, at: datetime) -> None:
        """Store the position as of `version`, written at `at`; one with nothing left is listed no more."""
        ...

    def put_trade(self, trade: Trade, version: int) -> None:
        """Store a closed trade as of the account's `version`: count it exactly once, for its subscription and in the record.

        Both count it by the day of its close, too. A later version of the trade, which charges have corrected, takes the place of
        the earlier one there and in the sums. Raises `RetryLater` (RECORD_CONTENDED) if other trades of the tenant were counted
        at every attempt.
        """
        ...

    def list_orders(self, tenant_id: str, where: OrderFilter, cursor: str | None = None, limit: int = 50) -> Page[Intent]:
        """One page of the orders that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...

    def get_order(self, tenant_id: str, intent_id: str) -> Intent:
        """Raises `NotFound`."""
        ...

    def find_orders(self, tenant_id: str, intent_ids: Collection[str]) -> Mapping[str, Intent]:
        """The orders that there are, by id; they may be a moment old. One request for every hundred."""
        ...

    def list_positions(self, tenant_id: str) -> Sequence[Position]: ...

    def list_trades(self, tenant_id: str, where: TradeFilter, cursor: str | None = None, limit: int = 50) -> Page[Trade]:
        """One page of the trades that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...

    def daily_statistics(
        self, tenant_id: str, account_id: str, first: date, last: date, subscription_id: str | None = None
    ) -> DailyStatistics:
        """Sums of an account's trades, or of one subscription's there, by the day of their close: from `first` to `last`.

        One query of at most a thousand subscription days; `next_day` is then the first day that was not read.
        """
        ...

    def signal_ranks(self, strategy_id: str, until: datetime | None, limit: int) -> Sequence[SignalRanks]:
        """The slippage by rank of a strategy's newest signals with a counted order, newest first; those issued before `until`."""
        ...

    def signal_counts(self, strategy_id: str, signal_id: str, issued_at: datetime) -> SignalCounts:
        """How the orders of a signal have ended, over all followers; kept for 30 days from its issue. Two requests.

        A throttled count leaves its order out, so there may have been more.
        """
        ...


@dataclass(frozen=True, slots=True)
class LastPrice:
    """Close of the newest candle that a strategy ran on."""

    price: Decimal
    candle_close: datetime


class PriceStore(Protocol):
    """Last closes, for views such as unrealised profit; never for an order."""

    def put_price(self, venue: str, market: str, price: LastPrice) -> None: ...

    def get_prices(self, venue: str, markets: Iterable[str]) -> dict[str, LastPrice]: ...
