"""Backtests in memory: the store, an engine that says what a test wants, and kept results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from candlecast.domain.backtests.backtest import (
    KEY_DAYS,
    MAX_A_DAY,
    MAX_OPEN,
    Backtest,
    BacktestPlan,
    BacktestSummary,
)
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, DomainError, NotFound, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import (
    BacktestOutcome,
    Computation,
    FirstRequest,
    RequestKey,
    ResultFiles,
    ResultLinks,
)
from candlecast.ports.filters import BacktestFilter
from candlecast.ports.store import Page
from tests.support.builders import BTC, NOW, STRATEGY, TENANT, VENUE, settings
from tests.support.fakes.store import listed, page_of

BACKTEST = "20261120T120000000000-1"
LINK_LIFE = timedelta(minutes=5)


def a_plan(**changes: Any) -> BacktestPlan:
    """Two hours of minutes on BTC that end now."""
    values: dict[str, Any] = {
        "strategy_id": STRATEGY,
        "venue": VENUE,
        "market": BTC,
        "timeframe": Timeframe.M1,
        "start": NOW - timedelta(hours=2),
        "until": NOW,
        "settings": settings(),
        "cash": Decimal(10_000),
    }
    return BacktestPlan(**{**values, **changes})


def a_backtest(backtest_id: str = BACKTEST, **changes: Any) -> Backtest:
    """A backtest that waits."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "backtest_id": backtest_id,
        "plan": a_plan(),
        "shows_code": True,
        "asked_at": NOW,
        "correlation_id": "correlation-1",
    }
    return Backtest(**{**values, **changes})


def a_task(**changes: Any) -> BacktestTask:
    values: dict[str, Any] = {"tenant_id": TENANT, "backtest_id": BACKTEST, "correlation_id": "correlation-1"}
    return BacktestTask(**{**values, **changes})


def a_summary(**changes: Any) -> BacktestSummary:
    values: dict[str, Any] = {
        "rows": 120,
        "trades": 7,
        "final_equity": Decimal("10123.45"),
        "fees": Decimal("4.2"),
        "total_return": Decimal("0.012345"),
        "max_drawdown": Decimal("0.02"),
        "sharpe_ratio": Decimal("1.5"),
        "win_rate": Decimal("0.57142857"),
        "buy_and_hold_return": Decimal("-0.01"),
    }
    return BacktestSummary(**{**values, **changes})


class FakeBacktestStore:
    """`backtests` by tenant and id; `unsent` has the keys of those whose tasks nobody has noted as sent.

    `during` is called once, before the next write.
    """

    def __init__(self) -> None:
        self.backtests: dict[tuple[str, str], Backtest] = {}
        self.asked: Counter[tuple[str, date]] = Counter()
        self.keys: dict[tuple[str, str], tuple[Backtest, str]] = {}
        self.unsent: set[tuple[str, str]] = set()
        self.during: Callable[[], object] | None = None
        self.unavailable = False

    def create_backtest(self, backtest: Backtest, key: RequestKey | None = None) -> Backtest:
        self._before_write()
        day = (backtest.tenant_id, backtest.asked_at.date())
        own = (backtest.tenant_id, backtest.backtest_id)
        used = key is not None and self.find_first(backtest.tenant_id, key.key, backtest.asked_at)
        if own in self.backtests or used:
            raise Conflict("ALREADY_EXISTS", "there is a backtest of that id already")
        if self.asked[day] + backtest.plan.tasks > MAX_A_DAY:
            raise Conflict("TOO_MANY_BACKTESTS_TODAY", f"at most {MAX_A_DAY} tasks a day (UTC)")
        still_open = [it for (tenant, _), it in self.backtests.items() if tenant == backtest.tenant_id and it.status.is_open]
        if len(still_open) >= MAX_OPEN:
            raise Conflict("TOO_MANY_BACKTESTS", f"{MAX_OPEN} backtests wait or run already")
        self.asked[day] += backtest.plan.tasks
        stored = self.backtests[own] = replace(backtest, version=1)
        self.unsent.add(own)
        if key is not None:
            self.keys[backtest.tenant_id, key.key] = (stored, key.asked_for)
        return stored

    def find_first(self, tenant_id: str, key: str, now: datetime) -> FirstRequest | None:
        first, asked_for = self.keys.get((tenant_id, key), (None, ""))
        if first is None or now >= first.asked_at + timedelta(days=KEY_DAYS):
            return None
        return FirstRequest(backtest=self.find_backtest(tenant_id, first.backtest_id), asked_for=asked_for)

    def note_sent(self, backtest: Backtest) -> None:
        self._before_write()
        self.unsent.discard((backtest.tenant_id, backtest.backtest_id))

    def list_unsent(self, before: datetime, limit: int) -> Sequence[Backtest]:
        found = [self.backtests[own] for own in self.unsent if self.backtests[own].asked_at < before]
        return sorted(found, key=lambda it: it.asked_at)[:limit]

    def find_backtest(self, tenant_id: str, backtest_id: str) -> Backtest:
        try:
            return self.backtests[tenant_id, backtest_id]
        except KeyError:
            raise NotFound("no such backtest") from None

    def save_backtest(self, backtest: Backtest) -> Backtest:
        self._before_write()
        own = (backtest.tenant_id, backtest.backtest_id)
        known = self.backtests.get(own)
        if known is None or known.version != backtest.version:
            raise Conflict("VERSION_CONFLICT", "the backtest has changed since it was read")
        stored = self.backtests[own] = replace(backtest, version=backtest.version + 1)
        if stored.plan.tasks == 1 or not stored.status.is_open:
            self.unsent.discard(own)
        return stored

    def list_backtests(self, tenant_id: str, where: BacktestFilter, cursor: str | None = None, limit: int = 50) -> Page[Backtest]:
        placed = (((it.asked_at, it.backtest_id), it) for it in self.backtests.values() if it.tenant_id == tenant_id)
        return page_of(f"{tenant_id} BACKTESTS", listed(placed, where), cursor, limit)

    def _before_write(self) -> None:
        if self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
        if self.during is not None:
            during, self.during = self.during, None
            during()


