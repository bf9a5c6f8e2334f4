"""The protection of a position over time: its stop moves with the market, its targets follow the fills.

Venues know neither orders that cancel one another nor stops that move, but for a plain trailing stop. Both are done here as pure
functions, which the reconciler applies at every look. A stop is only ever tightened. The new stop is placed first, then the old
stop is cancelled. Each step is worth two orders and keeps an interval from the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.decide.risk.held import has_loss_limit
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, tighter
from candlecast.domain.reconcile.adopt import tell_once
from candlecast.domain.reconcile.reconcile import LOOKUPS_NEEDED
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.venue.rules import VenueRules

MIN_MOVE_PERCENT = Decimal("0.1")  # of the price: about what closing costs in fees, so a smaller step protects nothing
MIN_MOVE_INTERVAL = timedelta(seconds=30)  # each move is an order and a cancellation, which count in the account's order rate
NAKED_TOO_LONG = "POSITION_NAKED_TOO_LONG"  # the watchdog's alert
CLOCK_INTERVAL = timedelta(seconds=60)  # the reconcile clock looks at a naked position every minute, even if a message is lost


def naked_bound(rules: VenueRules) -> timedelta:
    """For how long a position may at most be without its stop at a venue that works (invariant 11).

    The slowest case is a function's death between entry and stop. It takes the settle window of the stop's mark, the wait for the
    clock's next minute, and the lookups that prove the stop absent.
    """
    return rules.settle_window + CLOCK_INTERVAL + (LOOKUPS_NEEDED - 1) * rules.lookup_spacing


@dataclass(frozen=True)
class StopMove:
    """The move of a position's stop: its new price (None: it stays) and the best price that was seen."""

    key: str
    stop_price: Decimal | None
    best_price: Decimal


MarketOf = Callable[[str], Market | None]


def stop_moves(account: Account, marks: Mapping[str, Decimal], market_of: MarketOf, now: datetime) -> tuple[StopMove, ...]:
    """How the stops of an account follow the mark prices given (by market); a market without one is left alone."""
    found = (
        _move(account, position, marks[position.market], market, now)
        for position in account.positions.values()
        if position.stop_rules is not None and position.market in marks and (market := market_of(position.market)) is not None
    )
    return tuple(move for move in found if move is not None)


def follows_price(account: Account) -> bool:
    """Whether any stop moves with the market or a loss is limited, so that mark prices are wanted at every look."""
    return any(position.stop_rules is not None or has_loss_limit(position) for position in account.positions.values())


def move_stop(account: Account, key: str, stop_price: Decimal, now: datetime, best_price: Decimal | None = None) -> Account:
    """The account whose position must have its stop at `stop_price`; raises `InvalidValue` (STOP_LOOSENED) for a looser one."""
    position = account.positions[key]
    if tighter(position.side, position.stop_price, stop_price) != stop_price:
        raise InvalidValue("a stop is only ever tightened", code="STOP_LOOSENED")
    moved = replace(
        position,
        stop_price=stop_price,
        stop_moved_at=now,
        best_price=best_price if best_price is not None else position.best_price,
    )
    return _changed(account, moved, now)


def set_stop(account: Account, key: str, stop_price: Decimal, now: datetime) -> Account:
    """The account whose position must have its stop at `stop_price`, by its owner's word; looser or tighter than before.

    The next look replaces the stop: the new one first. A position without a stop gets its first one.
    """
    position = account.positions[key]
    if position.stop_price == stop_price:
        return account
    first = stop_price if position.initial_stop is None else position.initial_stop
    return _changed(account, replace(position, stop_price=stop_price, initial_stop=first, stop_moved_at=now), now)


def follow(account: Account, move: StopMove, now: datetime) -> Account:
    """The account after a move; void if its position is gone or somebody has moved the stop further meanwhile."""
    position = account.positions.get(move.key)
    if position is None:
        return account
    if move.stop_price is None:
        return _changed(account, replace(position, best_price=move.best_price), now)
    if tighter(position.side, position.stop_price, move.stop_price) != move.stop_price:
        return account
    return move_stop(account, move.key, move.stop_price, now, move.best_price)


def watch(account: Account, now: datetime) -> Account:
    """The account with `naked_since` brought up to date: since when each naked position has had no live stop."""
    bare = [p.key for p in account.positions.values() if p.stop_price is not None and not _has_live_stop(account, p)]
    since = {key: account.naked_since.get(key, now) for key in bare}
    return account if since == account.naked_since else replace(account, naked_since=since)


def tell_if_too_long(account: Account, rules: VenueRules, now: datetime) -> Account:
    """The account with an alert, once an hour, for each position that is without its stop for longer than it may be."""
    for key, since in account.naked_since.items():
        if now - since > naked_bound(rules):
            account = tell_once(account, f"naked|{key}", NAKED_TOO_LONG, now, account.positions[key])
    return account


