"""Recorded candles through the whole product: one execution a candle, every order accounted for, nothing a second time."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.values.reasons import Reason
from infra.local.cloud import Cloud
from infra.local.demo.backtests import is_followed
from infra.local.demo.parity import is_equal
from infra.local.demo.people import Person, Platform
from infra.local.demo.replay import Replay
from infra.local.demo.report import Records, is_sound
from infra.local.demo.run import Options, Scene, prepare, read_files
from infra.local.demo.scenario import Case
from tests.support.demo_pages import sums_of
from tests.support.stage import replay_stack, showing

USERS = 50
FEE_ROUNDING = Decimal("0.00000001")  # of one order: the venue rounds a fee down, a fee that we estimate goes to the nearest
CANDLES = 60  # so many that every strategy of the sample has signals, and stops and targets are reached


class Played:
    """A replay that has ended."""

    def __init__(self, scene: Scene, page: Path, say: Callable[[str], None]) -> None:
        self.scene = scene
        self.replay: Replay = scene.replay()
        self.replay.run(showing(say, 20))
        self.replay.settle()
        self.report = scene.report(self.replay.progress.messages)
        self.records: Records = scene.ledger.read_when_relayed()
        self.comparison = scene.show(page)
        self.parity = scene.parity()
        self.page = page.read_text(encoding="utf-8")

    def person(self, case: Case) -> Person:
        return next(person for person in self.scene.people if person.plan.case is case)

    def orders(self, case: Case) -> list[Intent]:
        tenant = self.person(case).user.sub
        return sorted((order for order in self.records.orders if order.tenant_id == tenant), key=lambda order: order.created_at)


@pytest.fixture(scope="module")
def played(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]) -> Iterator[Played]:
    replay_stack(cloud)
    options = Options(users=USERS, candle_count=CANDLES)
    scene = prepare(cloud, options, read_files(options), StringIO())
    with closing(scene.operator):
        yield Played(scene, tmp_path_factory.mktemp("demo") / "report.html", say)


def test_nothing_is_lost_or_done_twice_and_both_books_agree_order_for_order(played: Played) -> None:
    report = played.report
    assert (report["duplicates"], report["lost"], report["dead_letters"], report["unresolved"]) == (0, 0, 0, 0)
    assert report["differences"] == []
    ended = report["orders_accepted"] + report["orders_rejected"] + report["expired"] + sum(report["denied"].values())
    assert report["intents"] == ended
    assert is_sound(report)
    assert report["subscriptions"] == USERS
    assert report["venue_orders"] == report["orders_accepted"] > USERS
    assert report["trades"] > 0, "no position was ever closed: the replay shows too little"


def test_the_page_has_the_numbers_of_the_report(played: Played) -> None:
    """The page reads the venue's fills, the report our own records."""
    report, sums = played.report, sums_of(played.page, "All in USDT")
    assert sums["Profit before fees"] == report["pnl"]
    assert abs(Decimal(sums["Fees"]) - Decimal(report["fees"])) <= report["orders_accepted"] * FEE_ROUNDING
    assert (int(sums["Closed trades"]), int(sums["Open"])) == (report["trades"], report["open_positions"])


def test_live_equals_its_backtest(played: Played) -> None:
    """The same signals to the byte, and each fill of each ordinary user in its candle, in its size, at its price."""
    comparison, ordinary = played.comparison, [p for p in played.scene.people if p.plan.case is Case.ORDINARY]
    assert (comparison["signals_different"], comparison["fills_different"]) == (0, [])
    assert comparison["worst_slippage_bps"] <= comparison["bound_bps"]
    assert comparison["signals"] == played.report["signals"] > 0
    assert comparison["users"] == len(ordinary)
    subscriptions = {person.subscription_id for person in ordinary}
    filled = [it for it in played.records.orders if it.filled_quantity and it.subscription_id in subscriptions]
    assert comparison["fills"] == len(filled) > USERS
    assert is_followed(comparison)


def test_each_execution_decided_as_a_backtest_does(played: Played) -> None:
    """Computed by the deployed checker, from the candle store."""
    assert played.parity["executions"] == 3 * CANDLES
    assert is_equal(played.parity), played.parity
    assert (played.parity["percent"], played.parity["causes"]) == ("100", {})


