"""A synthetic run on fakes: every hop is seen, a broken hop is named within its bound, and nothing stays open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.market.market import Market
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.synthetic.hops import Hop, HopFailed, PassedHop
from candlecast_cli.synthetic.run import TURN
from candlecast_cli.synthetic.tenant import STRATEGY, TENANT
from tests.support.builders import BTC, NOW, a_market, a_subscription
from tests.support.fakes.venue import Fault
from tests.support.synthetic_stack import PAPER_KEY, SyntheticStack

SOUND = [
    Hop.TENANT,
    Hop.KEYS,
    Hop.ENTRY_WEBHOOK,
    Hop.ENTRY_SIGNAL,
    Hop.ENTRY_FAN_OUT,
    Hop.ENTRY_ORDER,
    Hop.FILL,
    Hop.POSITION,
    Hop.ENTRY_HISTORY,
    Hop.EXIT_WEBHOOK,
    Hop.EXIT_SIGNAL,
    Hop.EXIT_FAN_OUT,
    Hop.EXIT_ORDER,
    Hop.FLAT,
    Hop.EXIT_HISTORY,
]


@pytest.fixture
def stack() -> SyntheticStack:
    return SyntheticStack()


def account(stack: SyntheticStack) -> Account:
    (found,) = stack.accounts.list_accounts(TENANT)
    return found


def is_flat(stack: SyntheticStack) -> bool:
    it = account(stack)
    return not (it.positions or it.intents or stack.paper.held() or stack.paper.open_orders())


def failed(stack: SyntheticStack, *, expect_paused: bool = False) -> HopFailed:
    run = stack.run()
    with pytest.raises(HopFailed) as caught:
        run(expect_paused=expect_paused)
    return caught.value


def test_a_run_sees_every_hop_in_turn_and_leaves_nothing(stack: SyntheticStack) -> None:
    run = stack.run()
    run(expect_paused=False)
    assert [it.hop for it in run.watch.passed] == SOUND
    assert all(it.milliseconds >= 0 for it in run.watch.passed)
    assert run.watch.passed[-1].since_start_milliseconds == sum(it.milliseconds for it in run.watch.passed)
    assert run.traded.left_nothing
    assert is_flat(stack)
    assert len(stack.paper.exchange.books[PAPER_KEY].trades) == 2, "one entry, one exit"


def test_the_tenant_remains_and_its_keys_do_not(stack: SyntheticStack) -> None:
    stack.run()(expect_paused=False)
    first = account(stack)
    assert (first.status, first.credential_version) == (AccountStatus.NO_CREDENTIALS, None)
    stack.clock.advance(3_600)
    stack.run()(expect_paused=False)
    assert account(stack).account_id == first.account_id
    assert len(stack.subscriptions.list_subscriptions(TENANT)) == 1
    assert stack.strategies.get_strategy(STRATEGY).subscriber_count == 1
    assert len(stack.database.trades) == 2


def test_nobody_sees_the_strategy_of_the_synthetic_tenant(stack: SyntheticStack) -> None:
    stack.run()(expect_paused=False)
    assert stack.strategies.list_strategies().items == []


@pytest.mark.parametrize(
    ("function", "hop"),
    [
        ("signal_intake", Hop.ENTRY_WEBHOOK),
        ("signal_fanout", Hop.ENTRY_FAN_OUT),
        ("order_executor", Hop.ENTRY_ORDER),
        ("key_vetting", Hop.KEYS),
        ("order_reconciler", Hop.KEYS),
        ("outbox_relay", Hop.ENTRY_HISTORY),
    ],
)
def test_a_function_that_stands_still_fails_its_own_hop_within_the_bound(stack: SyntheticStack, function: str, hop: Hop) -> None:
    stack.working.remove(function)
    failure = failed(stack)
    assert (failure.hop, failure.code) == (hop, "TIMED_OUT")
    bound = 120 if hop is Hop.KEYS else 60
    assert (stack.clock.now() - NOW).total_seconds() < bound + 30 + 10, "a hop, the clean-up, and what came before"
    assert stack.turns.held[TENANT][1] <= stack.clock.now(), "the next run may begin"


def test_what_a_failed_run_has_opened_is_closed_by_itself(stack: SyntheticStack) -> None:
    stack.working.remove("outbox_relay")
    run = stack.run()
    with pytest.raises(HopFailed):
        run(expect_paused=False)
    assert run.traded.left_nothing
    assert is_flat(stack)
    assert account(stack).credential_version is None


def test_an_order_that_waits_in_its_queue_keeps_its_keys_and_is_closed_by_the_exit_behind_it(stack: SyntheticStack) -> None:
    """The entry is still fresh when the executor works again."""
    stack.working.remove("order_executor")
    run = stack.run()
    with pytest.raises(HopFailed):
        run(expect_paused=False)
    assert run.traded.left_nothing is False
    assert account(stack).credential_version is not None
    assert [it.signal.action for it in stack.orders.sent] == ["LONG", "EXIT"]
    stack.working.add("order_executor")
    stack.sleep(1)
    assert is_flat(stack)
    stack.run()(expect_paused=False)


def test_an_exit_is_sent_even_if_the_account_cannot_be_read_any_more(
    stack: SyntheticStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the caller's session ends in the middle of a run."""

    def refuse(*_: object) -> Account:
        raise ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "no"}}, "GetItem")

    run = stack.run()
    run.watch.tell = lambda passed: (
        monkeypatch.setattr(stack.accounts, "load", refuse) if passed.hop is Hop.ENTRY_FAN_OUT else None
    )
    with pytest.raises(ClientError):
        run(expect_paused=False)
    assert run.traded.left_nothing is False
    assert [it.signal.action for it in stack.database.signals.values()] == ["LONG", "EXIT"]


