"""Close positions because we must, not because a signal says so: a kill switch that flattens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account import Account
from candlecast.domain.adopt import count_mend, may_mend
from candlecast.domain.bracket import forced_exit
from candlecast.domain.kill_switch import KillSwitch, concerning, must_flatten
from candlecast.domain.order import Intent
from candlecast.domain.position import Position
from candlecast.ports.clock import Clock, Metrics
from candlecast.services.place_orders import Changes

KILL_SWITCH = "KILL_SWITCH"


@dataclass(frozen=True, slots=True)
class ClosePositions:
    """A part of the reconciler."""

    clock: Clock
    metrics: Metrics

    def choose(self, changes: Changes, switches: Collection[KillSwitch]) -> list[str]:
        """Decide the exits, marked for sending; returns their intents' ids.

        One at a time for each position, and none while its entry has not ended. An exit that the venue refuses is tried three
        times and then at the slow pace, with an alert.
        """
        chosen = []
        for position in list(changes.account.positions.values()):
            account, now, what = changes.account, self.clock.now(), f"exit|{position.key}"
            cause = _cause(account, position, switches)
            busy = account.under_way(position.subscription_id, position.market)
            if cause is None or busy or not may_mend(account, what, now):
                continue
            leave = forced_exit(position, cause, account.version, now)
            changes.make(partial(_decided, leave=leave, what=what, now=now))
            chosen.append(leave.intent_id)
            self.metrics.count("ForcedExits")
        return chosen


def _cause(account: Account, position: Position, switches: Collection[KillSwitch]) -> str | None:
    """Why a position must be closed now; the exit bears its name."""
    return KILL_SWITCH if must_flatten(concerning(switches, account, position.strategy_id)) else None


def _decided(account: Account, leave: Intent, what: str, now: datetime) -> Account:
    return count_mend(account.decide((leave,), now), what, "POSITION_NOT_CLOSED", now)