def test_a_strategy_runs_once_a_candle_however_many_follow_it(played: Played) -> None:
    runs = Counter((run.strategy_id, run.candle_close) for run in played.records.executions)
    assert set(runs.values()) == {1}
    assert {strategy.file.market for strategy in played.scene.strategies} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    expected = {
        (strategy.strategy_id, candle.close_time(strategy.file.timeframe))
        for strategy in played.scene.strategies
        for candle in strategy.file.candles[-CANDLES:]
    }
    assert len(expected) == 3 * CANDLES
    assert set(runs) == expected


def test_a_user_without_keys_is_skipped_with_the_reason(played: Played) -> None:
    orders = played.orders(Case.WITHOUT_KEY)
    assert orders
    assert {(order.state, order.reason) for order in orders} == {(IntentState.SKIPPED, Reason.NO_CREDENTIALS)}


def test_a_user_without_an_account_is_skipped_with_the_reason(played: Played) -> None:
    orders = played.orders(Case.WITHOUT_ACCOUNT)
    assert orders
    assert {(order.state, order.reason) for order in orders} == {(IntentState.SKIPPED, Reason.NO_ACCOUNT)}


def test_a_paused_user_takes_no_entry(played: Played) -> None:
    orders = played.orders(Case.PAUSED)
    assert (IntentState.SKIPPED, Reason.SUBSCRIPTION_PAUSED) in {(order.state, order.reason) for order in orders}
    assert {order.state for order in orders} == {IntentState.SKIPPED}


def test_a_user_over_a_limit_is_denied_with_value_and_bound(played: Played) -> None:
    denied = [order for order in played.orders(Case.OVER_LIMIT) if order.state is IntentState.DENIED]
    assert denied
    for order in denied:
        assert order.denial is not None
        assert order.denial.reason is Reason.MAX_ORDER_NOTIONAL
        assert order.denial.value is not None
        assert order.denial.bound is not None
        assert order.denial.value > order.denial.bound
    assert not [order for order in played.orders(Case.OVER_LIMIT) if order.filled_quantity]


def test_a_revoked_key_takes_no_entry_and_the_account_says_why(played: Played, cloud: Cloud) -> None:
    """The first order or look finds the key refused, which suspends entries. A look a minute later disables the account."""
    entries = [(order.state, order.reason) for order in played.orders(Case.REVOKED_KEY) if order.state is not IntentState.SKIPPED]
    assert len(entries) > 1, "there was no order after the refused one"
    assert {state for state, _ in entries} <= {IntentState.DENIED, IntentState.PENDING, IntentState.EXPIRED}
    assert {reason for _, reason in entries[1:]} & {Reason.KEYS_REFUSED, Reason.ACCOUNT_DISABLED}
    person = played.person(Case.REVOKED_KEY)
    with closing(Platform(cloud)) as platform:
        shown = platform.as_user(person.user).call("GET", f"/v1/accounts/{person.account_id}")
    suspended = [each["cause"] for each in shown["suspensions"]] == [Reason.KEYS_REFUSED]
    assert suspended or (shown["status"], shown["disabled_reason"]) == (AccountStatus.DISABLED, "AUTHENTICATION_FAILED")


def test_the_same_candles_again_execute_nothing_and_order_nothing(played: Played) -> None:
    """Only the messages are sent again: the market's clock stays, or the venue itself would have something new to do."""
    before, book = played.records, sorted(played.scene.operator.book(), key=lambda order: order.client_order_id)
    again = played.scene.replay()
    for instant in again.closings:
        again.announce(instant)
    again.wait_until_quiet()
    assert again.progress.messages == played.replay.progress.messages
    after = played.scene.ledger.read_when_relayed()
    assert len(after.executions) == len(before.executions)
    assert {(run.strategy_id, run.candle_close, run.worker) for run in after.executions} == {
        (run.strategy_id, run.candle_close, run.worker) for run in before.executions
    }
    assert {signal.signal.signal_id for signal in after.signals} == {signal.signal.signal_id for signal in before.signals}
    assert {order.intent_id: order for order in after.orders} == {order.intent_id: order for order in before.orders}
    assert sorted(played.scene.operator.book(), key=lambda order: order.client_order_id) == book
