"""Close positions because we must, not because a signal says so: a kill switch that flattens, a limit on a position."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.account.kill_switch import KillSwitch, must_flatten
from candlecast.domain.account.switch_scope import concerning
from candlecast.domain.decide.risk.held import losing_positions, overdue_positions
from candlecast.domain.orders.bracket import forced_exit, in_parts
from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.position import Position
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Markets
from candlecast.services.orders.changes import Changes


@dataclass(frozen=True, slots=True)
class ClosePositions:
    """A part of the reconciler."""

    markets: Markets
    clock: Clock
    metrics: Metrics

    def leave(self, account: Account, position: Position, cause: str) -> tuple[Intent, ...]:
        """The exit that no signal has ordered, in the parts that its market takes."""
        whole = forced_exit(position, cause, account.version, self.clock.now())
        return in_parts(whole, self.markets.find(account.venue, position.market))

    def choose(self, changes: Changes, switches: Collection[KillSwitch], marks: Mapping[str, Decimal]) -> list[str]:
        """Decide the exits, marked for sending; returns their intents' ids. `marks` are mark prices by market, where known.

        One at a time for each position, and none while its orders are undecided. An exit behind an entry that rests waits until
        the next look has cancelled the entry. An exit that the venue refuses is followed by another, as any exit is.
        """
        chosen, causes = [], _causes(changes.account, switches, marks, self.clock.now())
        for position in list(changes.account.positions.values()):
            account, now = changes.account, self.clock.now()
            if position.key not in causes or account.undecided(position.subscription_id, position.market):
                continue
            leaves = self.leave(account, position, causes[position.key])
            changes.make(partial(Account.decide, decided=leaves, now=now))
            chosen += [leave.intent_id for leave in leaves]
            self.metrics.count("ForcedExits")
        return chosen


def _causes(account: Account, switches: Collection[KillSwitch], marks: Mapping[str, Decimal], now: datetime) -> dict[str, Reason]:
    """Why positions must be closed now, by their keys; an exit bears the name of its cause, a kill switch before a limit."""
    flattened = [p for p in account.positions.values() if must_flatten(concerning(switches, account, p.strategy_id))]
    return {
        **_because(Reason.UNREALISED_LOSS, losing_positions(account, marks)),
        **_because(Reason.HOLDING_TIME_OVER, overdue_positions(account, now)),
        **_because(Reason.FLATTENED, flattened),
    }


def _because(cause: Reason, positions: Collection[Position]) -> dict[str, Reason]:
    return {position.key: cause for position in positions}
