"""The market's effects on an account, found only at a look: fills, triggers, trailing, liquidation, funding.

An account remembers until which market time it was evaluated. A look brings the account up to date, event by event, so a step of
the clock costs nothing for any number of accounts. The result does not depend on the time of the look, and neither do its dates.
The instant of a fill within a candle is unknown, so a fill has the candle's last millisecond. Funding has its own instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import merge

from paper_exchange.accounts.account import (
    NO_MATCH,
    Account,
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Side,
)
from paper_exchange.accounts.funding import funding_times, settle_funding
from paper_exchange.accounts.positions import reducible
from paper_exchange.errors import VenueError
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.quotes import Quotes
from paper_exchange.matching.expiries import end_next, expiry_times, price_of
from paper_exchange.matching.liquidation import Liquidation, at_risk, liquidate, liquidations
from paper_exchange.matching.matching import AT_ONCE, enter, execute, is_marketable
from paper_exchange.matching.reduce_only import GTE_GTC, expire_next, room_for
from paper_exchange.matching.waiting import (
    Waiting,
    is_held_back,
    limits_behind_triggers,
    next_due,
    trailing_level,
    waiting_of,
    working_ratio,
)

MAX_CLOSED_A_STEP = 15  # an algo order leaves five items, so 15 fit one transaction of 100 with the account itself
Dated = Callable[[int], int]  # from an instant of market time to wall time
AT_DEADLINES = "}"  # sorts behind every symbol: an order that ends in this moment could still fill in its candles
AFTER_ALL_CANDLES = "~"  # sorts behind every symbol: funding is paid on the positions after the candles of its moment


@dataclass(frozen=True, slots=True)
class _Event:
    """A candle at its close; without a candle the end of orders, or funding."""

    at_ms: int
    symbol: str
    bar: Bar | None = None

    @property
    def instant_ms(self) -> int:
        """The market time that what happens in the event is dated with."""
        return self.at_ms if self.bar is None else self.at_ms - 1

    @property
    def place(self) -> tuple[int, str]:
        return self.at_ms, self.symbol


def bring_up_to_date(account: Account, quotes: Quotes, dated: Dated) -> Outcome:
    """Evaluate every candle that closed, and every funding that was due, since the account was last evaluated.

    One call closes at most `MAX_CLOSED_A_STEP` orders and then stops before the event it is in: call again until
    `is_up_to_date`.
    """
    outcome = Outcome(account)
    risky = at_risk(account, quotes)
    for event in _events(account, quotes, risky):
        if event.place < (account.evaluated_ms + 1, account.evaluated_symbol):
            continue
        outcome = replace(outcome, account=_entering(outcome.account, event))
        then, instant_ms = quotes.at(event.at_ms), dated(event.instant_ms)
        while (step := _next_step(outcome.account, event, then, instant_ms, risky)) is not None:
            if outcome.closed >= MAX_CLOSED_A_STEP:
                return outcome
            outcome = outcome.then(step)
    while (step := expire_next(outcome.account)) is not None:
        if outcome.closed >= MAX_CLOSED_A_STEP:
            return outcome
        outcome = outcome.then(step)
    return replace(outcome, account=_evaluated(outcome.account, quotes.now_ms))


def is_up_to_date(account: Account, quotes: Quotes) -> bool:
    """Whether nothing that the market did is still to be evaluated."""
    return account.evaluated_ms >= quotes.now_ms and expire_next(account) is None


def _evaluated(account: Account, market_ms: int) -> Account:
    """Everything until then is done."""
    return replace(account, evaluated_ms=market_ms, evaluated_symbol="") if market_ms > account.evaluated_ms else account


def _entering(account: Account, event: _Event) -> Account:
    """Everything before this event is done, of the candles that close with it those of earlier symbols."""
    return replace(account, evaluated_ms=max(account.evaluated_ms, event.at_ms - 1), evaluated_symbol=event.symbol)


def _events(account: Account, quotes: Quotes, risky: set[str]) -> Iterator[_Event]:
    """Candles that may matter, of all symbols, by closing time and symbol, with the funding times among them."""
    waiting = [*_waiting_at_any_mark(account, quotes), *limits_behind_triggers(account)]
    algos = account.algo_orders.values()
    trailing = {algo.symbol for algo in algos if algo.kind is OrderKind.TRAILING_STOP_MARKET or algo.price_match != NO_MATCH}
    feeds: list[Iterator[_Event]] = []
    for symbol in sorted({one.order.symbol for one in waiting} | risky | trailing):
        if symbol in risky or symbol in trailing:
            feeds.append(_all(symbol, quotes, account.evaluated_ms))
        else:
            feeds.append(_reaching(symbol, [one for one in waiting if one.order.symbol == symbol], quotes, account.evaluated_ms))
    feeds.append(_Event(at_ms, AT_DEADLINES) for at_ms in expiry_times(account, quotes))
    feeds.append(_Event(at_ms, AFTER_ALL_CANDLES) for at_ms in funding_times(account, quotes))
    return merge(*feeds, key=lambda event: event.place)


def _waiting_at_any_mark(account: Account, quotes: Quotes) -> Iterator[Waiting]:
    """Waiting orders, at the mark's least and greatest distance from the last price since the latest look."""
    symbols = {algo.symbol for algo in account.algo_orders.values()}
    ratios = {symbol: quotes.mark_ratios(symbol, account.evaluated_ms) for symbol in symbols}
    yield from waiting_of(account, lambda symbol: min(ratios[symbol]))
    if any(len(found) > 1 for found in ratios.values()):
        yield from waiting_of(account, lambda symbol: max(ratios[symbol]))


