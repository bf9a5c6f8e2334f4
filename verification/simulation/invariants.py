"""The invariants of a world that has come to rest, by their numbers in docs/RELIABILITY.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.vetting import CAUSES as VETTING_CAUSES
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.orders.retries import NOT_PLACED
from candlecast.domain.reconcile.reconcile import waits_for
from candlecast.domain.signals.audience import BUCKETS
from candlecast.domain.strategies.execution import ExecutionStatus, SignalRecord
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import Side
from candlecast.domain.venue.reports import VenueOrderStatus
from verification.simulation.pools import unexplained
from verification.simulation.world import MARKETS, World

LONGEST_WAIT = timedelta(minutes=3)  # the slowest pace of exits (a minute), the clock's minute, and a look
TOLD_AFTER = 3  # refusals in a row, by docs/reconciliation.md
ROUNDING = Decimal("1e-12")  # averages are quotients with 28 digits


def broken_invariants(world: World) -> list[str]:
    """Everything that is wrong, in words; empty if nothing is."""
    found = list(world.chronicle.broken)
    for account in world.database.accounts.values():
        book = world.exchange.books[account.account_id]
        repeated = [key for key, n in Counter(order.client_order_id for _, order in book.orders).items() if n > 1]
        found += [f"1: the venue has {key} more than once" for key in repeated]
        for check in (_rest, _positions, _money, _stops, _rights, _exits_are_not_lost, _parts_are_closed, _somebody_was_told):
            found += [f"{account.account_id}: {what}" for what in check(world, account)]
    found += _nothing_is_lost(world)
    found += _events_tell_the_state(world)
    found += _history_is_final(world)
    found += _executed_once(world)
    found += _one_decision_of_each_candle(world)
    found += unexplained(world.pools, world.database.accounts)
    return found


def held_up(account: Account, calm_since: datetime, now: datetime) -> Iterator[str]:
    """3: while nothing goes wrong, an entry that rests does not keep its exit waiting, nor its owner who has cancelled it."""
    for intent in account.intents.values():
        asked = intent.cancel_asked_at
        if asked is not None and intent.is_resting_entry and now - max(asked, calm_since) > LONGEST_WAIT:
            yield f"3: an entry of {account.account_id} rests, and its owner has cancelled it at {asked.time()}"
        first = waits_for(account, intent) if intent.kind is LegKind.EXIT else None
        if first is not None and first.is_resting_entry and now - max(intent.created_at, calm_since) > LONGEST_WAIT:
            yield f"3: an exit of {account.account_id} waits behind an entry that rests, since {intent.created_at.time()}"


def _rest(world: World, account: Account) -> Iterator[str]:
    """3: every intent has ended or is a live protective order."""
    book = world.exchange.books[account.account_id]
    live = {order.client_order_id for _, order in book.orders if order.status is VenueOrderStatus.OPEN}
    ours = {i.client_order_id for i in account.intents.values()}
    for intent in account.intents.values():
        if intent.state is not IntentState.OPEN or not intent.kind.is_protective or intent.client_order_id not in live:
            yield f"3: {intent.leg} of {intent.signal_id[:6]} is {intent.state} at rest"
    held = {p.entry_intent_id for p in account.positions.values()}
    yield from (
        f"3: {i.leg} of {i.signal_id[:6]} outlives its position"
        for i in account.intents.values()
        if i.kind.is_protective and i.bracket_of not in held
    )
    yield from (f"3: the venue's open order {key} is not ours" for key in live - ours)


def _positions(world: World, account: Account) -> Iterator[str]:
    """The venue's positions are ours."""
    for market in MARKETS:
        ours = sum((p.quantity * p.side.sign for p in account.positions.values() if p.market == market), Decimal(0))
        theirs = world.exchange.net_position(account.account_id, market)
        if ours != theirs:
            yield f"drift: {market} is {ours} for us and {theirs} at the venue"