def scale_targets(account: Account, entry: Intent, filled: Decimal, market: Market) -> Account:
    """Scale targets that are not open yet to the part of an ended `entry` that was `filled`, each by its share.

    A target that is left with less than the venue takes is forgotten: the stop and the exit close what it would have closed.
    """
    if filled >= entry.quantity:
        return account
    for leg in list(account.intents.values()):
        if leg.kind is LegKind.TAKE_PROFIT and leg.follows == entry.intent_id and leg.state is not IntentState.OPEN:
            share = market.round_quantity(leg.quantity * filled / entry.quantity)
            if share < max(market.min_quantity, market.quantity_step):
                account = account.release(leg.intent_id)
            else:
                account = replace(account, intents={**account.intents, leg.intent_id: replace(leg, quantity=share)})
    return account


def release_unsent(account: Account, place: str) -> Account:
    """The account without the stops and targets of a position (by its key) that were never sent, if the position is not held.

    Their entry has ended without a position. A leg that the venue was asked for is left to the reconciler, which reports its end.
    """
    waiting = {i.intent_id for i in account.intents.values() if i.kind is LegKind.ENTRY}
    for leg in list(account.intents.values()):
        unsent = leg.kind.is_protective and leg.state is IntentState.PENDING and leg.last_lookup_at is None
        if unsent and leg.position_key == place and place not in account.positions and leg.follows not in waiting:
            account = account.release(leg.intent_id)
    return account


def _has_live_stop(account: Account, position: Position) -> bool:
    return any(leg.kind is LegKind.STOP_LOSS and leg.state is IntentState.OPEN for leg in account.protective(position))


def _move(account: Account, position: Position, mark: Decimal, market: Market, now: datetime) -> StopMove | None:
    side, known = position.side, position.best_price or position.entry_price
    best = max(known, mark, key=lambda price: price * side.sign)
    least = mark * MIN_MOVE_PERCENT / 100
    wanted: Decimal | None = max(_stops(account, position, best, market), key=lambda stop: stop * side.sign, default=None)
    if wanted is not None and _is_worth(position, wanted, mark, least, now):
        return StopMove(position.key, wanted, best)
    advanced = (best - known) * side.sign >= least
    return StopMove(position.key, None, best) if advanced else None


def _is_worth(position: Position, wanted: Decimal, mark: Decimal, least: Decimal, now: datetime) -> bool:
    """Whether a stop is moved: to something better, by a step, after a pause, not beyond the price (it would be refused)."""
    sign, current = position.side.sign, position.stop_price
    if wanted <= 0 or (mark - wanted) * sign <= 0:
        return False
    if current is None:
        return True
    paused = position.stop_moved_at is None or now - position.stop_moved_at >= MIN_MOVE_INTERVAL
    gained = (wanted - current) * sign
    to_break_even = (current - position.entry_price) * sign < 0 <= (wanted - position.entry_price) * sign
    return paused and (gained >= least or (to_break_even and gained > 0))


def _stops(account: Account, position: Position, best: Decimal, market: Market) -> Iterator[Decimal]:
    """Where the rules want the stop, on the tick."""
    rules, sign = position.stop_rules, position.side.sign
    if rules is None:
        return
    profit = (best - position.entry_price) * sign
    if rules.trails and not _trails_at_venue(account, position):
        activation = rules.activation_percent or Decimal(0)
        behind = rules.behind(best, position.side)
        if behind is not None and profit * 100 >= activation * position.entry_price:
            yield _on_tick(behind, market, -sign)
    if _breaks_even(position, profit):
        yield _on_tick(break_even_price(position, account.taker_fee(market)), market, sign)


def _breaks_even(position: Position, profit: Decimal) -> bool:
    rules, first = position.stop_rules, position.initial_stop
    if rules is None:
        return False
    if rules.break_even_after_target and position.quantity < position.opened_quantity:
        return True
    if rules.break_even_after_r is None or first is None:
        return False
    return profit >= rules.break_even_after_r * abs(position.entry_price - first)


def break_even_price(position: Position, fee_rate: Decimal) -> Decimal:
    """The price at which closing brings back what entering has cost, the taker's fee of both included."""
    sign = position.side.sign
    return position.entry_price * (1 + sign * fee_rate) / (1 - sign * fee_rate)


def _trails_at_venue(account: Account, position: Position) -> bool:
    """Whether the venue's own trailing stop covers all that is held; where it was refused or is too small, ours does its work."""
    return any(
        leg.kind is LegKind.TRAILING_STOP and leg.state is IntentState.OPEN and leg.quantity >= position.quantity
        for leg in account.protective(position)
    )


def _on_tick(price: Decimal, market: Market, direction: int) -> Decimal:
    """The next tick at or above (1) or at or below (-1) a price."""
    rounding = ROUND_CEILING if direction > 0 else ROUND_FLOOR
    return (price / market.price_step).to_integral_value(rounding) * market.price_step


def _changed(account: Account, position: Position, now: datetime) -> Account:
    told = Event(type=EventType.POSITION_CHANGED, occurred_at=now, position=position)
    return replace(account, positions={**account.positions, position.key: position}, outbox=(*account.outbox, told))
