"""The lifecycle of an intent: one table, followed by all code and shown by the documentation."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.lifecycle import START, TRANSITIONS, Actor, Trigger, as_table, is_legal, require_transition
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, an_account, an_intent

ARCHITECTURE = Path(__file__).parents[4] / "docs" / "ARCHITECTURE.md"
STATES = (START, *IntentState)


def an_account_with(state: IntentState) -> Account:
    entry = an_intent(state=state)
    return an_account(intents={entry.intent_id: entry})


def test_what_happens_in_a_state_leads_to_one_state_only() -> None:
    rows = [(row.source, row.trigger) for row in TRANSITIONS]
    assert len(rows) == len(set(rows))


def test_every_trigger_and_everybody_has_a_row() -> None:
    assert {row.trigger for row in TRANSITIONS} == set(Trigger)
    assert {actor for row in TRANSITIONS for actor in row.actors} == set(Actor)
    assert all(row.actors for row in TRANSITIONS)


def test_every_state_is_reached_from_the_start_and_every_open_one_can_end() -> None:
    reached: set[IntentState | None] = {START}
    ends: set[IntentState | None] = {state for state in IntentState if state.is_terminal}
    for _ in STATES:
        reached |= {row.target for row in TRANSITIONS if row.source in reached}
        ends |= {row.source for row in TRANSITIONS if row.target in ends and row.source is not None}
    assert reached == set(STATES)
    assert ends == set(IntentState)


@pytest.mark.parametrize("ended", [state for state in IntentState if state.is_terminal])
def test_nothing_happens_to_an_intent_that_has_ended(ended: IntentState) -> None:
    assert [target for target in STATES if is_legal(ended, target)] == []


@pytest.mark.parametrize("lost", [IntentState.SUBMITTING, IntentState.UNKNOWN, IntentState.PENDING])
def test_what_the_venue_has_in_its_book_is_never_called_lost_or_unsent_again(lost: IntentState) -> None:
    assert not is_legal(IntentState.OPEN, lost)


def test_an_order_whose_answer_was_lost_is_never_called_certainly_not_sent() -> None:
    assert not is_legal(IntentState.UNKNOWN, IntentState.PENDING)


def test_only_the_reconciler_sends_again() -> None:
    assert {row.actors for row in TRANSITIONS if row.trigger is Trigger.MARKED_AGAIN} == {(Actor.RECONCILER,)}


@pytest.mark.parametrize(("source", "target"), list(product(STATES, STATES)))
def test_every_pair_is_refused_unless_the_table_has_it(source: IntentState | None, target: IntentState | None) -> None:
    if any((row.source, row.target) == (source, target) for row in TRANSITIONS):
        require_transition(source, target)
    else:
        with pytest.raises(InvalidValue) as refused:
            require_transition(source, target)
        assert refused.value.code == "ILLEGAL_TRANSITION"


def test_an_account_is_not_written_with_a_transition_that_the_table_has_not() -> None:
    with pytest.raises(InvalidValue) as refused:
        an_account_with(IntentState.UNKNOWN).hold(an_intent().intent_id, IntentState.PENDING, NOW)
    assert refused.value.code == "ILLEGAL_TRANSITION"
    with pytest.raises(InvalidValue):
        an_account().decide([an_intent(state=IntentState.FILLED)], NOW)


def test_a_leg_that_may_exist_at_the_venue_is_not_forgotten() -> None:
    stop = an_intent(LegKind.STOP_LOSS, state=IntentState.UNKNOWN)
    with pytest.raises(InvalidValue):
        an_account(intents={stop.intent_id: stop}).release(stop.intent_id)


def test_what_the_venue_has_stays_open_whatever_a_slower_worker_believes() -> None:
    account = an_account_with(IntentState.OPEN)
    assert account.hold(an_intent().intent_id, IntentState.UNKNOWN, NOW) == account


def test_the_documentation_shows_the_table() -> None:
    text = ARCHITECTURE.read_text()
    shown = text.split("<!-- lifecycle: begin -->\n")[1].split("\n<!-- lifecycle: end -->")[0]
    assert shown == as_table()
