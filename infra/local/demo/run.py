"""The demo from nothing to a report, and the same set-up for a stack that stays."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from candlecast.domain.values.errors import DomainError
from infra.local import deployment
from infra.local.candle_files import CandleFile, read_candle_file, sample_files
from infra.local.cloud import Cloud
from infra.local.demo import parity
from infra.local.demo.backtests import compare, compared
from infra.local.demo.exchange import Operator
from infra.local.demo.page import traded_by, write_demo_page
from infra.local.demo.people import Person, Platform
from infra.local.demo.replay import DEFAULT_CANDLE_COUNT, HISTORY, Progress, Replay, invoke
from infra.local.demo.report import Ledger, count_dead_letters, is_sound, summarise, work
from infra.local.demo.scenario import DEFAULT_USERS, MAX_USERS, VENUE, Case, PlannedStrategy, plan_strategies, plan_users
from infra.local.emulator.patching import MINISTACK_VERSION
from infra.local.kept_state import FRESH, Kept, note_build
from infra.local.project import BUILD, CommandError

REPORT = BUILD / "demo" / "report.json"
PAGE = REPORT.with_suffix(".html")
REPLAY_LATENESS_SECONDS = str(100 * 365 * 24 * 3600)  # recorded candles closed long ago (decision 0013)
TABLE_SECONDS = 1.0  # how often a line is shown
MINIMUM_WIDTH = 9  # of a column of the table
SHOWN = 10  # differences of a kind; the report has them all


@dataclass(frozen=True, slots=True)
class Options:
    """The caller's choices."""

    candles: tuple[Path, ...] = ()
    users: int = DEFAULT_USERS
    candle_count: int = DEFAULT_CANDLE_COUNT

    def __post_init__(self) -> None:
        if not 1 <= self.users <= MAX_USERS:
            raise CommandError(f"USERS must be between 1 and {MAX_USERS}, not {self.users}", "USAGE", 2)
        if self.candle_count < 1:
            raise CommandError(f"CANDLE_COUNT must be at least 1, not {self.candle_count}", "USAGE", 2)

    @property
    def paths(self) -> tuple[Path, ...]:
        return self.candles or sample_files()


@dataclass(slots=True)
class Scene:
    """A stack with strategies and people in it, ready for candles."""

    cloud: Cloud
    operator: Operator
    strategies: tuple[PlannedStrategy, ...]
    people: tuple[Person, ...]
    files: tuple[CandleFile, ...]
    count: int

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.cloud, self.strategies, self.people)

    def replay(self) -> Replay:
        return Replay(self.cloud, self.operator, self.ledger, self.files, self.count)

    def report(self, candles: int) -> dict[str, Any]:
        """The figures as they are now."""
        records, book = self.ledger.read_when_relayed(), self.operator.book()
        return summarise(records, book, self.people, candles, count_dead_letters(self.cloud))

    def show(self, path: Path) -> dict[str, Any]:
        """Write the page of the trades to `path`, and return the comparison with a backtest of the same candles."""
        records, fills = self.ledger.read_when_relayed(), self.operator.fills()
        comparison = compare(records, fills, self.people, self.count)
        traded = [traded_by(fills, self.people, strategy, self.count) for strategy in self.strategies]
        write_demo_page(traded, len(self.people), comparison, path)
        return comparison

    def parity(self) -> dict[str, Any]:
        """The parity of all executions, by the deployed checker."""
        since, executions = datetime.now(UTC), self.ledger.read().executions
        days = parity.check(self.cloud, parity.days_of(executions), since)
        return parity.figures(days, len(executions))


def read_files(options: Options) -> tuple[CandleFile, ...]:
    """The candle files, checked before anything is started. Raises CommandError with the reader's words."""
    try:
        files = tuple(read_candle_file(path, minimum_rows=options.candle_count + HISTORY) for path in options.paths)
    except DomainError as error:
        raise CommandError(error.message, error.code, 2) from error
    markets = [file.market for file in files]
    if len(set(markets)) != len(markets):
        raise CommandError(f"each file must be of another market, not {', '.join(markets)}", "USAGE", 2)
    return files


def prepare(cloud: Cloud, options: Options, files: Sequence[CandleFile], out: TextIO, *, live: bool = False) -> Scene:
    """Load the markets, create strategies and people; the stack is deployed already.

    The market's clock stands before the first replayed candle, or runs along with real time if `live`.
    """
    operator = Operator(cloud)
    operator.load(files, options.candle_count + HISTORY)
    if live:
        operator.run_clock()
    else:
        operator.set_clock(min(f.candles[-options.candle_count].open_time for f in files))
    invoke(cloud, "MarketCatalogueFunctionName", {"venues": [VENUE]})
    strategies = plan_strategies(files)
    say = _counting(out, "users", options.users)
    with closing(Platform(cloud)) as platform:
        platform.create_strategies(strategies)
        people = platform.settle(plan_users(strategies, options.users), operator, say)
    return Scene(cloud, operator, strategies, people, tuple(files), options.candle_count)


