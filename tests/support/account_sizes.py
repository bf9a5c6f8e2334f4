"""Accounts by size, a usual one and the largest, and the bytes of their items; the benchmarks weigh the same."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.domain.account.account import (
    MAX_DUE_FEES,
    MAX_LEVERAGE_CAPS,
    MAX_OPEN_INTENTS,
    MAX_SETTLED,
    MAX_SETTLING,
    MAX_SUBSCRIPTIONS_PER_ACCOUNT,
    Account,
    Balance,
    forgotten_at,
    remembered,
)
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.account.findings import MAX_DRIFTS, MAX_EXTERNAL_ORDERS, MAX_MENDS, Drift, ExternalOrder, Mend
from candlecast.domain.account.suspension import MAX_SUSPENSIONS, Suspension
from candlecast.domain.account.usage import MAX_MARKETS, MAX_REJECTS, MAX_TOLD, DayUse, EquityMarks, MarketUse, Results, Usage
from candlecast.domain.limits.catalogue import MAX_CANCELS_PER_MINUTE, MAX_ORDERS_PER_MINUTE
from candlecast.domain.limits.limits import CATALOGUE, ClosingLimits, Limits
from candlecast.domain.limits.record import MAX_ACCOUNT_POSITIONS
from candlecast.domain.orders.charges import ClosedPosition, DueFee
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, position_key
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import MarginMode, PositionSide, Side
from candlecast.domain.venue.reports import FeeRates, LeverageCap, MarketSettings
from tests.support.builders import BTC, ETH, NOW, a_position, after, an_account, an_intent

MAX_ACCOUNT_BYTES = 32_000  # what the account's bounds promise: a read of it costs eight units at most


def item_bytes(account: Account) -> int:
    """As DynamoDB counts them: names and values of all attributes."""
    return sum(len(name) + len(next(iter(value.values()))) for name, value in account_item(account, NOW).items())


def everything_told(account: Account) -> tuple[Event, ...]:
    """An event for every open order and every position, as after an outage, and a decision with its receipt."""
    positions = (Event(type=EventType.POSITION_CHANGED, occurred_at=NOW, position=held) for held in account.positions.values())
    decided = replace(order_event(an_intent(), NOW), receipt=a_receipt())
    return (*(order_event(intent, NOW) for intent in account.intents.values()), *positions, decided)


def a_receipt() -> str:
    """Every limit's value, bound and margin, all of them different."""
    random = Random(2)
    limits = {
        name: {"value": f"{random.random():.8f}", "bound": f"{random.random():.4f}", "margin": f"{random.random():.8f}"}
        for name in CATALOGUE
    }
    return json.dumps({"limits": limits})


def a_usual_account(orders: int = 6) -> Account:
    """One position with its stop and target, a day's results, so many orders of the last quarter of an hour; ids as real ones."""
    some, name = _Some(), digest("subscription")
    who = {"tenant_id": str(UUID(int=2**127 + 3**70)), "account_id": digest("account")}
    ids = {**who, "subscription_id": name, "strategy_id": digest("strategy"), "correlation_id": digest("correlation")}
    times = {"opened_at": some.instant(), "signal_issued_at": some.instant()}
    price, stop = Decimal("50012.35"), Decimal("49250.10")
    fill = {
        "quantity": Decimal("0.020"),
        "opened_quantity": Decimal("0.020"),
        "entry_price": price,
        "fees": Decimal("0.400098800"),
    }
    held = a_position(**ids, **times, **fill, stop_price=stop, initial_stop=stop, entry_intent_id=digest("entry"))
    since = {"issued_at": held.signal_issued_at, "created_at": (sent := some.instant()), "submitted_at": sent}
    resting = {**ids, **since, "quantity": held.quantity, "state": IntentState.OPEN, "bracket_of": held.entry_intent_id}
    intents = [
        an_intent(kind, **resting, trigger_price=at, venue_order_id=some.digits(), intent_id=digest(kind))
        for kind, at in ((LegKind.STOP_LOSS, stop), (LegKind.TAKE_PROFIT, price + 1_500))
    ]
    return an_account(
        **who,
        credential_version=str(UUID(int=2**126 + 5**50)),
        subscriptions={name: SubscriptionStatus.ACTIVE},
        intents={intent.intent_id: intent for intent in intents},
        positions={held.key: held},
        settled={remembered(digest("settled", str(number))): forgotten_at(after(150 * number)) for number in range(orders)},
        newest_signals={position_key(name, BTC): held.signal_issued_at},
        market_settings={BTC: MarketSettings(Decimal(10), MarginMode.CROSS)},
        balance=Balance(Decimal("10190.75112040"), Decimal("9690.62751040"), NOW),
        usage=Usage(
            results={
                name: Results(NOW.date(), Decimal("-12.504"), Decimal("40.2571"), Decimal("310.75802"), 7, 1, some.instant())
            },
            markets={held.key: MarketUse(sent, PositionSide.LONG, some.instant(), some.instant(), Decimal("-12.504"), sent)},
            equity=EquityMarks.first(Decimal("10250.51204"), NOW.date()).seen(Decimal("10190.75112"), NOW.date()),
            day=DayUse(NOW.date(), 21, Decimal("12003.402")),
            orders=((int(sent.timestamp() * 1000), 3),),
        ),
        reconciled_at=NOW,
    )


