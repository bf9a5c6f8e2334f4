"""How long an order that the venue would certainly not take now is left alone before it is sent again.

Entries are given up when they are too old; exits and protective legs never are. Money is at stake until such a leg is placed,
so it must not wait a quarter of an hour as an entry may. It is sent at the slow pace for ever, which costs one request a minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.money import ZERO

ENTRY_PAUSES = tuple(timedelta(seconds=s) for s in (30, 60, 300, 900))
EXIT_PAUSES = tuple(timedelta(seconds=s) for s in (5, 15, 30, 60))
ATTEMPTS_BEFORE_ALERT = 3  # then retries alone will hardly help: a person is told, once, and the slow pace goes on
NOT_PLACED = {  # what the person is told; an entry that is not placed just expires
    LegKind.EXIT: "EXIT_NOT_PLACED",
    LegKind.STOP_LOSS: "STOP_LOSS_NOT_PLACED",
    LegKind.TAKE_PROFIT: "TAKE_PROFIT_NOT_PLACED",
}


def pause_after(kind: LegKind, attempts: int) -> timedelta:
    """The pause after the `attempts`-th failure in a row (from 1); the last one repeats."""
    pauses = ENTRY_PAUSES if kind is LegKind.ENTRY else EXIT_PAUSES
    return pauses[min(attempts, len(pauses)) - 1]


def next_closing(ended: Intent, now: datetime) -> Intent:
    """The next order after the venue has refused an exit or a target, or ended one at market too early.

    The quantity of an exit is decided when it is sent; an exit of a part keeps what is left of the part. A target closes what is
    left of its share. The part after a filled exit is no attempt more, and waits for no pause.
    """
    filled = ended.state is IntentState.FILLED
    attempts = 0 if filled else ended.attempts + 1
    follower = f"{ended.kind}_{'PART' if filled else attempts}"
    is_exit = ended.kind is LegKind.EXIT
    return replace(
        ended,
        intent_id=intent_id(ended.intent_id, ended.subscription_id, follower),
        leg=follower if is_exit else ended.leg,
        state=IntentState.PENDING,
        created_at=now,
        quantity=ZERO if is_exit else ended.quantity - ended.filled_quantity,
        reduction=None if ended.reduction is None else ended.reduction.after(ended.filled_quantity),
        submitted_at=None,
        lookups=0,
        last_lookup_at=None,
        attempts=attempts,
        retry_at=None if filled else now + pause_after(LegKind.EXIT, attempts),
        part_of=None,
        venue_order_id=None,
        filled_quantity=ZERO,
        average_price=None,
        fee=ZERO,
        denial=None,
        venue_message=None,
        settled_at=None,
    )
