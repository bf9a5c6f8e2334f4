"""How rough a run is: sizes, and the probability of each kind of trouble."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Probabilities of disturbances.

    `crash` and `overtake` count per boundary, refusals and lost answers of stores per request, the venue's faults per order,
    repeats per message. `lies` count per signal from outside. `resting_entry` is the share of entries from outside that wait
    for their price, `resting_part` the share of their fills that are partial. `outage`, `ban`, `switch_flips`, `deployments`
    and `rights_changed` count per half a minute. `neighbours` is the most that others use of our address's weight.
    `unusable_answer` counts per request, `blank_spell` per half a minute: the lists of a venue are then empty for a while, in
    the right shape. `exit_rejects` counts per order that closes at market, `stop_rejects` per stop. `delisting` and
    `market_spell` count per half a minute: a market ends for good, or fails for a while. `author_acts` counts per ten seconds: a
    release, a rollback or another pin. So does `acts_by_hand`: an owner cancels an order,
    moves a stop, or closes a position or a part of it. `sandbox_fails` and `sandbox_busy` count per run of an uploaded version.
    """

    accounts: int = 3
    subscriptions_per_account: int = 3
    minutes: int = 12
    slowest_call_seconds: float = 0.5
    usual_call_seconds: float = 0.02
    crash: float = 0.01
    overtake: float = 0.03
    repeat: float = 0.05
    jitter_seconds: float = 3.0
    ambiguous_executed: float = 0.05
    ambiguous_lost: float = 0.05
    ambiguous_late: float = 0.05
    venue_rejects: float = 0.03
    rate_limited: float = 0.05
    partial_fill: float = 0.08
    slow_fill: float = 0.08
    resting_entry: float = 0.3
    resting_part: float = 0.6
    lagging_read: float = 0.2
    queue_refuses: float = 0.02
    store_refuses: float = 0.01
    store_answer_lost: float = 0.01
    owner_acts: float = 0.3
    by_hand: float = 0.05
    key_revoked: float = 0.0
    outage: float = 0.03
    ban: float = 0.02
    switch_flips: float = 0.1
    neighbours: float = 0.3
    unusable_answer: float = 0.01
    blank_spell: float = 0.03
    lies: float = 0.1
    author_acts: float = 0.3
    sandbox_fails: float = 0.1
    sandbox_busy: float = 0.1
    exit_rejects: float = 0.1
    stop_rejects: float = 0.2
    rights_changed: float = 0.05
    delisting: float = 0.15
    market_spell: float = 0.04
    deployments: float = 0.03
    acts_by_hand: float = 0.3

    @staticmethod
    def drawn(random: Random) -> Profile:
        """A mood for one run: each trouble is absent, usual or frequent, so that some runs isolate one kind."""
        usual = Profile(
            accounts=random.randint(1, 4),
            minutes=random.choice((8, 12, 24)),
            owner_acts=random.choice((0.0, 0.1, 0.3)),
            subscriptions_per_account=random.randint(1, 3),
            slowest_call_seconds=random.choice((0.05, 0.5, 3.0)),
            key_revoked=random.choice((0.0, 0.0, 0.002)),
            neighbours=random.choice((0.0, 0.3, 1.1)),
        )
        kept = {
            "accounts",
            "subscriptions_per_account",
            "minutes",
            "slowest_call_seconds",
            "usual_call_seconds",
            "key_revoked",
            "owner_acts",
            "neighbours",
        }
        factors = {f.name: random.choice((0, 0, 1, 1, 3)) for f in fields(Profile) if f.name not in kept}
        changes: dict[str, Any] = {name: getattr(usual, name) * factor for name, factor in factors.items()}
        return replace(usual, **changes)

    @staticmethod
    def calm(**changes: Any) -> Profile:
        """Nothing goes wrong; for quieting down and for exhaustive runs, which add one trouble at a time."""
        quiet: dict[str, Any] = {
            f.name: 0 for f in fields(Profile) if f.name not in ("accounts", "subscriptions_per_account", "minutes")
        }
        return replace(Profile(), **{**quiet, **changes})
