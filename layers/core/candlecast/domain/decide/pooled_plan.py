"""A plan after the answer of its organisation's pool: its entry is marked, denied, or left out."""

from __future__ import annotations

from collections.abc import Iterable

from candlecast.domain.decide.plan import Plan
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.reasons import Denial


def entry_of(plan: Plan) -> Intent | None:
    """The entry that would be sent, or its first part."""
    return next(iter(entries_of(plan)), None)


def entries_of(plan: Plan) -> tuple[Intent, ...]:
    """The entry that would be sent, in its parts."""
    return tuple(leg for leg in plan.legs if leg.kind is LegKind.ENTRY)


def marked(plan: Plan, pool_id: str) -> Plan:
    """The plan, its entry marked with the pool that must learn of the entry's end.

    An entry that is not sent is marked too: an earlier visit may have reserved for it.
    """
    return replace(plan, legs=_marked(plan.legs, pool_id), decided=_marked(plan.decided, pool_id))


def deny_entry(plan: Plan, denial: Denial) -> Plan:
    """The plan with its entry denied, and nothing that belongs to it; exits stay. The receipt says so."""
    denied = tuple(
        replace(
            entry,
            state=IntentState.DENIED,
            denial=denial,
            submitted_at=None,
            stop_price=None,
            expires_at=None,
            market_settings=None,
            limits_to_close=None,
        )
        for entry in entries_of(plan)  # each part has a reservation of its own, which ends with it
    )
    if not denied:
        return plan
    exits = without_entry(plan).legs
    receipt = plan.receipt and replace(plan.receipt, intents=(*exits, *plan.decided, *denied))
    return replace(plan, legs=exits, decided=(*plan.decided, *denied), receipt=receipt)


def without_entry(plan: Plan) -> Plan:
    """Only the exits, which wait for nobody; the message is redelivered for the entry."""
    return replace(plan, legs=tuple(leg for leg in plan.legs if leg.kind is LegKind.EXIT), comes_again=True, receipt=None)


def _marked(intents: Iterable[Intent], pool_id: str) -> tuple[Intent, ...]:
    return tuple(replace(each, pool_id=pool_id) if each.kind is LegKind.ENTRY else each for each in intents)
