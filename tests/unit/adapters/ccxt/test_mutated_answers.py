"""Mutated answers of a venue: no exception escapes, and nothing is adopted, closed, sent or cancelled because of them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from candlecast.adapters.ccxt.venue import CcxtVenue
from candlecast.domain.account.account import Account
from candlecast.domain.values.errors import Ambiguous, RetryLater
from tests.support.builders import a_reconcile_request
from tests.support.money_path import MoneyPath
from tests.support.mutated_answers import mutated_answer
from tests.support.raw_venue import RawVenue, honest_answers
from tests.support.reconciler import reconcile_account
from tests.unit.adapters.ccxt.test_answers import PUBLIC, READING, SENDING

SEED = 20261129
ANSWERS = 250  # in `make check`, of each walk
MANY_ANSWERS = 50_000  # in `make prove`, of each walk: 100,000 together
HONEST = honest_answers()
PAUSES = (26, 26, 26, 400)  # seconds between two looks: the shortest, and one after which everything is asked for
LOOKS = 4


class MutatingVenue:
    """`ports.venue.Venues` of a venue that mutates a share of its answers, and counts them."""

    def __init__(self, random: Random, share: float = 1.0) -> None:
        self._random, self._share, self.mutated = random, share, 0
        self.raw = RawVenue(mutate=self._mutate)

    def connect(self, *_: Any, **__: Any) -> CcxtVenue:
        return self.raw.connect()

    def _mutate(self, method: str, endpoint: str, body: bytes) -> tuple[int, bytes]:
        if self._random.random() >= self._share:
            return 200, body
        self.mutated += 1
        return mutated_answer(self._random, body, HONEST)


def walk_adapter(answers: int, seed: int) -> None:
    """Every use of the adapter ends with a value, with an unknown outcome of a change, or with a question to be asked again."""
    uses: list[tuple[str, Callable[[Any], Any]]] = [*SENDING.items(), *READING.items(), *PUBLIC.items()]
    done = number = 0
    while done < answers:
        random = Random(f"{seed} {number}")
        venue, (name, use) = MutatingVenue(random), random.choice(uses)
        instruction: type[Exception] = Ambiguous if SENDING.get(name) is use else RetryLater
        try:
            use(venue.raw.market_data() if name in PUBLIC else venue.connect())
        except instruction:
            pass
        except Exception as error:
            raise AssertionError(f"{name} with the answers of {seed} {number}") from error
        done, number = done + venue.mutated, number + 1


def held(account: Account) -> Any:
    """The positions, the orders and whether the account trades."""
    positions = {key: (position.side, position.quantity) for key, position in account.positions.items()}
    return positions, {it.intent_id: (it.state, it.quantity) for it in account.intents.values()}, account.status


def walk_reconciler(answers: int, seed: int) -> None:
    """An account with a position and its stop is looked at, and stays what it is."""
    done = number = 0
    while done < answers:
        random = Random(f"{seed} {number}")
        path, venue = MoneyPath(), MutatingVenue(random, random.choice((1.0, 0.5)))
        path.enter(stop="90", targets=())
        before = held(path.account)
        look = reconcile_account(
            accounts=path.accounts,
            vault=path.vault,
            venues=venue,
            markets=path.markets,
            gate=path.checks,
            queue=path.queue,
            clock=path.clock,
            metrics=path.metrics,
        )
        for _ in range(LOOKS):
            path.clock.advance(random.choice(PAUSES))
            try:
                look(a_reconcile_request())
            except RetryLater:
                pass
            except Exception as error:
                raise AssertionError(f"a look with the answers of {seed} {number}") from error
        assert held(path.account) == before, f"{seed} {number}"
        assert {method for method, _, _ in venue.raw.asked} == {"GET"}, f"{seed} {number}"
        done, number = done + venue.mutated, number + 1


def test_no_mutated_answer_is_more_than_a_question_that_stays_open() -> None:
    walk_adapter(ANSWERS, SEED)


def test_no_mutated_answer_changes_an_account_that_is_looked_at() -> None:
    walk_reconciler(ANSWERS, SEED)


@pytest.mark.prove
def test_no_mutated_answer_of_very_many_does() -> None:
    walk_adapter(MANY_ANSWERS, SEED + 1)
    walk_reconciler(MANY_ANSWERS, SEED + 1)


def test_an_undocumented_failure_within_a_success_leaves_the_outcome_unknown() -> None:
    """HTTP says success, the body names a failure by a code that the venue does not have."""
    raw = RawVenue()
    for code in ("0", "-1", "1" + "0" * 30, "\uff11\uff12"):
        raw.say_bytes(
            b'{"algoId": 2146760, "code": "%s", "msg": "success"}' % code.encode("ascii", "backslashreplace"), method="DELETE"
        )
        with pytest.raises(Ambiguous):
            SENDING["a stop's cancellation"](raw.connect())
