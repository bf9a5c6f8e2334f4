"""What the account's item costs, which every order reads once and writes twice: time to encode and decode, and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial

from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.account import Account, DailyResult
from candlecast.domain.ids import digest
from candlecast.domain.order import IntentState, LegKind, MarketSettings
from candlecast.domain.position import position_key
from candlecast.domain.subscription import MarginMode, SubscriptionStatus
from tests.builders import BTC, ETH, NOW, a_position, after, an_account, an_intent
from tests.contract.store.test_requests import the_largest_account
from tests.performance.measuring import Figure, Subject, compare, counted

ITEM_BOUND_BYTES = 409_600  # DynamoDB's 400 kB
REMEMBERED = 12  # settled legs of a quarter of an hour with a few signals


def figures() -> Iterator[Figure]:
    """Codec against the standard library's JSON on the same data, at both sizes."""
    for size, account in (("typical", typical_account()), ("largest", the_largest_account())):
        text = to_json(account)
        plain = json.loads(text)
        yield counted(f"account, {size}: bytes", "bytes", len(text.encode()), "DynamoDB's bound of an item", ITEM_BOUND_BYTES)
        yield from compare(
            Subject(f"account, {size}: json.dumps of the same", partial(json.dumps, plain)),
            Subject(f"account, {size}: encode", partial(to_json, account)),
        )
        yield from compare(
            Subject(f"account, {size}: json.loads of the same", partial(json.loads, text)),
            Subject(f"account, {size}: decode", partial(from_json, Account, text)),
        )


def typical_account() -> Account:
    """Three subscriptions, two of them in a position with a stop and a target."""
    names = [digest("subscription", str(number)) for number in range(3)]
    positions = [a_position(subscription_id=names[0]), a_position(subscription_id=names[1], market=ETH)]
    intents = [
        replace(
            an_intent(kind, subscription_id=held.subscription_id, market=held.market),
            state=IntentState.OPEN,
            venue_order_id="8389765543210987",
            bracket_of=held.entry_intent_id,
        )
        for held in positions
        for kind in (LegKind.STOP_LOSS, LegKind.TAKE_PROFIT)
    ]
    return an_account(
        subscriptions=dict.fromkeys(names, SubscriptionStatus.ACTIVE),
        intents={intent.intent_id: intent for intent in intents},
        positions={position.key: position for position in positions},
        settled={digest("settled", str(number)): after(900 + number) for number in range(REMEMBERED)},
        newest_signals={position_key(name, BTC): NOW for name in names},
        daily_results={name: DailyResult(NOW.date(), Decimal("-12.5")) for name in names},
        market_settings={market: MarketSettings(Decimal(10), MarginMode.CROSS) for market in (BTC, ETH)},
        reconciled_at=NOW,
    )
