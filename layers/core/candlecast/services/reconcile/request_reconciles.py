"""Find the accounts that are due for a look at their venue within the next minute and ask for one each, at its own moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, islice
from math import ceil

from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL, slot_after
from candlecast.domain.reconcile.look_window import MOST_WAITING, LookWindow
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import FiringRefused, require_recent
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.looks import Backlog, LookWindows
from candlecast.ports.store import AccountStore, DueAccount
from candlecast.services.reconcile.ask_for_looks import AskForLooks

FIRING_INTERVAL = timedelta(minutes=1)
MAX_FIRING_AGE = timedelta(
    minutes=5
)  # Scheduler retries for one minute, Lambda for three; the next firing asks for the same anyway
MAX_ACCOUNTS_PER_RUN = 5_000  # asked for and leased together, in a second or two: a clock that dies repeats one such run at most
ASKS_FOR = timedelta(seconds=20)  # of the function's 30; the accounts that are left are due a minute later
FURTHEST_DUE = timedelta(days=2)  # an account with keys is due within 36 hours, for their vetting (`next_vetting`)


@dataclass(frozen=True, slots=True)
class RequestReconciles:
    """The reconcile clock's use case."""

    accounts: AccountStore
    looks: AskForLooks
    backlog: Backlog
    windows: LookWindows
    clock: Clock
    metrics: Metrics

    def __call__(self, scheduled_at: datetime) -> int:
        """Ask for the accounts that are due before the next firing and whose look nobody has asked for; returns how many.

        Each message is delayed to when its account is due. An account that has been due since before the last firing is routine,
        or could not be repaired, and gets its turn within the minute. Where the open-order look and the turn of an account are
        both due, only the look counts. Many accounts are asked for in several runs. While requests of earlier firings wait, fewer
        are added (`LookWindow`): those that have been due longest.

        Raises `FiringRefused` for a firing that is too old or still to come.
        """
        require_recent(scheduled_at, self.clock.now(), MAX_FIRING_AGE)
        asked = self._within_window(self._due(scheduled_at + FIRING_INTERVAL), scheduled_at)
        self.metrics.count("ReconcilesRequested", asked)
        return asked

    def at_once(self, due_by: datetime, *, full: bool = False) -> int:
        """Ask now for the accounts that are due by then, because an operator waits for them; returns how many.

        A `full` look compares positions and balance, turn or not.

        Raises `FiringRefused` (DUE_TOO_FAR) for a time that no account needs.
        """
        now = self.clock.now()
        if due_by - now > FURTHEST_DUE:
            raise FiringRefused("DUE_TOO_FAR", f"due_by is more than {FURTHEST_DUE} ahead; every account is due before")
        asked = 0
        for run in self._runs(self._due(due_by)):
            asked += self.looks.ask(
                [(_request(account, due_by, now, awaited=True, full=full), 0) for account in run], afresh=True
            )
        self.metrics.count("ReconcilesRequested", asked)
        return asked

    def _due(self, until: datetime) -> Sequence[DueAccount]:
        found = list(islice(self.accounts.due_for_reconcile(until), MOST_WAITING))
        soon = {(due.tenant_id, due.account_id) for due in found if not due.in_turn}
        return [due for due in found if not due.in_turn or (due.tenant_id, due.account_id) not in soon]

    def _within_window(self, due: Sequence[DueAccount], scheduled_at: datetime) -> int:
        window = self._window()
        now, asked = self.clock.now(), 0
        for run in self._runs(due):
            wanted = [(_request(account, scheduled_at, now), _delay_seconds(account, scheduled_at)) for account in run]
            asked += self.looks.ask(wanted, window.room - asked)
            if asked >= window.room:
                break
        try:
            self.windows.save_window(window.with_more(asked))
        except RetryLater:
            return asked  # the next firing goes on with the window of this one
        return asked

    def _runs(self, due: Sequence[DueAccount]) -> Iterator[Sequence[DueAccount]]:
        """The accounts in parts, for as long as there is time."""
        begun = self.clock.now()
        for run in batched(due, MAX_ACCOUNTS_PER_RUN, strict=False):
            if self.clock.now() - begun > ASKS_FOR:
                return
            yield run

    def _window(self) -> LookWindow:
        """The window of this firing; a fresh one if nobody can say how much waits."""
        try:
            return self.windows.load_window().after_a_minute(self.backlog.waiting())
        except RetryLater:
            return LookWindow()


def _delay_seconds(due: DueAccount, scheduled_at: datetime) -> int:
    if due.due_at > scheduled_at:
        return ceil((due.due_at - scheduled_at).total_seconds())
    if scheduled_at - due.due_at < FIRING_INTERVAL:
        return 0
    return ceil((slot_after(due.account_id, scheduled_at, OPEN_ORDER_INTERVAL) - scheduled_at).total_seconds())


def _request(
    due: DueAccount, scheduled_at: datetime, now: datetime, *, awaited: bool = False, full: bool = False
) -> ReconcileRequest:
    return ReconcileRequest(
        tenant_id=due.tenant_id,
        account_id=due.account_id,
        correlation_id=digest("reconcile", due.account_id, scheduled_at.isoformat()),
        asked_at=now,
        awaited=awaited,
        full=full,
        turn=due.due_at if due.in_turn else None,
    )