def _money(world: World, account: Account) -> Iterator[str]:
    """The money that moved at the venue equals the sums of our trades and open positions, where the venue has told all of it."""
    if account.account_id in world.delisting.unheard:
        return
    paid, price = Decimal(0), world.exchange.coin_price
    charged = world.exchange.books[account.account_id].trades
    fees = sum((t.fee_paid if t.fee is not None else t.fee_paid * price for t in charged), Decimal(0))
    for request, order in world.exchange.books[account.account_id].orders:
        sign = 1 if request.side is Side.SELL else -1
        paid += sign * order.filled_quantity * (order.average_price or Decimal(0))
    trades = [t for t in world.database.trades.values() if t.account_id == account.account_id]
    ours = sum((t.pnl for t in trades), Decimal(0)) + sum((_so_far(p) for p in account.positions.values()), Decimal(0))
    our_fees = sum((t.fees for t in trades), Decimal(0)) + sum((p.fees for p in account.positions.values()), Decimal(0))
    if abs(paid - ours) > ROUNDING:
        yield f"pnl: the venue says {paid}, our trades {ours}"
    if abs(fees - our_fees) > ROUNDING:
        yield f"fees: the venue says {fees}, we {our_fees}"


def _so_far(position: Position) -> Decimal:
    """Cash that an open position has moved."""
    return (position.exit_notional - position.entry_price * position.opened_quantity) * position.side.sign


def _stops(world: World, account: Account) -> Iterator[str]:
    """11: no position without its stop, and the stop covers all of it."""
    if account.status is not AccountStatus.ACTIVE:
        return
    live = {
        order.client_order_id: request.quantity
        for request, order in world.exchange.books[account.account_id].orders
        if order.status is VenueOrderStatus.OPEN
    }
    for position in account.positions.values():
        stops = [i for i in account.protective(position) if i.kind is LegKind.STOP_LOSS]
        covered = sum((live.get(i.client_order_id, Decimal(0)) for i in stops), Decimal(0))
        if position.stop_price is not None and covered < position.quantity:
            yield f"11: {position.key} holds {position.quantity}, its stop covers {covered}"
        if position.stop_price is not None and len(stops) > 1:
            yield f"11: {position.key} has {len(stops)} stops"


def _rights(world: World, account: Account) -> Iterator[str]:
    """13: entries are suspended for each wrong right of the keys, and for no other; all keys have been vetted by now."""
    rights = world.exchange.rights[account.account_id]
    wrong = set(rights.refused) if rights is not None else set()
    suspended = {each.cause for each in account.suspensions if each.cause in VETTING_CAUSES}
    if account.status is AccountStatus.ACTIVE and suspended != wrong:
        yield f"13: entries are suspended for {sorted(suspended)}, and the keys have the wrong rights {sorted(wrong)}"


def _exits_are_not_lost(world: World, account: Account) -> Iterator[str]:
    """No exit was issued for a held position since its opening, except exits that a rule denied or a newer entry ended."""
    orders = world.trade_queue.put_messages
    signals = {order.signal.signal_id: order.signal for order in orders if order.signal.reduction is None}
    for position in account.positions.values():
        exits = sorted(_told_orders(world, position, LegKind.EXIT), key=lambda i: i.attempts)
        for exit_ in {i.signal_id: i for i in exits}.values():  # of an exit that was refused or cut short, the newest
            meant = exit_.signal_id in signals and signals[exit_.signal_id].closes(position.side)
            told = exit_.state is IntentState.DENIED or exit_.reason is Reason.SIGNAL_SUPERSEDED
            if meant and exit_.issued_at > position.signal_issued_at and not told:
                yield f"an exit was lost: {position.key} is held after {exit_.leg} {exit_.state} {exit_.reason}"