def _all(symbol: str, quotes: Quotes, after_ms: int) -> Iterator[_Event]:
    interval = quotes.interval_ms(symbol)
    return (_Event(bar.open_ms + interval, symbol, bar) for bar in quotes.closed_bars(symbol, after_ms))


def _reaching(symbol: str, waiting: list[Waiting], quotes: Quotes, after_ms: int) -> Iterator[_Event]:
    """The candles of a symbol that reach a waiting price.

    An order that begins to wait meanwhile waits at a price that is known from the start (a stop's limit). So a candle that
    reaches none of these prices now never will.
    """
    above = min((one.price for one in waiting if one.above), default=None)
    below = max((one.price for one in waiting if not one.above), default=None)
    for event in _all(symbol, quotes, after_ms):
        bar = event.bar
        if bar and ((above is not None and bar.high >= above) or (below is not None and bar.low <= below)):
            yield event


def _next_step(account: Account, event: _Event, quotes: Quotes, instant_ms: int, risky: set[str]) -> Outcome | None:
    """The next thing that happens in an event; None when it is over."""
    expired = expire_next(account)
    if expired is not None:
        return expired
    wall_ms = max(instant_ms, account.dated_ms)
    if event.symbol == AT_DEADLINES:
        return end_next(account, event.at_ms, wall_ms)
    if event.bar is None:
        return _fund(account, event.at_ms, quotes, wall_ms)
    liquidation = liquidations(account, quotes) if event.symbol in risky else ()
    due = next_due(waiting_of(account, quotes.mark_ratio, liquidation), event.symbol, event.bar, event.at_ms)
    if due is not None:
        return _happen(account, due, due.seen_of(event.bar, event.at_ms), quotes, wall_ms)
    return _trail(account, event.symbol, event.bar, quotes, wall_ms)


def _fund(account: Account, at_ms: int, quotes: Quotes, wall_ms: int) -> Outcome | None:
    if account.evaluated_ms >= at_ms:
        return None
    paid = settle_funding(account, quotes, wall_ms)
    return replace(paid, account=_evaluated(paid.account, at_ms))


def _happen(account: Account, due: Waiting, bar: Bar, quotes: Quotes, wall_ms: int) -> Outcome:
    if isinstance(due.order, Order):
        return _fill_resting(account, due.order, bar, quotes, wall_ms)
    base = bar.open if due.reached_at_open(bar) else due.price
    if isinstance(due.order, Liquidation):
        spec = quotes.spec(due.order.symbol)
        tick = spec.ask(base) if due.above else spec.bid(base)
        return liquidate(account, due.order, tick, quotes, wall_ms)
    return _trigger(account, due.order, base, quotes, wall_ms)


def _fill_resting(account: Account, order: Order, bar: Bar, quotes: Quotes, wall_ms: int) -> Outcome:
    """Fill a resting order at its price: in full, or as much of it as the market's share of the candle's volume is.

    An order that only reduces takes no more than the position, which is not flat: the order would have expired.
    """
    spec = quotes.spec(order.symbol)
    due, wanted = replace(order, updated_ms=wall_ms, market_ms=quotes.now_ms), order.remaining
    if order.reduce_only:
        wanted = reducible(account.position(order.symbol, order.position_side), order.side.sign, wanted)
    share = spec.whole_steps(bar.volume * spec.volume_share) if spec.volume_share else wanted
    quantity = min(wanted, max(share, spec.step_size))
    return execute(account, due, order.price, quotes, quantity, maker=True)[0]


