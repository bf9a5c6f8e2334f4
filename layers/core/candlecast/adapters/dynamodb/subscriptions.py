"""Subscriptions: written with their account and their strategy's counts in one transaction, listed by shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from candlecast.adapters.codec import from_json, to_terse_json
from candlecast.adapters.dynamodb.accounts import AccountRow, account_row, tenant_key
from candlecast.adapters.dynamodb.single_table.batch import query_items
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    SEPARATOR,
    Row,
    Table,
    cancelled_by,
    key,
    require_schema,
    require_tenant,
    require_version,
    store_errors,
)
from candlecast.adapters.dynamodb.statistics import StatisticsRow, statistics_of, subscription_place
from candlecast.adapters.dynamodb.strategies import (
    DEFINITION,
    StrategyRow,
    clock_place,
    definition_of,
    pins_of,
    pins_text,
    read_row,
)
from candlecast.domain.account.account import Account
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import require_few_pins
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.ids import shard_position
from candlecast.ports.clock import Clock
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import SubscriptionFilter

SUBSCRIPTION = "SUBSCRIPTION"
FOLLOWS = "FOLLOWS"


class SubscriptionRow(Row):
    """A subscription. It stands in the index of its strategy's followers until it is cancelled."""

    version = NumberAttribute()
    body = UnicodeAttribute()


class FollowsRow(Row):
    """A marker: the tenant follows the strategy of its key by the subscription of its key. It goes when that is cancelled."""