def the_largest_account() -> Account:
    """Every bound reached at once, with ids and numbers that repeat as little as real ones: that is what compression lives on."""
    names = [digest("subscription", str(number)) for number in range(MAX_SUBSCRIPTIONS_PER_ACCOUNT)]
    some = _Some()
    intents = [some.intent(index, names[index % len(names)]) for index in range(MAX_OPEN_INTENTS)]
    positions = [some.position(name) for name in names[:MAX_ACCOUNT_POSITIONS]]
    return an_account(
        subscriptions=dict.fromkeys(names, SubscriptionStatus.ACTIVE),
        organisation_id=digest("organisation"),
        intents={intent.intent_id: intent for intent in intents},
        positions={position.key: position for position in positions},
        settled={remembered(digest("settled", str(index))): forgotten_at(some.instant()) for index in range(MAX_SETTLED)},
        newest_signals={position_key(name, BTC): some.instant() for name in names},
        market_settings={market: MarketSettings(Decimal(10), MarginMode.CROSS) for market in (BTC, ETH)},
        external_orders=tuple(
            ExternalOrder(
                client_order_id=digest("external", str(index)),
                venue_order_id=some.digits(),
                market=BTC,
                side=Side.BUY,
                quantity=some.number(),
                seen_at=some.instant(),
            )
            for index in range(MAX_EXTERNAL_ORDERS)
        ),
        drifts={some.market(): Drift(difference=some.number(), seen_at=some.instant()) for _ in range(MAX_DRIFTS)},
        mends={digest("mend", str(index)): Mend(attempts=3, last_at=some.instant()) for index in range(MAX_MENDS)},
        naked_since={position.key: some.instant() for position in positions},
        limits=every_number(),
        limits_set_at=NOW,
        usage=some.usage(names),
        reconciled_at=NOW,
        vetted_at=NOW,
        generation=2,
        entries_from=NOW,
        key_is_bound=True,
        due_fees={some.digits(): some.due_fee(positions[index % len(positions)]) for index in range(MAX_DUE_FEES)},
        settling={
            each.entry_intent_id: ClosedPosition(position=each, closed_by="EXIT", closed_at=some.instant())
            for each in (
                replace(some.position(digest("closed", str(index))), quantity=Decimal(0)) for index in range(MAX_SETTLING)
            )
        },
        funding_until=NOW,
        fee_rates={quote: FeeRates(some.number(), some.number(), NOW) for quote in ("USDT", "USDC")},
        leverage_caps={some.market(): LeverageCap(Decimal(125), some.number(), some.instant()) for _ in range(MAX_LEVERAGE_CAPS)},
        suspensions=tuple(Suspension(cause=cause, since=some.instant()) for cause in list(Reason)[:MAX_SUSPENSIONS]),
    )