def _trail(account: Account, symbol: str, bar: Bar, quotes: Quotes, wall_ms: int) -> Outcome | None:
    """Let the next trailing stop that has not done so follow a candle; None when all have.

    Before this the candle was held against the distance from the best price until then. Its own best price comes after that,
    and its close last: a close beyond the new distance triggers there.
    """
    for algo in account.algo_orders.values():
        trails = algo.kind is OrderKind.TRAILING_STOP_MARKET and algo.symbol == symbol
        if not trails or algo.market_ms == quotes.now_ms:
            continue
        mark_ratio = quotes.mark_ratio(symbol)
        seen = trailing_level(algo, mark_ratio).seen_of(bar, quotes.now_ms)
        best = (seen.high if algo.side is Side.SELL else seen.low) * working_ratio(algo, mark_ratio)
        followed = replace(algo, extreme=_extreme(algo, best), market_ms=quotes.now_ms)
        after = replace(account, algo_orders={**account.algo_orders, algo.algo_id: followed})
        if not followed.extreme:
            return Outcome(after)
        level = trailing_level(followed, mark_ratio)
        crossed = bar.close >= level.price if level.above else bar.close <= level.price
        crossed = crossed and not is_held_back(algo, mark_ratio)
        return _trigger(after, followed, level.price, quotes, wall_ms) if crossed else Outcome(after)
    return None


def _extreme(algo: AlgoOrder, best: Decimal) -> Decimal:
    """The best price since activation; zero while the activation price has not been reached."""
    better = max if algo.side is Side.SELL else min
    if algo.extreme:
        return better(algo.extreme, best)
    return best if better(best, algo.activate_price) == best else Decimal(0)


def _trigger(account: Account, algo: AlgoOrder, base: Decimal, quotes: Quotes, wall_ms: int) -> Outcome:
    """The conditional order becomes an order of the same client id, or is rejected: nothing to reduce, no margin."""
    account = account.without_algo_order(algo.algo_id)
    done = replace(algo, updated_ms=wall_ms, triggered_ms=wall_ms, market_ms=quotes.now_ms)
    rejected = Outcome(account, algo_orders=(replace(done, status=AlgoStatus.REJECTED),))
    numbered, order_id = account.next_id()
    order = _became(algo, order_id, quotes, wall_ms)
    if algo.only_reduces:
        room = room_for(account, order)
        order = replace(order, quantity=room if algo.close_position else min(room, algo.quantity))
        if not order.quantity:
            return rejected
    spec = quotes.spec(algo.symbol)
    touch = spec.touch(base, buys=algo.side is Side.BUY)
    try:
        order = replace(order, price=price_of(algo.price, algo.price_match, algo.side, spec, base))
        outcome, order = _sent(numbered, order, touch, quotes)
    except VenueError:
        return rejected
    status = AlgoStatus.TRIGGERED if order_id in outcome.account.orders else AlgoStatus.FINISHED
    finished = replace(
        done,
        status=status,
        order_id=order_id,
        actual_price=order.average_price,
        actual_type=str(order.kind),
        actual_quantity=order.executed,
    )
    return replace(outcome, algo_orders=(finished,))


def _became(algo: AlgoOrder, order_id: int, quotes: Quotes, wall_ms: int) -> Order:
    return Order(
        order_id=order_id,
        client_order_id=algo.client_algo_id,
        symbol=algo.symbol,
        side=algo.side,
        kind=OrderKind.LIMIT if algo.kind.becomes_limit else OrderKind.MARKET,
        original_kind=algo.kind,
        time_in_force="GTC" if algo.time_in_force == GTE_GTC else algo.time_in_force,
        quantity=algo.quantity,
        price=algo.price,
        reduce_only=algo.only_reduces,
        signed_by=algo.signed_by,
        placed_ms=wall_ms,
        updated_ms=wall_ms,
        market_ms=quotes.now_ms,
        trigger_price=algo.trigger_price,
        close_position=algo.close_position,
        position_side=algo.position_side,
        self_trade_prevention=algo.self_trade_prevention,
        good_till_ms=algo.good_till_ms,
        expires_ms=algo.expires_ms,
        price_match=algo.price_match,
    )


def _sent(account: Account, order: Order, touch: Decimal, quotes: Quotes) -> tuple[Outcome, Order]:
    """The market's result for an order that has just been triggered; a limit order rests from the next candle on."""
    takes = order.kind is OrderKind.MARKET or is_marketable(order, touch)
    if order.time_in_force == "GTX" if takes else order.time_in_force in AT_ONCE:
        return _expired(account, order)
    return enter(account, order, touch, quotes)


def _expired(account: Account, order: Order) -> tuple[Outcome, Order]:
    expired = replace(order, status=OrderStatus.EXPIRED)
    return Outcome(account, orders=(expired,)), expired
