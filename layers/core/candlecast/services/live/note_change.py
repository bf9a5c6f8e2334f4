"""Note what an account's events have changed for those who listen."""

from __future__ import annotations

from collections.abc import Sequence

from candlecast.domain.live.change import AccountChange, PositionName, distinct
from candlecast.domain.values.copying import replace
from candlecast.ports.bus import PublishedEvent


def noted(version: AccountChange, published: Sequence[PublishedEvent]) -> AccountChange:
    """The change of a version with the names that its events hold. A signal is decided on where an event has a receipt.

    A closed trade is a change of its position. An alert about a position changes nothing of the position.
    """
    events = [each.event for each in published]
    positions = [event.position for event in events if event.position is not None and event.code is None]
    trades = [event.trade for event in events if event.trade is not None]
    places = [*((it.subscription_id, it.market) for it in positions), *((it.subscription_id, it.market) for it in trades)]
    return replace(
        version,
        orders=distinct(event.order.intent_id for event in events if event.order is not None),
        positions=distinct(PositionName(subscription_id=owner, market=market) for owner, market in places),
        signals=distinct(event.order.signal_id for event in events if event.order is not None and event.receipt is not None),
    )