def test_ctrl_c_leaves_nothing_open(stack: SyntheticStack) -> None:
    run = stack.run()

    def interrupt(passed: PassedHop) -> None:
        if passed.hop is Hop.POSITION:
            raise KeyboardInterrupt

    run.watch.tell = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(expect_paused=False)
    assert run.traded.left_nothing
    assert is_flat(stack)
    assert account(stack).credential_version is None


class Killed(BaseException):
    """The end of a process, which nothing catches."""


@dataclass(slots=True)
class DyingWebhook:
    """A webhook of a process that dies at its next message but `lives`."""

    stack: SyntheticStack
    lives: int = 1

    def send(self, source_id: str, secret: str, body: Mapping[str, object]) -> str:
        self.lives -= 1
        if self.lives < 0:
            raise Killed
        return self.stack.send(source_id, secret, body)


def test_a_position_that_a_dead_run_has_left_is_closed_first(stack: SyntheticStack) -> None:
    dying = stack.run()
    dying.ports = dataclasses.replace(dying.ports, webhook=DyingWebhook(stack))
    with pytest.raises(Killed):
        dying(expect_paused=False)
    assert not is_flat(stack)
    assert account(stack).credential_version is not None
    run = stack.run()
    run(expect_paused=False)
    assert [it.hop for it in run.watch.passed][:4] == [Hop.TENANT, Hop.KEYS, Hop.LEFT_OVER, Hop.ENTRY_WEBHOOK]
    assert is_flat(stack)


def test_a_run_waits_for_the_turn_of_another_and_no_longer_than_a_dead_run_has_it(stack: SyntheticStack) -> None:
    stack.turns.take(TENANT, "another-run", NOW, NOW + TURN)
    stack.run()(expect_paused=False)
    assert stack.clock.now() >= NOW + TURN


def test_a_run_that_gets_no_turn_could_not_run(stack: SyntheticStack) -> None:
    stack.turns.take(TENANT, "another-run", NOW, NOW + 3 * TURN)
    assert could_not_run(stack) == "RUN_UNDER_WAY"
    assert stack.exchange.requests == []


def could_not_run(stack: SyntheticStack) -> str:
    with pytest.raises(CommandFailed) as caught:
        stack.run()(expect_paused=False)
    assert caught.value.exit_code is ExitCode.MISSING
    return caught.value.code


def test_a_paused_platform_denies_the_entry_as_expected_and_nothing_is_opened(stack: SyntheticStack) -> None:
    stack.gate.flip(Grade.PAUSE_ENTRIES)
    run = stack.run()
    run(expect_paused=True)
    assert [it.hop for it in run.watch.passed] == [*SOUND[:6], Hop.DENIAL]
    assert run.traded.left_nothing
    assert stack.exchange.books[PAPER_KEY].trades == []


def test_the_pause_of_a_deployment_denies_the_entry_as_expected(stack: SyntheticStack) -> None:
    stack.gate.pause = DeploymentPause(deployment_id="a1b2c3", paused_by="cli:me", paused_at=NOW)
    run = stack.run()
    run(expect_paused=True)
    assert run.watch.passed[-1].hop is Hop.DENIAL
    assert could_not_run(stack) == "ENTRIES_STOPPED"


