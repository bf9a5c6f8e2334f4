"""The golden items of backtests, and the message that asks for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from candlecast.adapters.dynamodb.backtests import CountRow, DynamoBacktestStore
from candlecast.adapters.sqs.queues import SqsBacktestQueue
from candlecast.domain.backtests.backtest import Backtest, BacktestPlan, BacktestStatus, BacktestSummary
from candlecast.domain.backtests.sweep import RandomSearch, SweepPlan, WalkForwardPlan
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import FirstRequest, RequestKey
from tests.golden import values
from tests.golden.cases import Case, World, message_case, stored
from tests.golden.times import NOW, at
from tests.golden.values import STRATEGY, TENANT, VENUE

BACKTEST = "20261120T120000000000-golden"


def _asked() -> Backtest:
    plan = BacktestPlan(
        strategy_id=STRATEGY,
        venue=VENUE,
        market="BTC/USDT:USDT",
        timeframe=Timeframe.H1,
        start=Timeframe.H1.floor(NOW) - timedelta(days=30),
        until=Timeframe.H1.floor(NOW),
        settings=Settings(capital=Decimal(2_500)),
        cash=Decimal("5000.5"),
    )
    return Backtest(
        tenant_id=TENANT,
        backtest_id=BACKTEST,
        plan=plan,
        shows_code=False,
        asked_at=NOW,
        correlation_id=values.CORRELATION,
        version=1,
    )


def _running() -> Backtest:
    asked = _asked()
    plan = replace(asked.plan, version=3, taker_fee=Decimal("0.0005"), maker_fee=Decimal("0.0002"), slippage_bps=Decimal("1.5"))
    return replace(
        asked,
        plan=plan,
        shows_code=True,
        status=BacktestStatus.RUNNING,
        rows_done=480,
        tries=2,
        worker="golden-worker",
        started_at=at(5),
        lease_expires_at=at(965),
        version=2,
    )


def _done() -> Backtest:
    summary = BacktestSummary(
        rows=719,
        trades=12,
        final_equity=Decimal("5123.45678901"),
        fees=Decimal("6.5"),
        total_return=Decimal("0.02458890"),
        max_drawdown=Decimal("0.031"),
        sharpe_ratio=Decimal("1.25"),
        win_rate=None,
        buy_and_hold_return=Decimal("-0.004"),
        denials={"STOP_MISSING": 3},
        is_ruined=True,
    )
    return replace(
        _asked(),
        status=BacktestStatus.DONE,
        rows_done=720,
        tries=1,
        started_at=at(5),
        ended_at=at(65),
        code_version="0123456789abcdef",
        summary=summary,
        version=2,
    )


def _swept() -> Backtest:
    asked = _asked()
    sweep = SweepPlan(
        axes={"fast_period": (5, 8, 13), "stop_atr": (2.5, 3.0), "is_bold": (True,), "mode": ("calm", "wild")},
        metric="calmar_ratio",
        trials_of_a_part=5,
    )
    return replace(
        asked,
        plan=replace(asked.plan, sweep=sweep),
        shows_code=True,
        status=BacktestStatus.RUNNING,
        tries=1,
        started_at=at(5),
        parts_done=(0, 2),
        version=2,
    )


def _walking() -> Backtest:
    swept = _swept()
    assert swept.plan.sweep is not None
    windows = WalkForwardPlan(train_hours=240, test_hours=48, anchored=True)
    return replace(swept, plan=replace(swept.plan, sweep=replace(swept.plan.sweep, walk_forward=windows)))


def _drawn() -> Backtest:
    swept = _swept()
    assert swept.plan.sweep is not None
    sweep = replace(swept.plan.sweep, random=RandomSearch(count=11, seed=7))
    return replace(swept, plan=replace(swept.plan, sweep=sweep))


def _failed() -> Backtest:
    return replace(
        _asked(),
        shows_code=True,
        status=BacktestStatus.FAILED,
        tries=1,
        started_at=at(5),
        ended_at=at(6),
        error_code="STRATEGY_FAILED",
        error_message="line 3: NameError: name 'fats' is not defined",
        version=2,
    )


def _task() -> BacktestTask:
    return BacktestTask(tenant_id=TENANT, backtest_id=BACKTEST, correlation_id=values.CORRELATION)


def _part() -> BacktestTask:
    return replace(_task(), part=3)


def _card_task() -> BacktestTask:
    return replace(_task(), card_of="golden-strategy")


def _store(world: World) -> DynamoBacktestStore:
    return DynamoBacktestStore(world.table)


def _find(world: World) -> Backtest:
    return _store(world).find_backtest(TENANT, BACKTEST)


def _saved(name: str, value: Callable[[], Backtest]) -> Case:
    return stored(
        "backtest",
        name,
        value,
        lambda world: _store(world).save_backtest(replace(value(), version=1)),
        _find,
        prepare=lambda world: _store(world).create_backtest(replace(_asked(), version=0)),
        of="BACKTEST#",
    )


def _count(place: str) -> Callable[[World], int]:
    return lambda world: int(world.table.rows(CountRow).get(f"BACKTESTS#{TENANT}", place).backtests)


def _create(world: World) -> None:
    _store(world).create_backtest(replace(_asked(), version=0))


_KEY = RequestKey(key="golden key", asked_for="0123456789abcdef0123456789abcdef")
_FIRST = FirstRequest(backtest=_asked(), asked_for=_KEY.asked_for)


def _create_with_key(world: World) -> None:
    _store(world).create_backtest(replace(_asked(), version=0), _KEY)


def _find_first(world: World) -> FirstRequest | None:
    _create(world)
    return _store(world).find_first(TENANT, _KEY.key, NOW)


BACKTESTS: tuple[Case, ...] = (
    stored("backtest", "asked", _asked, _create, _find, of="BACKTEST#"),
    _saved("running", _running),
    _saved("done", _done),
    _saved("failed", _failed),
    _saved("swept", _swept),
    _saved("walking", _walking),
    _saved("drawn", _drawn),
    stored("backtest", "open", lambda: 1, _create, _count("OPEN"), of="OPEN"),
    stored("backtest_key", "used", lambda: _FIRST, _create_with_key, _find_first, of="KEY#"),
    stored("backtest", "of-a-day", lambda: 1, _create, _count("DAY#2026-11-20"), of="DAY#"),
    message_case(
        "message_backtest_task", "full", _task, lambda world, sqs: SqsBacktestQueue(sqs, "backtest").send_backtests([_task()])
    ),
    message_case(
        "message_backtest_task", "part", _part, lambda world, sqs: SqsBacktestQueue(sqs, "backtest").send_backtests([_part()])
    ),
    message_case(
        "message_backtest_task",
        "card",
        _card_task,
        lambda world, sqs: SqsBacktestQueue(sqs, "backtest").send_backtests([_card_task()]),
    ),
)
