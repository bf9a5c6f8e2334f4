"""The candles and the decision of a run beside those that store and code give now. No code runs here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.market.candle import Candle, check_contiguous
from candlecast.domain.market.history import KnownCandles, Revision
from candlecast.domain.market.seen import SeenCandles, digest_of, text_of
from candlecast.domain.parity.parity import ParityCause
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.strategies.execution import CAUGHT_UP, MISSED, Execution, ExecutionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.timeframe import Timeframe

NOT_PUBLISHED = "CANDLE_NOT_PUBLISHED"  # the reason of a run that was skipped because the venue lacked the candle itself
TOO_LATE = frozenset(
    {"CANDLE_TOO_LATE", MISSED, CAUGHT_UP}
)  # reasons of a run that was skipped for its time; all others are about candles
ENDED_WITH_AN_ANSWER = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.NO_SIGNAL, ExecutionStatus.FAILED})


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The parts of a decision that make an order; without an action nothing is done. ATR and explanations are left out."""

    action: Action | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    confidence: Decimal | None = None
    refusal: str | None = None
    """Code with which the strategy refused to decide."""

    @staticmethod
    def of(signal: Signal | None) -> Decided:
        """The decision of a signal; None is HOLD."""
        if signal is None:
            return HOLD
        return Decided(
            action=signal.action,
            price=signal.price,
            stop_loss=signal.stop_loss,
            take_profits=signal.take_profits,
            confidence=signal.confidence,
        )

    @staticmethod
    def recorded(execution: Execution) -> Decided:
        """The decision of a run that has ended."""
        if execution.status is ExecutionStatus.FAILED:
            return Decided(refusal=execution.reason)
        return Decided.of(execution.signal)

    def without_entry(self) -> Decided:
        """The part of the decision that a retired strategy publishes (`Signal.without_entry`)."""
        if self.action is None or not self.action.is_entry:
            return self
        action = Action.EXIT_SHORT if self.action is Action.LONG else Action.EXIT_LONG
        return replace(self, action=action, stop_loss=None, take_profits=())

    def __str__(self) -> str:
        if self.refusal is not None:
            return f"refused: {self.refusal}"
        if self.action is None:
            return "HOLD"
        ladder = tuple(f"{rung.share.normalize():f} at {rung.price}" for rung in self.take_profits)
        named = {"at": self.price, "stop": self.stop_loss, "targets": ", ".join(ladder) or None, "confidence": self.confidence}
        return " ".join((self.action, *(f"{name} {value}" for name, value in named.items() if value is not None)))


HOLD = Decided()


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """The first candle of a run that is not told as it was."""

    cause: ParityCause
    row: datetime | None = None
    before: Candle | None = None
    after: Candle | None = None


class Frame:
    """The candles of a day and of the history before it, as the candle store has them."""

    def __init__(self, timeframe: Timeframe, known: KnownCandles) -> None:
        self.timeframe = timeframe
        self.known = known
        self._rows = {candle.open_time: row for row, candle in enumerate(known.candles)}
        # of each candle once: the windows of successive runs share all but one
        self._texts = [text_of(candle) for candle in known.candles]

    @property
    def candles(self) -> Sequence[Candle]:
        return self.known.candles

    def row_of(self, close: datetime) -> int | None:
        """Place of the candle that closed then; None if the store lacks it."""
        return self._rows.get(close - self.timeframe.length)

    def following(self, close: datetime) -> Candle | None:
        """The candle that opened then; None if the store lacks it."""
        row = self._rows.get(close)
        return None if row is None else self.known.candles[row]

    def window(self, close: datetime, rows: int) -> Sequence[Candle] | None:
        """The candles of a run at that close; None if one is missing, so that live would not decide either."""
        last = self.row_of(close)
        if last is None or last + 1 < rows:
            return None
        window = self.known.candles[last + 1 - rows : last + 1]
        return None if check_contiguous(window, self.timeframe) else window

    def prefix(self, close: datetime) -> Sequence[Candle]:
        """The candles up to that close."""
        return [candle for candle in self.known.candles if candle.close_time(self.timeframe) <= close]

    def changed(self, execution: Execution, told: Mapping[datetime, Candle]) -> ChangedRow | None:
        """The first candle that the store does not have as the run saw it; None if all are the same.

        `told` are candles as runs saw them, by their opening: those of this run's day. They name the row, and so do revisions
        that the store has noted since the run.
        """
        seen = execution.seen
        if seen is None:
            return None
        opens = [seen.first_open + self.timeframe.length * row for row in range(seen.rows)]
        missing = next((opened for opened in opens if opened not in self._rows), None)
        if missing is not None:
            return ChangedRow(cause=ParityCause.GAP, row=missing, before=told.get(missing))
        first = self._rows[seen.first_open]
        if digest_of(self._texts[first : first + seen.rows]) == seen.digest:
            return None
        return self._revised(execution, seen, told)

    def _revised(self, execution: Execution, seen: SeenCandles, told: Mapping[datetime, Candle]) -> ChangedRow:
        before = {opened: candle for opened, candle in told.items() if opened <= seen.newest.open_time}
        for revision in self.known.revisions:
            if revision.noticed_at >= execution.started_at:
                before.setdefault(revision.after.open_time, _first_word(self.known.revisions, revision, execution.started_at))
        first = self._rows[seen.first_open]
        for candle in self.known.candles[first : first + seen.rows]:
            if before.get(candle.open_time, candle) != candle:
                return ChangedRow(cause=ParityCause.REVISED, row=candle.open_time, before=before[candle.open_time], after=candle)
        return ChangedRow(cause=ParityCause.REVISED)


def _first_word(revisions: Sequence[Revision], revision: Revision, since: datetime) -> Candle:
    """The candle of a revision as it was before its first revision after an instant; itself if it was left out then."""
    opened = revision.after.open_time
    first = next(each for each in revisions if each.after.open_time == opened and each.noticed_at >= since)
    return first.before or first.after


def is_decided(execution: Execution) -> bool:
    """Whether the run asked the code, and the code answered."""
    return execution.seen is not None and execution.status in ENDED_WITH_AN_ANSWER


def lacked_candles(execution: Execution) -> bool:
    """Whether the run was skipped because of its candles."""
    return execution.status is ExecutionStatus.SKIPPED and execution.reason not in TOO_LATE


def cause_of(recorded: Decided, cut: Decided, before: Decided) -> ParityCause:
    """Why the whole frame decides otherwise than the run did on the same candles.

    `cut` is the decision on the run's own candles, `before` that on all candles of the frame up to the same close.
    """
    if cut != recorded:
        return ParityCause.CHANCE
    return ParityCause.LOOK_AHEAD if before == recorded else ParityCause.LOOKBACK