class DynamoSubscriptionStore:
    """`ports.store.SubscriptionStore`; the clock is for the reconcile time of an account that is written along."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._rows = table.rows(SubscriptionRow)
        self._follows = table.rows(FollowsRow)
        self._accounts = table.rows(AccountRow)
        self._strategies = table.rows(StrategyRow)
        self._statistics = table.rows(StatisticsRow)

    def get_subscription(self, tenant_id: str, subscription_id: str) -> Subscription:
        with store_errors():
            try:
                row = self._rows.get(tenant_key(tenant_id), key(SUBSCRIPTION, subscription_id), consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such subscription") from None
        return _owned(row, tenant_id)

    def list_subscriptions(self, tenant_id: str) -> Sequence[Subscription]:
        prefix = self._rows.place.startswith(SUBSCRIPTION + SEPARATOR)
        with store_errors():
            return [_owned(row, tenant_id) for row in self._rows.query(tenant_key(tenant_id), prefix, consistent_read=True)]

    def page_subscriptions(
        self, tenant_id: str, where: SubscriptionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Subscription]:
        def fitting(row: SubscriptionRow) -> Subscription | None:
            subscription = _owned(row, tenant_id)
            return subscription if where.fits(subscription) else None

        return read_page(
            partial(self._rows.query, consistent_read=True),
            tenant_key(tenant_id),
            ("PK", "SK"),
            fitting,
            cursor,
            limit,
            self._rows.place.startswith(SUBSCRIPTION + SEPARATOR),
            ascending=True,
            filtered=bool(where.conditions),
        )

    def write(self, subscription: Subscription, account: Account | None, follower_change: int) -> None:
        if follower_change not in (-1, 0, 1):
            raise InvalidValue("one subscription changes the count by one at most")
        if account is not None and account.tenant_id != subscription.tenant_id:
            raise InvalidValue("subscription and account have different tenants")
        strategy = read_row(self._strategies, subscription.strategy_id)
        pins = self._pins(strategy, subscription)
        try:
            with store_errors(), self._table.transaction() as transaction:
                self._put_subscription(transaction, subscription)
                if account is not None:
                    row = account_row(self._accounts, account, self._clock.now(), self._table.generation)
                    transaction.save(row, condition=self._accounts.version == account.version)
                if follower_change or pins is not None:
                    self._count(transaction, strategy, follower_change, pins)
        except TransactWriteError as error:
            if cancelled_by(error):
                raise Conflict("VERSION_CONFLICT", "something has changed since it was read") from error
            raise
        except RetryLater as error:
            if isinstance(error.__cause__, TransactWriteError):  # many follow one strategy at once: reading again is quick
                raise Conflict("VERSION_CONFLICT", "another transaction was under way") from error
            raise

    def followers(self, strategy_id: str, start: str, end: str) -> Iterator[Subscription]:
        # BETWEEN includes its end, but every place goes on after the four digits, so none equals it
        found = query_items(
            self._table,
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :followed AND GSI1SK BETWEEN :start AND :end",
            ProjectionExpression="PK, body, schema_version",
            ExpressionAttributeValues={
                ":followed": {"S": key("FOLLOWERS", strategy_id)},
                ":start": {"S": start},
                ":end": {"S": end},
            },
        )
        for item in found:
            require_version(int(item["schema_version"]["N"]))
            subscription = from_json(Subscription, item["body"]["S"])
            # roles do not limit an index's attributes: a row that something else has put into the index is nobody's subscription
            if item["PK"]["S"] == tenant_key(subscription.tenant_id):
                yield subscription

    def follows(self, tenant_id: str, strategy_id: str) -> bool:
        tenant, marker = tenant_key(tenant_id), key(FOLLOWS, strategy_id) + SEPARATOR
        with store_errors():
            found = self._follows.query(tenant, self._follows.place.startswith(marker), consistent_read=True, limit=1)
            return any(True for _ in found) or self._follows_unmarked(tenant_id, strategy_id)

    def _follows_unmarked(self, tenant_id: str, strategy_id: str) -> bool:
        """Whether a subscription follows that was last written before there were markers."""
        return any(each.status is not SubscriptionStatus.CANCELLED for each in self._named(tenant_id, strategy_id))

    def subscriptions_to(self, tenant_id: str, strategy_id: str) -> Sequence[Subscription]:
        with store_errors():
            return list(self._named(tenant_id, strategy_id))

    def _named(self, tenant_id: str, strategy_id: str) -> Iterator[Subscription]:
        """The table itself searches the texts, at most `MAX_SUBSCRIPTIONS`, and answers only those that name the strategy."""
        prefix = self._rows.place.startswith(SUBSCRIPTION + SEPARATOR)
        named = self._rows.body.contains(f'"strategy_id":"{strategy_id}"')
        rows = self._rows.query(tenant_key(tenant_id), prefix, filter_condition=named, consistent_read=True)
        found = (_owned(row, tenant_id) for row in rows)
        return (each for each in found if each.strategy_id == strategy_id)

    def subscription_statistics(self, tenant_id: str, subscription_id: str) -> Statistics:
        with store_errors():
            try:
                return statistics_of(self._statistics.get(tenant_key(tenant_id), subscription_place(subscription_id)))
            except self._statistics.DoesNotExist:
                return Statistics()

    def _put_subscription(self, transaction: TransactWrite, subscription: Subscription) -> None:
        stored = replace(subscription, version=subscription.version + 1)
        row = self._rows(
            tenant_key(subscription.tenant_id),
            key(SUBSCRIPTION, subscription.subscription_id),
            version=stored.version,
            body=to_terse_json(stored),
        )
        if subscription.status is not SubscriptionStatus.CANCELLED:
            row.index1_partition = key("FOLLOWERS", subscription.strategy_id)
            row.index1_place = key(shard_position(subscription.subscription_id), subscription.subscription_id)
            transaction.save(self._marker(subscription))
        else:
            transaction.delete(self._marker(subscription))
        is_new = subscription.version == 0
        unchanged = self._rows.partition.does_not_exist() if is_new else self._rows.version == subscription.version
        transaction.save(row, condition=unchanged)

    def _marker(self, subscription: Subscription) -> FollowsRow:
        place = key(FOLLOWS, subscription.strategy_id, subscription.subscription_id)
        return self._follows(tenant_key(subscription.tenant_id), place)

    def _pins(self, strategy: StrategyRow, subscription: Subscription) -> dict[int, int] | None:
        """The strategy's pins after the write; None if it leaves them. Raises `Conflict` (TOO_MANY_PINNED_VERSIONS)."""
        pins = pins_of(strategy)
        held = None
        if pins and subscription.version > 0:
            held = _pin(self.get_subscription(subscription.tenant_id, subscription.subscription_id))
        wanted = _pin(subscription)
        if held == wanted:
            return None
        if held is not None:
            pins[held] = pins.get(held, 0) - 1
        if wanted is not None:
            pins[wanted] = pins.get(wanted, 0) + 1
        left = {number: count for number, count in pins.items() if count > 0}
        if wanted is not None:
            require_few_pins(left)
        return left

    def _count(self, transaction: TransactWrite, strategy: StrategyRow, change: int, pins: Mapping[int, int] | None) -> None:
        """Add to the count; the first follower puts the strategy into the clock's index, the last one takes it out.

        Coming in puts it there every time, which needs no condition, so that many may subscribe at once. Going out is conditional
        on the count that was read, since only the last one may take it out. Pins are replaced over those that were read.
        """
        rows = self._strategies
        count = int(strategy.subscriber_count)
        actions: list[Action] = []
        condition: Condition = rows.partition.exists()
        place = clock_place(definition_of(strategy))
        if change:
            actions.append(rows.subscriber_count.add(change))
        if change > 0 and place is not None:
            actions += [rows.index1_partition.set(place[0]), rows.index1_place.set(place[1])]
        if change < 0:
            condition = rows.subscriber_count == count if count == 1 else rows.subscriber_count > 1
            if count == 1 and place is not None:
                actions += [rows.index1_partition.remove(), rows.index1_place.remove()]
        if pins is not None:
            actions.append(rows.pins.set(pins_text(pins)))
            condition &= rows.pins.does_not_exist() if strategy.pins is None else rows.pins == strategy.pins
        transaction.update(rows(strategy.partition, DEFINITION), actions=actions, condition=condition)


def _pin(subscription: Subscription) -> int | None:
    """The version that a subscription counts as a pin of; a cancelled one counts as none."""
    return None if subscription.status is SubscriptionStatus.CANCELLED else subscription.pinned_version


def _owned(row: SubscriptionRow, tenant_id: str) -> Subscription:
    subscription = _subscription(row)
    require_tenant(tenant_id, subscription.tenant_id)
    return subscription


def _subscription(row: SubscriptionRow) -> Subscription:
    require_schema(row)
    return from_json(Subscription, row.body)