def test_a_vault_that_still_deletes_the_keys_of_the_run_before_is_waited_for(
    stack: SyntheticStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tried = stack.vault.write, []

    def deleting(*values: str) -> str:
        tried.append(stack.clock.now())
        if len(tried) <= 10:
            raise RetryLater("VAULT_UNAVAILABLE", "InvalidRequestException", after_seconds=5)
        return write(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(stack.vault, "write", deleting)
    stack.run()(expect_paused=False)
    assert tried[-1] - tried[0] == timedelta(seconds=50), "asked again after the pause that the vault wants"


def test_an_entry_that_goes_through_a_pause_is_a_failure_and_is_closed(stack: SyntheticStack) -> None:
    failure = failed(stack, expect_paused=True)
    assert (failure.hop, failure.code) == (Hop.DENIAL, "NOT_DENIED")
    assert is_flat(stack)


def test_a_switch_that_nobody_expects_is_no_failure_of_the_stack(stack: SyntheticStack) -> None:
    stack.gate.flip(Grade.PAUSE_ENTRIES)
    assert could_not_run(stack) == "ENTRIES_STOPPED"
    assert is_flat(stack)


@pytest.mark.parametrize("expect_paused", [False, True])
def test_a_restore_that_is_not_over_is_no_failure_of_the_stack(stack: SyntheticStack, expect_paused: bool) -> None:
    stack.run()(expect_paused=False)
    held = account(stack)
    stack.database.accounts[TENANT, held.account_id] = replace(held, entries_from=stack.clock.now() + timedelta(hours=1))
    with pytest.raises(CommandFailed, match="candlecast restore status") as refused:
        stack.run()(expect_paused=expect_paused)
    assert (refused.value.code, refused.value.exit_code) == ("ENTRIES_STOPPED", ExitCode.MISSING)


def test_a_denial_by_a_limit_is_told_with_its_reason(stack: SyntheticStack) -> None:
    stack.exchange.script(Fault.REJECT)
    failure = failed(stack)
    assert (failure.hop, failure.code) == (Hop.FILL, "INSUFFICIENT_FUNDS")
    assert is_flat(stack)


def test_a_signal_that_the_firewall_stops_names_the_fan_out(stack: SyntheticStack) -> None:
    stack.exchange.marks[BTC] = Decimal(100)
    stack.quoted = Decimal(50)
    failure = failed(stack)
    assert (failure.hop, failure.code) == (Hop.ENTRY_FAN_OUT, "QUARANTINED")


def test_an_empty_exchange_gets_a_market_of_the_runs_own(stack: SyntheticStack) -> None:
    stack.catalogue.markets = ()
    stack.paper.symbols_of.clear()
    run = stack.run()
    run(expect_paused=False)
    assert run.traded.market == "SYNTH/USDT:USDT"
    assert stack.refreshed == 1


@pytest.mark.parametrize("market", [a_market(min_notional=Decimal(2_000)), a_market(quote="BTC"), a_market(delists_at=NOW)])
def test_a_market_that_no_run_can_trade_is_none(stack: SyntheticStack, market: Market) -> None:
    stack.catalogue.markets = (market,)
    assert could_not_run(stack) == "NO_MARKET"


def refusal(stack: SyntheticStack) -> str:
    """The code with which a run ends."""
    try:
        stack.run()(expect_paused=False)
    except (CommandFailed, HopFailed) as error:
        return error.code
    raise AssertionError("the run was not refused")


def move_account(stack: SyntheticStack) -> None:
    held = account(stack)
    stack.database.accounts[TENANT, held.account_id] = replace(held, venue="binanceusdm")


def move_strategy(stack: SyntheticStack) -> None:
    stack.database.strategies[STRATEGY] = replace(stack.database.strategies[STRATEGY], venue="binanceusdm")


def open_strategy_to_everybody(stack: SyntheticStack) -> None:
    stack.database.strategies[STRATEGY] = replace(stack.database.strategies[STRATEGY], reserved_for=None)


@pytest.mark.parametrize(
    ("change", "code"),
    [(move_account, "IDEMPOTENCY_KEY_REUSED"), (move_strategy, "NOT_ON_PAPER"), (open_strategy_to_everybody, "NOT_ON_PAPER")],
)
def test_a_run_refuses_to_send_where_anything_is_not_on_paper(
    stack: SyntheticStack, change: Callable[[SyntheticStack], None], code: str
) -> None:
    stack.run()(expect_paused=False)
    change(stack)
    before = len(stack.exchange.requests)
    assert refusal(stack) == code
    assert len(stack.exchange.requests) == before


@pytest.mark.parametrize("change", [move_account, move_strategy, open_strategy_to_everybody])
def test_a_change_while_the_keys_are_vetted_stops_the_run_before_its_signal(
    stack: SyntheticStack, change: Callable[[SyntheticStack], None]
) -> None:
    stack.run()(expect_paused=False)
    signals, work = len(stack.database.signals), stack.work

    def changing() -> None:
        work()
        if account(stack).credential_version is not None:
            change(stack)

    stack.work = changing  # type: ignore[method-assign]
    assert refusal(stack) == "NOT_ON_PAPER"
    assert len(stack.database.signals) == signals


def test_a_run_refuses_to_send_to_anybody_elses_subscription(stack: SyntheticStack) -> None:
    stack.run()(expect_paused=False)
    stack.subscriptions.write(a_subscription(strategy_id=STRATEGY, account_id=None), None, follower_change=1)
    trades = len(stack.exchange.books[PAPER_KEY].trades)
    assert could_not_run(stack) == "NOT_ON_PAPER"
    assert len(stack.exchange.books[PAPER_KEY].trades) == trades


def test_a_secret_that_the_vault_has_lost_is_made_anew(stack: SyntheticStack) -> None:
    stack.run()(expect_paused=False)
    stack.vault._sources.clear()
    stack.clock.advance(10)
    stack.run()(expect_paused=False)


def test_a_source_that_somebody_has_disabled_names_the_webhook(stack: SyntheticStack) -> None:
    stack.run()(expect_paused=False)
    source = stack.strategies.get_source(STRATEGY)
    stack.strategies.save_source(replace(source, enabled=False))
    failure = failed(stack)
    assert (failure.hop, failure.code) == (Hop.ENTRY_WEBHOOK, "UNAUTHENTICATED")