def _parts_are_closed(world: World, account: Account) -> Iterator[str]:
    """Of a position that is held, each part was closed that its owner asked for, and no more; or somebody was told why not."""
    ours = (order for order in world.trade_queue.put_messages if order.account_id == account.account_id)
    orders = {order.signal.signal_id: order for order in ours}
    ends = {intent.signal_id for intent, _ in world.database.orders.values() if _is_told_end(intent)}
    for signal_id, asked in world.audit.asked.items():
        if signal_id not in orders:
            continue
        signal, closed = orders[signal_id].signal, world.audit.closed(signal_id)
        held = account.position(orders[signal_id].subscription_id, signal.market)
        if closed > asked:
            yield f"{closed} were closed of {signal_id[:6]}, asked for were {asked}"
        elif closed < asked and signal_id not in ends and held is not None and held.signal_issued_at <= signal.issued_at:
            yield f"a part was lost: {closed} were closed of {signal_id[:6]}, asked for were {asked}"


def _is_told_end(intent: Intent) -> bool:
    return intent.state is IntentState.DENIED or intent.reason in (Reason.SIGNAL_SUPERSEDED, Reason.QUANTITY_TOO_SMALL)


def _somebody_was_told(world: World, account: Account) -> Iterator[str]:
    """An exit that was refused three times is an alert to a person."""
    ours = [told.event for told in world.database.stream if told.account_id == account.account_id]
    alerts = sum(1 for event in ours if event.code == NOT_PLACED[LegKind.EXIT])
    stuck = {e.order.intent_id for e in ours if e.order and e.order.kind is LegKind.EXIT and e.order.attempts == TOLD_AFTER}
    if stuck and not alerts:
        yield f"nobody was told of {len(stuck)} exits that the venue has refused {TOLD_AFTER} times"


def _told_orders(world: World, position: Position, kind: LegKind) -> Iterator[Intent]:
    for intent, _ in world.database.orders.values():
        if (intent.subscription_id, intent.market, intent.kind) == (position.subscription_id, position.market, kind):
            yield intent


def _nothing_is_lost(world: World) -> Iterator[str]:
    """Every order message came to a decision that was told."""
    decided = {(_decision_of(world, intent), intent.subscription_id) for intent, _ in world.database.orders.values()}
    for order in world.trade_queue.put_messages:
        if (order.signal.decision_id or order.signal.signal_id, order.subscription_id) not in decided:
            yield f"lost: {order.signal.action} {order.signal.signal_id[:6]} of {order.subscription_id}"
    quarantined = {key for key, verdict in world.database.verdicts.items() if verdict.is_quarantined}
    sent = {(order.signal.signal_id, order.subscription_id) for order in world.trade_queue.put_messages}
    for record in world.database.signals.values():
        for subscription in world.database.subscriptions.values():
            follows = subscription.strategy_id == record.signal.strategy_id and _is_meant(world, record, subscription)
            cancelled = subscription.status is SubscriptionStatus.CANCELLED
            reached = (record.signal.signal_id, subscription.subscription_id) in sent
            if record.signal.signal_id in quarantined:
                if reached:
                    yield f"firewall: {record.signal.signal_id[:6]} was sent to {subscription.subscription_id}"
            elif follows and not cancelled and not reached:
                yield f"lost: {record.signal.signal_id[:6]} was not sent to {subscription.subscription_id}"
    queues = (world.trade_queue, world.signal_queue, world.candle_queue, world.uploaded_candle_queue)
    for queue in queues:  # a lost look at an account is asked for every minute
        if queue.dead:
            yield f"dead letters: {queue.dead[0]}"


def _decision_of(world: World, intent: Intent) -> str:
    """The decision that the versions of the order's strategy share, or else its signal."""
    record = world.database.signals.get(intent.signal_id)
    return intent.signal_id if record is None else record.signal.decision_id or intent.signal_id


def _is_meant(world: World, record: SignalRecord, subscription: Subscription) -> bool:
    """Whether the record's signal must reach the follower; nobody knows for one whose pin has changed."""
    if record.audience is None:
        return True
    known = subscription.subscription_id not in world.repinned
    names = record.signal.strategy_id, subscription.subscription_id, subscription.pinned_version
    return known and record.audience.includes(*names)


