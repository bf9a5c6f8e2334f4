"""The invariants of every world, and of a world that has come to rest; computed anew from the stored items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from candlecast.domain.values.ids import client_order_id
from verification.crash_points.functions import SECRETS
from verification.crash_points.scenario import QUANTITY, ROOM_FOR_ONE, account_body
from verification.crash_points.visit import Point
from verification.crash_points.world import PRICE, START, World, opened


def broken_always(world: World) -> Iterator[str]:
    """The breaches of invariants that hold at every moment."""
    repeated = [client_id for client_id, times in Counter(order.client_id for order in world.orders).items() if times > 1]
    yield from (f"1: {client_id} was executed more than once" for client_id in repeated)
    if abs(world.net) > QUANTITY:
        yield f"2: {world.net} are held at the venue, the limit is {QUANTITY}"
    body = account_body(world)
    yield from _marked_after_cancelling(body)
    yield from _over_the_limits(body)
    yield from _beyond_the_pool(world, body)
    if world.overwritten:
        yield "2: the account was written by somebody who had not read its last version"
    for text in (*(opened(value) for item in world.items.values() for value in item.values()), *_bodies(world)):
        if any(secret in text for secret in SECRETS):
            yield "12: a key is stored or queued"


def _marked_after_cancelling(body: dict[str, Any]) -> Iterator[str]:
    """No entry is marked for sending once its owner has cancelled it."""
    for intent in body.get("intents", {}).values():
        asked, marked = intent.get("cancel_asked_at"), intent.get("submitted_at")
        if asked and marked and datetime.fromisoformat(marked) > datetime.fromisoformat(asked):
            yield f"{intent['leg']} was marked at {marked}, its owner had cancelled it at {asked}"


def _over_the_limits(body: dict[str, Any]) -> Iterator[str]:
    """At most one position, held or coming, and on either side no more notional than one order may have.

    An entry that reverses a position is in its market, and leaves once the position is closed: the entry adds nothing to it.
    """
    entries = [intent for intent in body.get("intents", {}).values() if intent["kind"] == "ENTRY"]
    held = list(body.get("positions", {}).values())
    markets = {(one["subscription_id"], one["market"]) for one in (*held, *entries)}
    if len(markets) > 1:
        yield f"2: {len(markets)} positions are held or coming, the limit is one"
    for side in ("LONG", "SHORT"):
        there = sum((Decimal(p["quantity"]) for p in held if p["side"] == side), Decimal(0))
        coming = [i for i in entries if i["position_side"] == side]
        there += sum((Decimal(i["quantity"]) - Decimal(i.get("filled_quantity", "0")) for i in coming), Decimal(0))
        if there > QUANTITY:
            yield f"2: {there * PRICE} {side} are held and coming, the limit is {QUANTITY * PRICE}"


def _beyond_the_pool(world: World, body: dict[str, Any]) -> Iterator[str]:
    """Reservations and free room together stay within the bounds of the pool.

    The reservations cover all that is held or coming.
    """
    slots = [
        item for (partition, _), item in world.items.items() if partition.startswith(f"POOL#{ROOM_FOR_ONE.organisation_id}#")
    ]
    if not slots:
        return
    bounds = ROOM_FOR_ONE.bounds.bounds
    for name, bound in (("notional", bounds.notional), ("positions", bounds.positions)):
        used, free = (sum((Decimal(slot[f"{kind}_{name}"]["N"]) for slot in slots), Decimal(0)) for kind in ("used", "free"))
        if not 0 <= used <= used + free <= bound:
            yield f"2: the pool's {name} are {used} with {free} free, the bound is {bound}"
    used = sum((Decimal(slot["used_notional"]["N"]) for slot in slots), Decimal(0))
    entries = [intent for intent in body.get("intents", {}).values() if intent["kind"] == "ENTRY"]
    taken = sum((Decimal(one["quantity"]) for one in (*body.get("positions", {}).values(), *entries)), Decimal(0)) * PRICE
    if taken > used:
        yield f"2: {taken} are held and coming, {used} are reserved in the pool"


def broken_sending(point: Point, world: World) -> Iterator[str]:
    """The breaches of an order that leaves without its mark, or of an entry that is too old. `world` is as the order leaves."""
    if not point.operation.name.startswith("create "):
        return
    intents = account_body(world).get("intents", {}).values()
    intent = next((intent for intent in intents if client_id_of(intent) == point.operation.client_id), None)
    if intent is None or intent["state"] != "SUBMITTING":
        yield f"1: sent without a mark: {point.operation.name} ({intent and intent['state']})"
    elif intent.get("expires_at") and (datetime.fromisoformat(intent["expires_at"]) - START).total_seconds() < world.now:
        yield f"6: an entry was sent after it had expired: {point.operation.name}"


def client_id_of(intent: dict[str, Any]) -> str:
    return client_order_id(intent["intent_id"])


def broken_at_rest(world: World, kept_share: Decimal | None) -> Iterator[str]:
    """The breaches of a world in which nothing is on its way any more; `kept_share` of all that was bought is held.

    None: any share. Nothing is held either where the market has been beyond a stop or target.
    """
    body = account_body(world)
    positions = body.get("positions", {}).values()
    ours = sum((Decimal(p["quantity"]) * (1 if p["side"] == "LONG" else -1) for p in positions), Decimal(0))
    if ours != world.net:
        yield f"3: {ours} are held by our record and {world.net} by the venue's"
    bought = sum((order.executed for order in world.orders if order.side == "BUY"), Decimal(0))
    if kept_share is not None and world.net != bought * kept_share and not (world.passed and not world.net):
        yield f"an exit was lost, or closed too much: {world.net} of {bought} are held at the end"
    live = {order.client_id: order for order in world.orders if order.status == "NEW"}
    known = {client_id_of(intent) for intent in body.get("intents", {}).values()}
    yield from (f"3: {client_id} rests at the venue and is not ours" for client_id in live if client_id not in known)
    yield from (f"3: {client_id} is open for us and not at the venue" for client_id in known if client_id not in live)
    stops = [order.quantity for order in live.values() if order.kind == "STOP_MARKET"]
    prices = {Decimal(position["stop_price"]) for position in positions if position.get("stop_price")}
    wrong = [order.trigger for order in live.values() if order.trigger and Decimal(order.trigger) not in prices]
    if world.net and any(order.kind == "STOP_MARKET" and order.trigger in wrong for order in live.values()):
        yield f"11: stops stand at {wrong}, they should at {prices}"
    if world.net and sum(stops) != abs(world.net):
        yield f"11: {world.net} are held under stops of {stops}"
    if not world.net and live:
        yield f"11: {len(live)} stops and targets outlive their position"
    if world.dead:
        yield f"3: {len(world.dead)} messages are in the dead letters"


def _bodies(world: World) -> Iterator[str]:
    yield from (message.body for message in (*world.trade, *world.reconcile, *world.dead))
