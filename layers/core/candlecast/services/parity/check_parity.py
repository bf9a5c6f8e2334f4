"""Compare the runs of a strategy on one day with a backtest over the candles that the store has now.

All runs of a version are decided in one frame. Only a run that differs is decided again: on its own candles, and on all candles
up to its close. These two show the cause.

The fills that a backtest has for the day's signals are kept beside those of the followers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, islice

from candlecast.domain.market.candle import Candle
from candlecast.domain.market.history import KnownCandles, Series, Span
from candlecast.domain.market.market import Market
from candlecast.domain.orders.fleet import SignalFill, backtest_fill
from candlecast.domain.orders.ranks import RECENT_SIGNALS
from candlecast.domain.parity.compare import (
    ENDED_WITH_AN_ANSWER,
    NOT_PUBLISHED,
    Decided,
    Frame,
    cause_of,
    is_decided,
    lacked_candles,
)
from candlecast.domain.parity.parity import A_DAY, Difference, ParityCause, ParityDay, end_of, start_of
from candlecast.domain.signals.candle_signal import candle_signal
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.strategies.parity_share import SHARE_DAYS, ParityShare
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue, NotFound, Reject, RetryLater
from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.listings import ListingStore
from candlecast.ports.parity import FillStore, FrameCode, FrameRun, ParityStore
from candlecast.ports.store import ExecutionStore, StrategyStore, SubscriptionStore
from candlecast.ports.strategies import CodeRun, Evaluation, StrategyCode
from candlecast.ports.venue import Markets

SETTLED = timedelta(minutes=15)  # after a close: by then its run has ended, or the candle is too late for every run
FRAME_LOOKBACKS = 2  # before the day's first candle: a run's own candles, and as many that it must not depend on
MAX_EXAMINED = 10  # differences of a day: each costs two more runs of the code, which take 64 seconds at their worst
FOLLOWERS_READ = 1_000  # to find one who followed all day: one request
FIRST_PLACE, BEHIND_ALL = "0", "g"  # shard positions are hex digits, and no key of the table is empty

CandleReader = Callable[[Series, Span, Span], KnownCandles]
"""The closed candles of a span, asked for anew where they open in a second span: `services.market.read_history.ReadHistory`."""


@dataclass(frozen=True, slots=True)
class CheckParity:
    """Checks one strategy and day; the result is kept and returned."""

    strategies: StrategyStore
    subscriptions: SubscriptionStore
    executions: ExecutionStore
    days: ParityStore
    listings: ListingStore
    fills: FillStore
    markets: Markets
    code: StrategyCode
    frames: FrameCode
    read: CandleReader
    clock: Clock
    metrics: Metrics

    def __call__(self, strategy_id: str, day: date, asked_at: datetime | None = None) -> ParityDay | None:
        """Compare the candles that closed on the day (UTC); None for a source from outside, which decides no candles.

        None too if a comparison has begun since `asked_at`: people may ask many times while their tasks wait. A day that has not
        ended is compared as far as its runs have settled, and may have nothing to compare. Raises `NotFound`, `RetryLater` if
        store, venue or sandbox do not answer.
        """
        definition, now = self.strategies.get_strategy(strategy_id), self.clock.now()
        market, timeframe = definition.market, definition.timeframe
        if market is None or timeframe is None:
            return None
        if asked_at is not None and any(known.checked_at >= asked_at for known in self.days.list_days(strategy_id, day, day)):
            return None
        begin = start_of(day)
        until = max(begin, min(end_of(day), timeframe.floor(now - SETTLED) + timeframe.length))
        runs = list(self.executions.executions_between(strategy_id, begin, until)) if until > begin else []
        absent = self._absent(definition, timeframe, runs, Span(begin, until)) if until > begin else []
        check = _Check(self, definition, timeframe, runs, day)
        found = [*check.differences(now), *(Difference(candle_close=close, cause=ParityCause.CLOCK) for close in absent)]
        result = ParityDay.of(
            strategy_id,
            day,
            found,
            equal=check.equal,
            until=until,
            checked_at=now,
            missing=check.missing,
            refusal=check.refusal,
        )
        self.fills.put_fills(strategy_id, check.fills(self.markets.find(definition.venue, market)))
        self._show(result, now.date())
        self.days.put_day(result)  # last: a retry finds the day compared and does nothing
        self.metrics.count("ParityChecked", result.checked)
        self.metrics.count("ParityDifferences", result.otherwise)
        return result

    def _show(self, result: ParityDay, today: date) -> None:
        """Bring the share on the strategy's card up to date."""
        first = today - A_DAY * (SHARE_DAYS - 1)
        days = [day for day in self.days.list_days(result.strategy_id, first, today) if day.day != result.day]
        if first <= result.day <= today:
            days.append(result)
        self.listings.put_parity(result.strategy_id, ParityShare.of(days))

    def _absent(
        self, definition: StrategyDefinition, timeframe: Timeframe, runs: Sequence[Execution], closes: Span
    ) -> list[datetime]:
        """Closes without a run while somebody followed. Who has left since is not known, so not all of them may be found."""
        followers = islice(self.subscriptions.followers(definition.strategy_id, FIRST_PLACE, BEHIND_ALL), FOLLOWERS_READ)
        followed = closes.until
        for follower in followers:
            followed = min(followed, follower.created_at)
            if followed + SCHEDULE_LEAD <= closes.start:
                break
        known = {run.candle_close for run in runs}
        # the clock announces a close some time before: a follower of between has not been there
        first = max(closes.start, timeframe.next_close(followed + SCHEDULE_LEAD))
        count = max(0, -((first - closes.until) // timeframe.length))
        return [close for close in (first + timeframe.length * number for number in range(count)) if close not in known]


@dataclass(frozen=True, slots=True)
class _Code:
    """The code of a version as it is now; None: the definition's own."""

    version: StrategyVersion | None
    digest: str
    lookback: int


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A run whose decision must be made again to know more; `expected` is that of the frame, None if the frame was refused."""

    run: Execution
    recorded: Decided
    expected: Decided | None

    def difference(self, cause: ParityCause, *, decides_otherwise: bool = True) -> Difference:
        return Difference(
            candle_close=self.run.candle_close,
            cause=cause,
            version=self.run.version,
            recorded=str(self.recorded),
            recomputed=None if self.expected is None else str(self.expected),
            decides_otherwise=decides_otherwise,
        )


class _Check:
    """One day: its frame of candles, and the runs compared version by version."""

    def __init__(
        self,
        uses: CheckParity,
        definition: StrategyDefinition,
        timeframe: Timeframe,
        runs: Sequence[Execution],
        day: date,
    ) -> None:
        self._uses, self._definition, self._timeframe = uses, definition, timeframe
        # the candles that close on the day: the venue may have revised them since somebody has read them
        self._doubted = Span(start_of(day) - timeframe.length, end_of(day) - timeframe.length)
        self._groups = {number: list(group) for number, group in groupby(sorted(runs, key=_version), key=lambda run: run.version)}
        self._codes = {number: self._code(number) for number in self._groups}
        self._told: dict[datetime, Candle] = {}
        for run in sorted(runs, key=lambda run: run.candle_close):
            if run.seen is not None:
                self._told.setdefault(run.seen.newest.open_time, run.seen.newest)
        self._frame: Frame | None = None
        self._to_examine = MAX_EXAMINED
        self.equal = 0
        self.missing = 0
        self.refusal: str | None = None

    def differences(self, now: datetime) -> Iterator[Difference]:
        """Compare all; counts the equal ones in `equal`."""
        if not self._groups:
            return
        frame = self._frame = self._frame_of_day(now)
        self.missing = sum(gap.missing for gap in frame.known.gaps)
        for number, runs in self._groups.items():
            code = self._codes[number]
            if code is None:
                yield from (_unknown(run) for run in runs)
            else:
                yield from self._compared(code, runs, frame)

    def fills(self, market: Market | None) -> list[SignalFill]:
        """The fills of a backtest for the newest signals of the day, as far as the next candle is known."""
        if market is None or self._frame is None:
            return []
        found = list[SignalFill]()
        runs = (run for runs in self._groups.values() for run in runs if run.status is ExecutionStatus.COMPLETED)
        for run in sorted(runs, key=lambda run: run.candle_close, reverse=True)[:RECENT_SIGNALS]:
            following = self._frame.following(run.candle_close)
            fill = None if run.signal is None or following is None else backtest_fill(run.signal, following, market)
            if run.signal is not None and fill is not None:
                found.append(SignalFill(signal_id=run.signal.signal_id, issued_at=run.signal.issued_at, fill=fill))
        return found

    def _code(self, number: int | None) -> _Code | None:
        """The code that a version names; None if there is none any more."""
        definition, code = self._definition, self._uses.code
        try:
            if number is None:
                return _Code(version=None, digest=code.version(definition), lookback=code.lookback(definition))
            version = self._uses.strategies.get_version(definition.strategy_id, number)
            if version.source_hash is None:  # the text of built-in code changes with a deployment
                digest = code.version(replace(definition, parameters=version.parameters))
            else:
                digest = version.digest
            return _Code(version=version, digest=digest, lookback=version.lookback)
        except (Reject, NotFound):
            return None

    def _frame_of_day(self, now: datetime) -> Frame:
        timeframe = self._timeframe
        closes = [run.candle_close for runs in self._groups.values() for run in runs]
        needed = max((code.lookback for code in self._codes.values() if code is not None), default=1)
        seen = [run.seen.first_open for runs in self._groups.values() for run in runs if run.seen is not None]
        first = min(min(closes) - timeframe.length * (FRAME_LOOKBACKS * needed), *seen, min(closes) - timeframe.length)
        # the candles behind the last close show a look-ahead, as far as they have closed
        last = max(closes) + timeframe.length * needed
        series = Series(venue=self._definition.venue, market=self._definition.market or "", timeframe=timeframe)
        try:
            wanted = Span(first, min(last, max(timeframe.floor(now), max(closes))))
            known = self._uses.read(series, wanted, self._doubted)
        except Reject:  # the venue has no such market any more, and the store never had it
            known = KnownCandles(candles=(), gaps=(), revisions=())
        return Frame(timeframe, known)

    # -- one version ---------------------------------------------------------------------------------------------------------

    def _compared(self, code: _Code, runs: Sequence[Execution], frame: Frame) -> Iterator[Difference]:
        expected = self._expected(code, runs, frame)
        doubts: list[_Doubt] = []
        for run in runs:
            found = self._of_record(code, run, frame, expected)
            if isinstance(found, Difference):
                yield found
            elif isinstance(found, _Doubt):
                doubts.append(found)
            else:
                self.equal += 1
        examined, others = doubts[: self._to_examine], doubts[self._to_examine :]
        self._to_examine -= len(examined)
        yield from self._examined(code, examined, frame)
        for doubt in others:
            is_certain = doubt.expected is not None and doubt.recorded.refusal is None
            yield doubt.difference(ParityCause.UNEXAMINED, decides_otherwise=is_certain)

    def _expected(self, code: _Code, runs: Sequence[Execution], frame: Frame) -> dict[datetime, Decided] | None:
        """The decisions of the whole frame by close; None if the code refuses the frame."""
        rows = {run.candle_close: row for run in runs if (row := frame.row_of(run.candle_close)) is not None}
        if not rows:
            return {}
        asked = FrameRun(version=code.version, candles=frame.candles, rows=list(rows.values()))
        (outcome,) = self._uses.frames.decide_frames(self._definition, [asked])
        if isinstance(outcome, RetryLater):
            raise outcome
        if isinstance(outcome, Reject):
            self.refusal = outcome.code
            return None
        return {close: self._decided(evaluation, close) for close, evaluation in zip(rows, outcome, strict=True)}

    def _of_record(
        self, code: _Code, run: Execution, frame: Frame, expected: dict[datetime, Decided] | None
    ) -> Difference | _Doubt | None:
        """The finding of record, candles and frame by themselves; None for a run that is equal."""
        wanted = None if expected is None else expected.get(run.candle_close)
        if not is_decided(run):
            return self._undecided(code, run, frame, wanted)
        if run.strategy_version != code.digest:
            return _unknown(run)
        recorded = Decided.recorded(run)
        changed = frame.changed(run, self._told)
        if changed is not None:
            return Difference(
                candle_close=run.candle_close,
                cause=changed.cause,
                version=run.version,
                recorded=str(recorded),
                recomputed=None if wanted is None else str(wanted),
                decides_otherwise=wanted is not None and recorded.refusal is None and not self._is_same(run, recorded, wanted),
                row=changed.row,
                before=changed.before,
                after=changed.after,
            )
        if wanted is not None and self._is_same(run, recorded, wanted):
            return None
        return _Doubt(run, recorded, wanted)

    def _undecided(self, code: _Code, run: Execution, frame: Frame, wanted: Decided | None) -> Difference | None:
        """The code was not asked, or its run has not ended: for want of candles, or of time."""
        if run.status in ENDED_WITH_AN_ANSWER:
            return _unknown(run)
        window, lacked = frame.window(run.candle_close, code.lookback), lacked_candles(run)
        if lacked and window is None:
            return None  # by the rules of a live run nobody decides there
        appeared = window[-1] if window is not None and run.reason == NOT_PUBLISHED else None
        return Difference(
            candle_close=run.candle_close,
            cause=ParityCause.GAP if lacked else ParityCause.CLOCK,
            version=run.version,
            recorded=_without_decision(run),
            recomputed=None if wanted is None else str(wanted),
            decides_otherwise=wanted is None or wanted.action is not None,
            row=None if appeared is None else appeared.open_time,
            after=appeared,
        )

    def _examined(self, code: _Code, doubts: Sequence[_Doubt], frame: Frame) -> Iterator[Difference]:
        """Decide each again, on its own candles and on all candles up to its close."""
        if not doubts:
            return
        cuts = self._uses.code.evaluate(self._definition, [self._cut(code, doubt, frame) for doubt in doubts])
        prefixes = [frame.prefix(doubt.run.candle_close) for doubt in doubts]
        befores = self._uses.frames.decide_frames(
            self._definition,
            [FrameRun(version=code.version, candles=prefix, rows=[len(prefix) - 1]) for prefix in prefixes],
        )
        for doubt, cut, before in zip(doubts, cuts, befores, strict=True):
            if isinstance(before, Reject | RetryLater):
                found = self._outcome(before, doubt.run.candle_close)
            else:
                found = self._decided(before[0], doubt.run.candle_close)
            cause = self._cause(doubt, self._outcome(cut, doubt.run.candle_close), found)
            if cause is None and doubt.expected is None:
                # no later candle was beside it: code that refuses one candle a day would hide a look-ahead so
                yield doubt.difference(ParityCause.UNEXAMINED, decides_otherwise=False)
            elif cause is None:
                self.equal += 1
            else:
                yield doubt.difference(cause)

    def _cause(self, doubt: _Doubt, cut: Decided, before: Decided) -> ParityCause | None:
        recorded = doubt.recorded
        cut, before = (recorded if self._is_same(doubt.run, recorded, each) else each for each in (cut, before))
        is_alone = recorded.refusal is not None or (doubt.expected is None and before.refusal is not None)
        if cut == recorded and (is_alone or (doubt.expected is None and before == recorded)):
            return None  # a refusal stands for itself, and so does a run where no frame can be decided
        return cause_of(recorded, cut, before)

    def _cut(self, code: _Code, doubt: _Doubt, frame: Frame) -> CodeRun:
        seen = doubt.run.seen
        window = frame.window(doubt.run.candle_close, code.lookback if seen is None else seen.rows)
        return CodeRun(version=code.version, candles=window or ())

    def _outcome(self, outcome: Evaluation | Reject | RetryLater, close: datetime) -> Decided:
        if isinstance(outcome, RetryLater):
            raise outcome
        return Decided(refusal=outcome.code) if isinstance(outcome, Reject) else self._decided(outcome, close)

    def _decided(self, evaluation: Evaluation, close: datetime) -> Decided:
        """The decision by way of the signal that it becomes, as live makes one."""
        try:
            signal = candle_signal(
                evaluation,
                strategy_id=self._definition.strategy_id,
                market=self._definition.market or "",
                candle_close=close,
                issued_at=close,
                correlation_id="",
                strategy_version=None,
            )
        except (Reject, InvalidValue) as error:
            return Decided(refusal=error.code)
        return Decided.of(signal)

    def _is_same(self, run: Execution, recorded: Decided, found: Decided) -> bool:
        """Once a strategy has retired, the record has what was left of an entry."""
        retired_at = self._definition.retired_at
        is_retired = retired_at is not None and (run.finished_at or run.started_at) >= retired_at
        return recorded == found or (is_retired and recorded == found.without_entry())


def _unknown(run: Execution) -> Difference:
    """A run whose code is not there any more, or whose record is older than the memory of code and candles."""
    recorded = _without_decision(run) if run.status not in ENDED_WITH_AN_ANSWER else str(Decided.recorded(run))
    return Difference(
        candle_close=run.candle_close, cause=ParityCause.CODE, version=run.version, recorded=recorded, decides_otherwise=False
    )


def _without_decision(run: Execution) -> str:
    return f"none: {run.reason or run.status}"


def _version(run: Execution) -> tuple[int, datetime]:
    return run.version or 0, run.candle_close
