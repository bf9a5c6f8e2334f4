"""Bounds of a source, refusals of its senders, and the cost of a stranger's message."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.definition import SECRET_OVERLAP, SourceSettings
from candlecast.domain.values.errors import RetryLater
from candlecast.services.signals.find_source import KNOWN_FOR, MAX_KNOWN, MAX_LOOKUPS, MAX_UNKNOWN, UNKNOWN_FOR
from candlecast.services.signals.receive_signal import EXITS_PER_MINUTE, MERGE_WINDOW
from candlecast.signals.authentication import sign
from candlecast.signals.refusal import Refusal
from tests.support.builders import BTC, ETH, NOW, SOURCE, a_source
from tests.support.intake import SECRET, Intake

EXIT: dict[str, Any] = {"ticker": "BTCUSDT", "action": "exit"}
ADDRESS = "52.89.214.238"


def buy(number: int = 0) -> dict[str, Any]:
    return {"ticker": "BTCUSDT", "action": "buy", "price": "42000", "signal_id": f"entry-{number}"}


def leave(number: int, ticker: str = "BTCUSDT", action: str = "EXIT") -> dict[str, Any]:
    return {"market": ticker, "action": action, "signal_id": f"exit-{number}"}


def change(intake: Intake, *, enabled: bool = True, **settings: Any) -> None:
    source = intake.strategies.get_source(SOURCE)
    intake.strategies.save_source(replace(source, enabled=enabled, settings=SourceSettings(**settings)))


def spend_exits(intake: Intake) -> None:
    for number in range(EXITS_PER_MINUTE):
        intake.post(leave(number))


@pytest.fixture
def intake() -> Intake:
    return Intake()


# -- rates ------------------------------------------------------------------------------------------------------------------


def test_by_default_a_source_sends_60_entries_a_minute_and_500_an_hour(intake: Intake) -> None:
    taken = 0
    for minute in range(10):
        for number in range(61):
            try:
                taken += not intake.post(buy(minute * 100 + number)).duplicate
            except Exception as refusal:
                assert getattr(refusal, "refusal", None) is Refusal.RATE_EXCEEDED
        assert taken == min(60 * (minute + 1), 500)
        intake.clock.advance(60)
    intake.clock.advance(60 * 60)
    intake.post(buy(9_999))


def test_a_source_has_rates_of_its_own_and_another_source_s_are_untouched(intake: Intake) -> None:
    change(intake, messages_per_minute=2)
    intake.vault.write_source("source-2", SECRET, "secret-version-1")
    intake.strategies.save_source(a_source("source-2"))
    intake.post(buy(1))
    intake.post(buy(2))
    assert intake.refusal(buy(3)).refusal is Refusal.RATE_EXCEEDED
    intake.post(buy(3), source="source-2")


def test_an_exit_is_taken_whatever_the_entries_of_its_source_have_spent(intake: Intake) -> None:
    change(intake, messages_per_minute=1, messages_per_hour=1, max_daily_notional=Decimal(1))
    intake.post(buy(1))
    intake.use.add_notional(SOURCE, "order-1", "account-1", Decimal(10), intake.clock.now())
    assert intake.refusal(buy(2)).refusal is Refusal.RATE_EXCEEDED
    assert not intake.post(EXIT).merged


def test_a_message_costs_one_write_of_a_counter_and_a_refused_or_unproven_one_none(intake: Intake) -> None:
    intake.post(buy(1))
    intake.post(EXIT)
    assert intake.use.writes == 2
    for body, request in (
        (buy(2), {"secret": "wrong"}),
        (buy(3), {"source": "unknown"}),
        (buy(4) | {"price": "x"}, {}),
        (b"{", {}),
        (buy(5) | {"ticker": "NOSUCHCOIN"}, {}),
    ):
        intake.refusal(body, **request)
    assert intake.use.writes == 2


# -- exits beyond their bound -------------------------------------------------------------------------------------------------


def test_an_entry_and_then_a_flood_of_exits_ends_with_an_exit_that_is_newer_than_the_entry(intake: Intake) -> None:
    spend_exits(intake)
    intake.post(buy())
    receipts = [intake.post(leave(number)) for number in range(10_000, 10_100)]
    assert {receipt.merged for receipt in receipts} == {True}
    assert len({receipt.signal_id for receipt in receipts}) == 1
    *_, entry, last = intake.published
    assert (entry.action, last.action, last.market) == (Action.LONG, Action.EXIT, BTC)
    assert last.issued_at > entry.issued_at
    assert intake.queue.delays[-1] == (last.issued_at - intake.clock.now()).total_seconds() <= MERGE_WINDOW.total_seconds()
    assert intake.metrics.counts["ExitsMerged"] == 100


def test_exits_are_merged_by_market_and_action_so_that_none_is_lost(intake: Intake) -> None:
    spend_exits(intake)
    before = len(intake.published)
    for number in range(10_000, 10_030):
        for ticker in ("BTCUSDT", "ETHUSDT"):
            for action in ("EXIT", "EXIT_LONG", "EXIT_SHORT"):
                assert intake.post(leave(number, ticker, action)).merged
    merged = [(signal.market, signal.action) for signal in intake.published[before:]]
    assert sorted(merged) == sorted(
        (market, action) for market in (BTC, ETH) for action in (Action.EXIT, Action.EXIT_LONG, Action.EXIT_SHORT)
    )


def test_exits_of_the_next_window_are_a_signal_of_their_own_and_of_the_next_minute_signals_again(intake: Intake) -> None:
    spend_exits(intake)
    first = intake.post(leave(10_000))
    intake.clock.advance(MERGE_WINDOW.total_seconds())
    second = intake.post(leave(10_001))
    assert first.signal_id != second.signal_id
    intake.clock.advance(60)
    after = intake.post(leave(10_002))
    assert (after.merged, after.duplicate) == (False, False)


def test_a_merged_exit_that_could_not_be_queued_is_told_and_the_next_one_queues_it(intake: Intake) -> None:
    spend_exits(intake)
    before = len(intake.published)
    intake.queue.fail_next()
    with pytest.raises(RetryLater):
        intake.post(leave(10_000))
    assert intake.post(leave(10_001)).merged
    assert len(intake.published) == before + 1


# -- notional -----------------------------------------------------------------------------------------------------------------


def test_a_source_whose_entries_have_filled_the_day_s_notional_enters_nothing_until_tomorrow(intake: Intake) -> None:
    change(intake, max_daily_notional=Decimal(1_000))
    intake.use.add_notional(SOURCE, "order-1", "account-1", Decimal(999), intake.clock.now())
    intake.post(buy(1))
    for _ in range(2):
        intake.use.add_notional(SOURCE, "order-2", "account-1", Decimal(1), intake.clock.now())
    assert intake.use.notional_of(SOURCE, intake.clock.now().date()) == Decimal(1_000)
    assert intake.refusal(buy(2)).refusal is Refusal.DAILY_NOTIONAL_REACHED
    intake.clock.advance(24 * 60 * 60)
    intake.post(buy(2))


def test_one_signal_s_notional_is_shared_out_to_its_shards() -> None:
    intake = Intake(followers=3_001)
    change(intake, max_signal_notional=Decimal(1_000))
    intake.post(buy())
    assert [shard.max_notional for shard in intake.queue.sent] == [Decimal(250)] * 4
    intake.post(EXIT)
    assert intake.queue.sent[-1].max_notional is None


# -- who sends ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "address", "is_taken"),
    [
        ((), "198.51.100.7", True),
        ((), "", True),
        ((ADDRESS,), ADDRESS, True),
        ((ADDRESS,), "52.89.214.239", False),
        (("52.89.214.0/24", "2001:db8::/32"), ADDRESS, True),
        (("52.89.214.0/24", "2001:db8::/32"), "2001:db8::1", True),
        (("52.89.214.0/24", "2001:db8::/32"), "2001:db9::1", False),
        ((ADDRESS,), f"{ADDRESS}, 198.51.100.7", False),
        ((ADDRESS,), "", False),
        (("0.0.0.0/0",), "unknown", False),
    ],
)
def test_a_source_sends_from_its_addresses_alone(intake: Intake, allowed: tuple[str, ...], address: str, is_taken: bool) -> None:
    change(intake, allowed_addresses=allowed)
    for body in (buy(), EXIT):
        if is_taken:
            intake.post(body, address=address)
        else:
            assert intake.refusal(body, address=address).refusal is Refusal.ADDRESS_NOT_ALLOWED
    assert intake.refusal(EXIT, secret="wrong", address=address).refusal is Refusal.UNAUTHENTICATED


def test_the_secret_before_a_rotation_ends_after_its_overlap(intake: Intake) -> None:
    version = intake.vault.write_source(SOURCE, "new-secret-1", "secret-version-2")
    intake.strategies.save_source(intake.strategies.get_source(SOURCE).rotate(version, intake.clock.now()))
    intake.post(buy(1))
    intake.post(buy(2), secret="new-secret-1")
    intake.clock.advance(SECRET_OVERLAP.total_seconds() - 1)
    intake.post(buy(3))
    intake.clock.advance(1)
    assert intake.refusal(EXIT).refusal is Refusal.UNAUTHENTICATED
    intake.post(EXIT, secret="new-secret-1")


def test_a_revoked_secret_and_a_disabled_source_end_at_once_though_the_source_is_remembered(intake: Intake) -> None:
    version = intake.vault.write_source(SOURCE, "new-secret-1", "secret-version-2")
    intake.strategies.save_source(intake.strategies.get_source(SOURCE).rotate(version, intake.clock.now()))
    intake.post(buy(1))
    intake.strategies.save_source(intake.strategies.get_source(SOURCE).revoke_previous())
    assert intake.refusal(EXIT).refusal is Refusal.UNAUTHENTICATED
    intake.post(buy(2), secret="new-secret-1")
    change(intake, enabled=False)
    assert intake.refusal(EXIT, secret="new-secret-1").refusal is Refusal.UNAUTHENTICATED


def test_a_new_secret_is_in_force_once_the_source_is_read_again(intake: Intake) -> None:
    intake.post(buy(1))
    version = intake.vault.write_source(SOURCE, "new-secret-1", "secret-version-2")
    intake.strategies.save_source(intake.strategies.get_source(SOURCE).rotate(version, intake.clock.now()))
    intake.clock.advance(KNOWN_FOR.total_seconds())
    intake.post(buy(2), secret="new-secret-1")


# -- strangers ----------------------------------------------------------------------------------------------------------------


def test_a_path_or_a_signature_is_checked_before_the_body_is_parsed(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*_: object, **__: object) -> None:
        raise AssertionError("the body was parsed")

    monkeypatch.setattr("candlecast.signals.message.json.loads", parsed)
    timestamp = str(int(NOW.timestamp()))
    signature = sign("wrong", timestamp, b"{}")
    assert intake.refusal(b"{}", secret="wrong").refusal is Refusal.UNAUTHENTICATED
    assert intake.refusal(b"{}", secret=None, timestamp=timestamp, signature=signature).refusal is Refusal.UNAUTHENTICATED


def test_a_flood_of_wrong_secrets_costs_a_source_one_read_a_second(intake: Intake) -> None:
    for _ in range(1_000):
        intake.refusal(EXIT, secret="wrong")
    assert intake.strategies.reads[SOURCE] == 1
    intake.clock.advance(KNOWN_FOR.total_seconds())
    intake.refusal(EXIT, secret="wrong")
    assert intake.strategies.reads[SOURCE] == 2
    assert intake.use.writes == 0


def test_a_flood_of_unknown_sources_costs_a_bounded_number_of_reads_and_nothing_of_a_known_source(intake: Intake) -> None:
    intake.post(EXIT)
    for number in range(1_000):
        try:
            intake.post(EXIT, source=f"nobody-{number}")
        except RetryLater as error:
            assert error.code == "LOOKUPS_SPENT"
        except Exception as refusal:
            assert getattr(refusal, "refusal", None) is Refusal.UNAUTHENTICATED
    assert sum(intake.strategies.reads.values()) == MAX_LOOKUPS
    assert intake.post(EXIT).duplicate
    intake.clock.advance(KNOWN_FOR.total_seconds())
    assert intake.post(EXIT).duplicate


def test_an_unknown_source_is_remembered_as_such_for_a_while(intake: Intake) -> None:
    for _ in range(10):
        intake.refusal(EXIT, source="later")
    assert intake.strategies.reads["later"] == 1
    intake.vault.write_source("later", SECRET, "secret-version-1")
    intake.strategies.save_source(a_source("later"))
    intake.clock.advance(UNKNOWN_FOR.total_seconds())
    intake.post(EXIT, source="later")


def test_what_is_remembered_of_sources_is_bounded(intake: Intake) -> None:
    find = intake.sources
    for number in range(MAX_UNKNOWN + 50):
        find.read(f"nobody-{number}", NOW)
        intake.strategies.save_source(a_source(f"known-{number}"))
        find.read(f"known-{number}", NOW)
    assert (len(find._unknown), len(find._known)) == (MAX_UNKNOWN, MAX_KNOWN)