def every_number() -> Limits:
    """Every limit that is a number, at its most."""
    kinds = {each.name: str(each.type) for each in fields(Limits)}
    numbers = {name: Decimal if "Decimal" in kind else int for name, kind in kinds.items() if "Decimal" in kind or "int" in kind}
    return Limits(**{name: number(CATALOGUE[name].most) for name, number in numbers.items()})  # type: ignore[arg-type]


class _Some:
    """Values as they come from a venue, the same in every run."""

    def __init__(self) -> None:
        self._random = Random(1)

    def number(self) -> Decimal:
        """An average or a fee."""
        return Decimal(self._random.randrange(10**18)) / 10**12

    def on_step(self) -> Decimal:
        return Decimal(self._random.randrange(10**8)) / 10**3

    def digits(self) -> str:
        return str(self._random.randrange(10**17, 10**18))

    def instant(self) -> Any:
        return NOW + timedelta(microseconds=self._random.randrange(10**9))

    def market(self) -> str:
        return "".join(self._random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=6)) + "/USDT:USDT"

    def intent(self, index: int, subscription_id: str) -> Intent:
        return replace(
            an_intent(LegKind.STOP_LOSS),
            intent_id=digest("intent", str(index)),
            subscription_id=subscription_id,
            signal_id=digest("signal", str(index // 3)),
            correlation_id=digest("correlation", str(index // 3)),
            strategy_id=f"strategy-{index % MAX_SUBSCRIPTIONS_PER_ACCOUNT}",
            created_at=self.instant(),
            submitted_at=self.instant(),
            quantity=self.on_step(),
            trigger_price=self.on_step(),
            filled_quantity=self.on_step(),
            average_price=self.number(),
            fee=self.number(),
            bracket_of=digest("entry", str(index // 3)),
            venue_order_id=self.digits(),
        )

    def position(self, subscription_id: str) -> Position:
        held = self.on_step()
        return a_position(
            subscription_id=subscription_id,
            signal_id=digest("signal", subscription_id),
            correlation_id=digest("correlation", subscription_id),
            entry_intent_id=digest("entry", subscription_id),
            quantity=held,
            opened_quantity=held,
            entry_price=self.number() + 1,
            stop_price=self.on_step(),
            exit_notional=self.number(),
            fees=self.number(),
            limits_to_close=ClosingLimits(self.on_step(), self.on_step()),
        )

    def due_fee(self, position: Position) -> DueFee:
        return DueFee(
            trade_id=position.entry_intent_id,
            market=position.market,
            quantity=self.on_step(),
            notional=self.number(),
            fee=self.number(),
            booked_at=self.instant(),
        )

    def usage(self, names: list[str]) -> Usage:
        def market_use() -> MarketUse:
            times = [self.instant() for _ in range(4)]
            return MarketUse(times[0], PositionSide.LONG, times[1], times[2], self.number(), times[3])

        told = [f"{digest(str(number))[:8]}|{reason}" for number, reason in zip(range(MAX_TOLD), Reason, strict=False)]
        return Usage(
            results={
                name: Results(NOW.date(), self.number(), self.number(), self.number(), number, number, self.instant())
                for number, name in enumerate(names)
            },
            markets={position_key(names[index % len(names)], self.market()): market_use() for index in range(MAX_MARKETS)},
            other_markets=market_use(),
            rejects={self.market(): self.instant() for _ in range(MAX_REJECTS)},
            other_rejects=self.instant(),
            equity=EquityMarks(self.number(), self.number(), self.number(), NOW.date(), self.number(), self.number()),
            day=DayUse(NOW.date(), 1, self.number(), self.number(), tuple(told)),
            orders=self._log(int(MAX_ORDERS_PER_MINUTE)),
            cancels=self._log(int(MAX_CANCELS_PER_MINUTE)),
        )

    def _log(self, length: int) -> tuple[tuple[int, int], ...]:
        start = int(NOW.timestamp() * 1000)
        return tuple((start + at, 1) for at in sorted(self._random.sample(range(60_000), length)))