def _one_decision_of_each_candle(world: World) -> Iterator[str]:
    """9: versions of a strategy share its followers on a candle, and nobody enters twice by them."""
    runs = world.database.executions
    for (strategy_id, close, _), leading in runs.items():
        if not leading.leads or leading.audience is None:
            continue
        audiences = (leading.audience, *leading.beside)
        if world.database.strategies[strategy_id].subscriber_count > 0:
            missing = [each.number for each in leading.beside if (strategy_id, close, each.number) not in runs]
            yield from (f"9: version {number} of {strategy_id} did not run at {close}" for number in missing)
        shares = Counter(bucket for each in audiences for bucket in range(each.bucket_from, each.bucket_to))
        if shares and shares != Counter(range(BUCKETS)):
            yield f"9: the versions of {strategy_id} at {close} do not share its followers"
    entries, decisions = defaultdict(set), defaultdict(set)
    for intent, _ in world.database.orders.values():
        if intent.kind is LegKind.ENTRY and intent.part_of is None:
            entries[_decision_of(world, intent), intent.subscription_id].add(intent.intent_id)
    for order in world.trade_queue.put_messages:
        if order.subscription_id not in world.repinned and order.signal.decision_id is not None:
            decisions[order.signal.decision_id, order.subscription_id].add(order.signal.signal_id)
    yield from (f"9: {key[1]} enters twice by versions of one candle" for key, found in entries.items() if len(found) > 1)
    yield from (f"9: {key[1]} has two decisions of one candle" for key, found in decisions.items() if len(found) > 1)


def _events_tell_the_state(world: World) -> Iterator[str]:
    """4: folding the events gives the reported open intents, and the positions."""
    orders: dict[tuple[str, str], Intent] = {}
    positions: dict[tuple[str, str], Position] = {}
    for told in world.database.stream:
        if told.event.order is not None:
            orders[told.account_id, told.event.order.intent_id] = told.event.order
        if told.event.position is not None and told.event.code is None:
            positions[told.account_id, told.event.position.key] = told.event.position
    for account in world.database.accounts.values():
        folded = {key: i for (owner, key), i in orders.items() if owner == account.account_id and not i.state.is_terminal}
        if folded != dict(account.intents):
            wrong = {key: i.state for key, i in folded.items() if account.intents.get(key) != i}
            yield f"4: {account.account_id}: folded open orders differ: {wrong}, {len(account.intents)} open"
        held = {key: p for (owner, key), p in positions.items() if owner == account.account_id and p.quantity > 0}
        if held != dict(account.positions):
            yield f"4: {account.account_id}: folded positions differ"


def _history_is_final(world: World) -> Iterator[str]:
    """5: history is final, and every reported event reached the bus under one id."""
    open_ids = {key for account in world.database.accounts.values() for key in account.intents}
    for (_, key), (intent, _) in world.database.orders.items():
        if not intent.state.is_terminal and key not in open_ids:
            yield f"3: the history has {intent.leg} of {intent.signal_id[:6]} as {intent.state} for ever"
    published = {told.event_id: told.event for told in world.bus.published}
    for told in world.database.stream:
        if published.get(told.event_id) != told.event:
            yield f"5: {told.event.type} {told.event_id[:6]} was not published as it was told"


def _executed_once(world: World) -> Iterator[str]:
    """9: one signal per (strategy, candle, version), and no run left open."""
    for execution in world.database.executions.values():
        followed = world.database.strategies[execution.strategy_id].subscriber_count > 0
        if execution.status is ExecutionStatus.RUNNING and followed:  # nobody finishes what nobody follows any more
            yield f"9: {execution.strategy_id} at {execution.candle_close} is still running"
        if execution.signal is not None and (followed or execution.status is not ExecutionStatus.RUNNING):
            record = world.database.signals.get(execution.signal.signal_id)
            if record is None or record.signal != execution.signal:
                yield f"9: the signal of {execution.strategy_id} at {execution.candle_close} is not the one that was stored"
    for order in world.trade_queue.put_messages:
        record = world.database.signals.get(order.signal.signal_id)
        if record is None:  # an exit that its owner ordered by cancelling
            continue
        if (record.signal.action, record.signal.stop_loss) != (order.signal.action, order.signal.stop_loss):
            yield f"9: two signals under the id {order.signal.signal_id[:6]}"
