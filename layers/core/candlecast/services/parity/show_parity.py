"""Show how a strategy's runs compare with a backtest, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from candlecast.domain.parity.parity import A_DAY, ParityDay, days_since
from candlecast.domain.strategies.parity_share import SHARE_DAYS, ParityShare
from candlecast.ports.clock import Clock
from candlecast.ports.parity import ParityStore
from candlecast.services.strategies.admit_reader import Admission


@dataclass(frozen=True, slots=True)
class ShownParity:
    """The days that were compared, newest first, and all of them as one number."""

    days: Sequence[ParityDay]
    share: ParityShare
    sees_differences: bool
    """Whether the reader sees decisions and candles, or counts alone."""


@dataclass(frozen=True, slots=True)
class ShowParity:
    """Reads the results of some days; one query."""

    days: ParityStore
    clock: Clock

    def __call__(self, admitted: Admission, since: date | None = None) -> ShownParity:
        """The days from `since` until today (UTC); without it the last thirty.

        Authors, followers and operators see the differences. Raises `InvalidValue` (PARITY_SPAN_INVALID), `RetryLater`.
        """
        today = self.clock.now().date()
        first = days_since(since, today)[0] if since is not None else today - A_DAY * (SHARE_DAYS - 1)
        found = self.days.list_days(admitted.strategy.strategy_id, first, today)
        return ShownParity(days=found, share=ParityShare.of(found), sees_differences=admitted.sees_decisions)