def demo(options: Options, out: TextIO = sys.stdout) -> int:
    """Run the main job and end: 0 if the books agree, nothing was lost or done twice, and live decided as a backtest."""
    files = read_files(options)
    started = time.monotonic()
    with Cloud("demo", say=lambda text: _line(out, text)) as cloud:
        cloud.deploy(SchedulesState="DISABLED", MaxCandleLatenessSeconds=REPLAY_LATENESS_SECONDS)
        scene = prepare(cloud, options, files, out)
        replay = scene.replay()
        replay.run(_table(out))
        replay.settle()
        report = scene.report(replay.progress.messages) | work(cloud.logs(), replay.progress.closings)
        report["backtest"] = scene.show(PAGE)
        report["parity"] = scene.parity()
    report["seconds"] = round(time.monotonic() - started, 1)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _summary(out, report)
    return 0 if is_sound(report) and parity.is_equal(report["parity"]) else 1


def up(cloud: Cloud, options: Options, out: TextIO = sys.stdout) -> None:
    """The same stack, markets and people, with the schedules firing in real time; `cloud` has been started and is empty."""
    files = read_files(options)
    cloud.deploy(SchedulesState="ENABLED")
    scene = prepare(cloud, options, files, out, live=True)
    trader = next((person for person in scene.people if person.plan.case is Case.ORDINARY), scene.people[0])
    kept = Kept(
        emulator=MINISTACK_VERSION,
        ports=cloud.ports,
        build=deployment.build(),
        users=len(scene.people),
        trader=trader.user.email,
        strategy_id=trader.plan.strategy.strategy_id,
    )
    kept.save(cloud)
    _tell(cloud, kept, out)


def resume(cloud: Cloud, kept: Kept, out: TextIO = sys.stdout) -> None:
    """Go on with the state of an earlier run; `cloud` has been started with it. A changed checkout is deployed onto it.

    Raises CommandError (STATE_BROKEN) if the state holds no stack.
    """
    try:
        _ = cloud.outputs
    except CommandError as error:
        raise CommandError(f"the kept state holds no stack: {FRESH}", "STATE_BROKEN") from error
    digest = deployment.build(lambda text: _line(out, text))
    if digest != kept.build:
        _line(out, "the checkout has changed: it is deployed onto what was kept")
        cloud.update()
        note_build(cloud)
    _tell(cloud, kept, out)


def _tell(cloud: Cloud, kept: Kept, out: TextIO) -> None:
    """Where everything answers, and who is one of the people."""
    _line(out, f"API             {cloud.outputs['ApiUrl']}, described at /docs")
    _line(out, f"paper exchange  {cloud.outputs['PaperExchangeUrl']}")
    _line(out, f"AWS             {cloud.endpoint}")
    _line(out, f"trader          {kept.trader}, one of {kept.users}; follows {kept.strategy_id}")
    _line(out, f"token           candlecast local token {kept.trader}")


def _table(out: TextIO) -> Callable[[Progress], None]:
    """A line for every second of the replay."""
    names = ("candles", "market time", "executions", "signals", "order messages", "reconciles", "seconds")
    _line(out, "  ".join(f"{name:>{max(len(name), MINIMUM_WIDTH)}}" for name in names))
    last = 0.0

    def show(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < TABLE_SECONDS and progress.done < progress.steps:
            return
        last = now
        cells = (
            f"{progress.done}/{progress.steps}",
            f"{progress.at:%m-%d %H:%M}" if progress.at else "",
            progress.executions,
            progress.signals,
            progress.orders,
            progress.reconciles,
            f"{now - progress.started:.1f}",
        )
        _line(out, "  ".join(f"{cell:>{max(len(name), MINIMUM_WIDTH)}}" for name, cell in zip(names, cells, strict=True)))

    return show


def _counting(out: TextIO, what: str, total: int) -> Callable[[int], None]:
    def step(number: int) -> None:
        if number % max(1, total // 5) == 0 or number == total:
            _line(out, f"{number}/{total} {what}")

    return step


def _summary(out: TextIO, report: dict[str, Any]) -> None:
    comparison, equality = report["backtest"], report["parity"]
    for name, value in report.items():
        if value is not comparison and value is not equality:
            _line(out, f"{name:<20} {value if not isinstance(value, list) else len(value)}")
    for difference in [*report["differences"][:SHOWN], *comparison["fills_different"][:SHOWN], *equality["differences"][:SHOWN]]:
        _line(out, f"  {difference}")
    for name, path in (("report", REPORT), ("page", PAGE)):
        with suppress(ValueError):
            _line(out, f"{name:<20} {path.relative_to(Path.cwd())}")
    _line(out, compared(comparison))
    _line(out, parity.told(equality))
    _line(out, "sound: both books agree, nothing lost, nothing twice" if is_sound(report) else "NOT SOUND: see the report")


def _line(out: TextIO, text: str) -> None:
    print(f"  {text}", file=out, flush=True)
