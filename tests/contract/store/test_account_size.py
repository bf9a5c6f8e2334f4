"""The size of the account's item: every order reads it once and writes it twice, and AWS charges both by the kilobyte."""

from __future__ import annotations

from dataclasses import fields, replace

from candlecast.adapters.codec import to_json
from candlecast.domain.account.account import (
    MAX_DUE_FEES,
    MAX_LEVERAGE_CAPS,
    MAX_OPEN_INTENTS,
    MAX_SETTLED,
    MAX_SETTLING,
    MAX_SUBSCRIPTIONS_PER_ACCOUNT,
    Account,
)
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.account.findings import MAX_DRIFTS, MAX_EXTERNAL_ORDERS, MAX_MENDS
from candlecast.domain.account.suspension import MAX_SUSPENSIONS
from candlecast.domain.account.usage import MAX_MARKETS, MAX_REJECTS
from candlecast.domain.limits.record import MAX_ACCOUNT_POSITIONS
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.terms import OrderType
from tests.support.account_sizes import MAX_ACCOUNT_BYTES, a_usual_account, everything_told, item_bytes, the_largest_account
from tests.support.builders import NOW

WRITE_UNIT_BYTES = 1_024


def test_the_largest_account_with_the_most_that_one_write_tells_stays_below_its_bound() -> None:
    account = the_largest_account()
    told = replace(account, outbox=everything_told(account))
    assert len(told.outbox) == len(account.intents) + len(account.positions) + 1
    assert item_bytes(told) < MAX_ACCOUNT_BYTES


def test_orders_that_end_in_one_write_move_from_the_body_to_its_events() -> None:
    account = the_largest_account()
    ended = tuple(order_event(replace(intent, state=IntentState.CANCELLED), NOW) for intent in account.intents.values())
    assert item_bytes(replace(account, intents={}, outbox=ended)) < MAX_ACCOUNT_BYTES


def test_the_largest_account_is_at_all_its_bounds() -> None:
    account = the_largest_account()
    bounds = {
        "subscriptions": MAX_SUBSCRIPTIONS_PER_ACCOUNT,
        "intents": MAX_OPEN_INTENTS,
        "positions": MAX_ACCOUNT_POSITIONS,
        "settled": MAX_SETTLED,
        "external_orders": MAX_EXTERNAL_ORDERS,
        "drifts": MAX_DRIFTS,
        "mends": MAX_MENDS,
        "naked_since": MAX_ACCOUNT_POSITIONS,
        "suspensions": MAX_SUSPENSIONS,
        "due_fees": MAX_DUE_FEES,
        "settling": MAX_SETTLING,
        "leverage_caps": MAX_LEVERAGE_CAPS,
    }
    assert {name: len(getattr(account, name)) for name in bounds} == bounds
    usage = {"results": MAX_SUBSCRIPTIONS_PER_ACCOUNT, "markets": MAX_MARKETS, "rejects": MAX_REJECTS}
    assert {name: len(getattr(account.usage, name)) for name in usage} == usage
    left_out = {"daily_results", "outbox"}  # read from older items only; added by a write
    empty = {each.name for each in fields(Account) if not getattr(account, each.name)} - left_out
    # a retired account holds nothing
    assert empty == {"version", "disabled_reason", "retired_at"}, "what is new in the account belongs into this test"


def test_what_compression_lives_on_is_not_in_the_largest_account() -> None:
    account = the_largest_account()
    ids = [*account.settled, *(i.intent_id for i in account.intents.values()), *account.subscriptions]
    assert len({each[:8] for each in ids}) == len(ids)


def test_a_usual_account_costs_one_write_unit_with_all_that_its_entry_tells() -> None:
    account = a_usual_account()
    (held,) = account.positions.values()
    stop, target = account.intents.values()
    filled = replace(
        stop,
        intent_id=held.entry_intent_id,
        leg="ENTRY",
        kind=LegKind.ENTRY,
        state=IntentState.FILLED,
        order_type=OrderType.MARKET,
        trigger_price=None,
        bracket_of=None,
        filled_quantity=held.quantity,
        average_price=held.entry_price,
        fee=held.fees,
        settled_at=held.opened_at,
    )
    moved = Event(type=EventType.POSITION_CHANGED, occurred_at=held.opened_at, position=held)
    told = (moved, *(order_event(intent, held.opened_at) for intent in (filled, stop, target)))
    assert item_bytes(replace(account, outbox=told)) <= WRITE_UNIT_BYTES
    assert item_bytes(account) < len(to_json(account)) / 3
