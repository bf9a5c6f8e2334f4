"""Forms that older code has written: nothing writes them any more, and they are read for as long as such an item may exist."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.ports.filters import BreachFilter
from tests.golden import older_values, values
from tests.golden.cases import ACCOUNT_KEY, Case, account_case, read_account, read_stream, told_by, two_trades
from tests.golden.other_values import breach
from tests.golden.values import STRATEGY, SUBSCRIPTION, TENANT

FORMS = ("schema-1-plain", "schema-1-compressed-whole-events")

OLDER: tuple[Case, ...] = (
    *(
        Case(
            kind="account",
            name=form,
            value=lambda: replace(older_values.account(), version=5),
            write=None,
            read=read_account,
        )
        for form in FORMS
    ),
    *(
        Case(
            kind="outbox",
            name=form,
            value=lambda: told_by(older_values.ACCOUNT, older_values.TENANT, 5, older_values.told()),
            write=None,
            read=partial(read_stream, key=ACCOUNT_KEY),
        )
        for form in FORMS
    ),
    Case(
        kind="account",
        name="schema-1-compressed",
        value=lambda: replace(values.account(), version=5),
        write=None,
        read=read_account,
    ),
    Case(
        kind="outbox",
        name="schema-1-compressed",
        value=lambda: told_by(values.ACCOUNT, values.TENANT, 5, values.told()),
        write=None,
        read=partial(read_stream, key=ACCOUNT_KEY),
    ),
    replace(account_case("full", values.account), write=None),
    replace(
        account_case("full-telling-everything", lambda: replace(values.account(), outbox=values.told())),
        write=None,
    ),
    Case(
        kind="outbox",
        name="of-an-account",
        value=lambda: told_by(values.ACCOUNT, values.TENANT, 5, values.told()),
        write=None,
        read=partial(read_stream, key=ACCOUNT_KEY),
    ),
    Case(
        kind="breach",
        name="full",
        value=breach,
        write=None,
        read=lambda world: DynamoDecisions(world.table).list_breaches(TENANT, BreachFilter()).items[0],
    ),
    Case(
        kind="signal",
        name="reports-within",
        value=older_values.signal_record,
        write=None,
        read=lambda world: DynamoSignalStore(world.table).get_signal(older_values.SIGNAL),
    ),
    Case(
        kind="statistics",
        name="of-a-subscription-and-a-strategy",
        value=lambda: (two_trades(), two_trades()),
        write=None,
        read=lambda world: (
            DynamoSubscriptionStore(world.table, world.clock).subscription_statistics(TENANT, SUBSCRIPTION),
            DynamoStrategyStore(world.table).strategy_statistics(STRATEGY),
        ),
    ),
)