@dataclass
class FakeEngine:
    """An engine that says every row to `watch`, and then `outcome` or `error`; `during` is called before each row."""

    error: DomainError | None = None
    during: Callable[[int], None] | None = None
    seen: list[Computation] = field(default_factory=list)
    lookback_rows: int = 60
    return_since_made: Decimal | None = None

    def lookback(self, strategy: StrategyDefinition, version: StrategyVersion | None) -> int:
        return self.lookback_rows if version is None else version.lookback

    def compute(self, computation: Computation, watch: Callable[[int], None]) -> BacktestOutcome:
        self.seen.append(computation)
        for row in range(computation.backtest.plan.rows):
            if self.during is not None:
                self.during(row)
            watch(row)
        if self.error is not None:
            raise self.error
        return BacktestOutcome(
            summary=a_summary(),
            code_version="c0de",
            files=ResultFiles(document=b"{}", page=b"<p>", trades=b"side"),
            return_since_made=self.return_since_made,
        )


@dataclass
class FakeSweepEngine:
    """Each part is its number as text; `during` is called before each word of a part, `merging` before the judgement."""

    error: DomainError | None = None
    during: Callable[[int], None] | None = None
    merging: Callable[[], None] | None = None
    tried: list[int] = field(default_factory=list)
    merged: list[list[str]] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)

    def try_part(self, computation: Computation, part: int, watch: Callable[[], None]) -> str:
        sweep = computation.backtest.plan.sweep
        assert sweep is not None
        self.tried.append(part)
        self.rows.add(len(computation.candles))
        for _ in sweep.trials_of(part):
            if self.during is not None:
                self.during(part)
            watch()
        if self.error is not None:
            raise self.error
        return str(part)

    def merge(self, computation: Computation, parts: Sequence[str], watch: Callable[[], None]) -> BacktestOutcome:
        self.merged.append(list(parts))
        self.rows.add(len(computation.candles))
        if self.merging is not None:
            self.merging()
        watch()
        return BacktestOutcome(
            summary=a_summary(), code_version="c0de", files=ResultFiles(document=b"{}", page=b"<p>", trades=b"side")
        )


@dataclass
class FakeResults:
    """Files by tenant and id, and parts of sweeps by their number as well."""

    kept: dict[tuple[str, str], ResultFiles] = field(default_factory=dict)
    kept_parts: dict[tuple[str, str, int], str] = field(default_factory=dict)
    error: DomainError | None = None

    def keep(self, backtest: Backtest, files: ResultFiles) -> None:
        if self.error is not None:
            raise self.error
        self.kept[backtest.tenant_id, backtest.backtest_id] = files

    def keep_part(self, backtest: Backtest, part: int, outcome: str) -> None:
        if self.error is not None:
            raise self.error
        self.kept_parts[backtest.tenant_id, backtest.backtest_id, part] = outcome

    def parts(self, backtest: Backtest) -> list[str]:
        return [self.kept_parts[backtest.tenant_id, backtest.backtest_id, part] for part in range(backtest.plan.tasks)]

    def links(self, backtest: Backtest, now: datetime) -> ResultLinks:
        place = f"https://results.example/{backtest.tenant_id}/{backtest.backtest_id}"
        return ResultLinks(
            document=f"{place}/result.json", page=f"{place}/report.html", trades=f"{place}/trades.csv", expires_at=now + LINK_LIFE
        )
