"""Statements that must be true of a stack at rest, after any faults; every breach in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.terms import PositionSide
from infra.local.demo.exchange import venue_symbol
from infra.local.demo.report import ACCEPTED, Records

ZERO = Decimal(0)

type Net = Mapping[tuple[str, str], Decimal]  # signed quantity by (account, venue's symbol)


def violations(
    report: Mapping[str, Any], records: Records, accounts: Sequence[Account], settings: Mapping[str, Settings], venue: Net
) -> list[str]:
    """Everything that is wrong; empty if nothing is.

    `report` is the demo's; `settings` are by subscription id; `venue` is what the venue says that each of our accounts holds.
    """
    found = [*_figures(report), *_at_rest(records.orders), *_limits(records, settings), *_projected(records, accounts)]
    for account in accounts:
        found += [*_unsettled(account), *_unprotected(account), *_held(account, venue)]
    return found


def _figures(report: Mapping[str, Any]) -> Iterator[str]:
    for name in ("duplicates", "lost", "dead_letters", "unresolved"):
        if report[name]:
            yield f"{name}: {report[name]}"
    yield from (f"books: {difference}" for difference in report["differences"])
    ended = report["orders_accepted"] + report["orders_rejected"] + sum(report["denied"].values()) + report["expired"]
    if report["intents"] != ended:
        yield f"intents: {report['intents']} were decided and {ended} have ended"
    if not report["orders_accepted"]:
        yield "nothing was traded: the run shows nothing"


def _at_rest(orders: Sequence[Intent]) -> Iterator[str]:
    for order in orders:
        if not order.state.is_terminal and not _is_live(order):
            yield f"at rest: {order.leg} {order.client_order_id} is {order.state}"


def _unsettled(account: Account) -> Iterator[str]:
    for intent in account.intents.values():
        if not _is_live(intent):
            yield f"at rest: {account.account_id} has {intent.leg} {intent.client_order_id} as {intent.state}"
        elif intent.bracket_of not in {position.entry_intent_id for position in account.positions.values()}:
            yield f"at rest: {account.account_id} has {intent.leg} {intent.client_order_id} of a position that is gone"


def _unprotected(account: Account) -> Iterator[str]:
    """No position without its stop; a disabled account's is for its owner, since nothing can be sent for it."""
    if account.status is not AccountStatus.ACTIVE:
        return
    for position in account.positions.values():
        stops = [it for it in account.protective(position) if it.kind is LegKind.STOP_LOSS and it.state is IntentState.OPEN]
        covered = sum((stop.quantity for stop in stops), ZERO)
        if position.stop_price is not None and covered < position.quantity:
            yield f"naked: {position.key} holds {position.quantity}, its stop covers {covered}"


def _held(account: Account, venue: Net) -> Iterator[str]:
    """An account holds the same by our record and at the venue."""
    ours: Counter[str] = Counter()
    for position in account.positions.values():
        ours[venue_symbol(position.market)] += position.quantity * position.side.sign  # type: ignore[assignment]
    symbols = ours.keys() | {symbol for owner, symbol in venue if owner == account.account_id}
    for symbol in sorted(symbols):
        theirs = venue.get((account.account_id, symbol), ZERO)
        if Decimal(ours[symbol]) != theirs:
            yield f"positions: {account.account_id} holds {ours[symbol]} {symbol} for us, {theirs} at the venue"


def _projected(records: Records, accounts: Sequence[Account]) -> Iterator[str]:
    """Queries show the positions that the accounts hold."""
    shown = {(it.account_id, it.key): it.quantity for it in records.positions}
    held = {(account.account_id, it.key): it.quantity for account in accounts for it in account.positions.values()}
    if shown != held:
        yield f"history: shows the positions {sorted(map(str, shown.items()))} and not {sorted(map(str, held.items()))}"


def _limits(records: Records, settings: Mapping[str, Settings]) -> Iterator[str]:
    """No limit is overshot; each limit is computed anew from orders and positions, at the prices of the decisions."""
    entries = {order.intent_id: order for order in records.orders if order.kind is LegKind.ENTRY and order.state in ACCEPTED}
    for order in entries.values():
        yield from _limits_of_an_entry(order, settings[order.subscription_id])
    by_subscription: dict[str, list[Position]] = {}
    for position in records.positions:
        by_subscription.setdefault(position.subscription_id, []).append(position)
    for subscription_id, held in by_subscription.items():
        bounds = settings[subscription_id]
        if len(held) > bounds.max_positions:
            yield f"limit: {subscription_id} holds {len(held)} positions of {bounds.max_positions}"
        used = sum((it.quantity * _decided_price(it, entries) for it in held), ZERO)
        if used > bounds.capital * bounds.leverage:
            yield f"limit: {subscription_id} holds {used} with {bounds.capital} times {bounds.leverage}"
    markets = Counter((it.account_id, it.market) for it in records.positions)
    yield from (f"limit: {account} holds {market} {n} times" for (account, market), n in markets.items() if n > 1)


def _limits_of_an_entry(order: Intent, bounds: Settings) -> Iterator[str]:
    if bounds.max_order_notional is not None and order.notional > bounds.max_order_notional:
        yield f"limit: {order.client_order_id} is worth {order.notional}, the most is {bounds.max_order_notional}"
    if order.notional > bounds.capital * bounds.leverage:
        yield f"limit: {order.client_order_id} is worth {order.notional} with {bounds.capital} times {bounds.leverage}"
    if order.filled_quantity > order.quantity:
        yield f"limit: {order.client_order_id} was filled {order.filled_quantity} of {order.quantity}"
    if not bounds.allowed_sides.allows(order.position_side or PositionSide.LONG):
        yield f"limit: {order.client_order_id} is {order.position_side}, allowed is {bounds.allowed_sides}"


def _decided_price(position: Position, entries: Mapping[str, Intent]) -> Decimal:
    entry = entries.get(position.entry_intent_id)
    return position.entry_price if entry is None or entry.reference_price is None else entry.reference_price


def _is_live(order: Intent) -> bool:
    """A stop or target that stands at the venue: the one thing that is not over at rest."""
    return order.kind.is_protective and order.state is IntentState.OPEN
