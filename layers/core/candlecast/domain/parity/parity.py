"""Whether live decided as a backtest does: the verdict on each run, and those of a day.

Live decides each candle for itself, on the candles of its lookback. A backtest decides a whole frame of candles at once. Both
ask the same code, so a difference has a cause, and the cause has a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

A_DAY = timedelta(days=1)
RETENTION = timedelta(days=400)  # of a day's result: a year can be compared with the year before its newest month
MAX_DIFFERENCES = 20  # that a day's item tells: the first ones show the fault
MAX_DAYS = 31  # that one request asks to check, and that one answer tells: a month


class ParityCause(StrEnum):
    """Why live has not decided as a backtest does."""

    REVISED = "REVISED"
    """The venue tells a candle otherwise than it told live."""
    GAP = "GAP"
    """A candle that live saw is missing now, or was missing then."""
    CODE = "CODE"
    """The code that decided is not the code of that version any more, or is not known: nothing can be recomputed."""
    LOOK_AHEAD = "LOOK_AHEAD"
    """The code decides otherwise once it has candles that close later."""
    LOOKBACK = "LOOKBACK"
    """The code decides otherwise once it has candles before its lookback."""
    CHANCE = "CHANCE"
    """The same code has decided otherwise on the same candles."""
    CLOCK = "CLOCK"
    """The candle was not decided: no run began in time, or none ended."""
    UNEXAMINED = "UNEXAMINED"
    """One of many differences, or of many runs that the frame does not judge: nobody has looked for more."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A run that differs from the backtest; decisions are texts for people, and None where there is none."""

    candle_close: datetime
    cause: ParityCause
    version: int | None = None
    """Number of the version that ran; None where the strategy has no versions."""
    recorded: str | None = None
    """The decision of live."""
    recomputed: str | None = None
    """The decision of the backtest."""
    decides_otherwise: bool = True
    """Whether the decisions differ; a revised candle often changes none."""
    row: datetime | None = None
    """Opening of the first candle that differs, where it is known."""
    before: Candle | None = None
    """That candle as live saw it; None if it was missing or is not known."""
    after: Candle | None = None
    """That candle as the candle store has it; None if it is missing."""

    def __post_init__(self) -> None:
        require_utc("candle_close", self.candle_close)

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows how a backtest decides: without the code, or without a frame and a closer look."""
        return self.cause is ParityCause.CODE or (self.cause is ParityCause.UNEXAMINED and not self.decides_otherwise)


@dataclass(frozen=True, kw_only=True)
class ParityDay:
    """The runs of a strategy on the candles that closed on one day (UTC), compared with a backtest."""

    strategy_id: str
    day: date
    until: datetime
    """Closes before this were checked: the end of the day, or an instant of a day that has not ended."""
    checked_at: datetime
    checked: int = 0
    """Runs that were compared, and candles without a run. Runs of `Difference.is_unknown` are not among them."""
    equal: int = 0
    """Of these, runs with the same decision on the same candles."""
    otherwise: int = 0
    """Of these, runs whose decision is another one."""
    causes: Mapping[ParityCause, int] = field(default_factory=dict)
    """How many runs differ, by cause; those that cannot be recomputed under CODE."""
    differences: tuple[Difference, ...] = ()
    """The first `MAX_DIFFERENCES`, by their close."""
    missing: int = 0
    """Candles that the store lacks between others, of the day and of the history before it."""
    refusal: str | None = None
    """Code with which the strategy refused the whole frame. Only differences of the first runs were then looked for."""

    def __post_init__(self) -> None:
        require_utc("until", self.until)
        require_utc("checked_at", self.checked_at)

    @staticmethod
    def of(
        strategy_id: str,
        day: date,
        differences: Iterable[Difference],
        *,
        equal: int,
        until: datetime,
        checked_at: datetime,
        missing: int = 0,
        refusal: str | None = None,
    ) -> ParityDay:
        """The day of these differences and of so many equal runs."""
        ordered = sorted(differences, key=lambda each: (each.candle_close, each.version or 0))
        causes: dict[ParityCause, int] = {}
        for each in ordered:
            causes[each.cause] = causes.get(each.cause, 0) + 1
        return ParityDay(
            strategy_id=strategy_id,
            day=day,
            until=until,
            checked_at=checked_at,
            checked=equal + sum(not each.is_unknown for each in ordered),
            equal=equal,
            otherwise=sum(each.decides_otherwise for each in ordered if not each.is_unknown),
            causes=causes,
            differences=tuple(ordered[:MAX_DIFFERENCES]),
            missing=missing,
            refusal=refusal,
        )

    @property
    def is_whole(self) -> bool:
        """Whether the day had ended when it was checked."""
        return self.until >= end_of(self.day)


def start_of(day: date) -> datetime:
    """The first instant of a day in UTC."""
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    """The first instant of the day after, in UTC."""
    return start_of(day) + A_DAY


def days_since(since: date, last: date) -> list[date]:
    """The days from `since` to `last`, both included. Raises `InvalidValue` (PARITY_SPAN_INVALID) unless 1 to `MAX_DAYS`."""
    count = (last - since).days + 1
    if not 1 <= count <= MAX_DAYS:
        raise InvalidValue(f"`since` is from {last - A_DAY * (MAX_DAYS - 1)} to {last}", code="PARITY_SPAN_INVALID")
    return [since + A_DAY * number for number in range(count)]
