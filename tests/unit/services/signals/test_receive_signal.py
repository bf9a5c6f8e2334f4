"""One webhook becomes one published signal: authenticated, understood, stored, queued, then acknowledged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS, Action, Signal, TakeProfit
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import Fatal, RetryLater
from candlecast.services.signals.receive_signal import DUPLICATE_WINDOW, Receipt
from candlecast.signals.authentication import REPLAY_WINDOW, WebhookRequest, sign
from candlecast.signals.refusal import Refusal, RefusedMessage
from tests.support.builders import BTC, NOW, SOURCE, STRATEGY, VENUE, a_source, after
from tests.support.intake import SECRET, Intake

BUY: dict[str, Any] = {"ticker": "BTCUSDT.P", "action": "buy", "price": "42000"}


@pytest.fixture
def intake() -> Intake:
    return Intake(followers=2_500)


def test_a_buy_is_published_once_to_every_shard_of_the_strategy_s_subscribers(intake: Intake) -> None:
    receipt = intake.post(BUY | {"stopLoss": {"percent": 2}, "takeProfit": {"limitPrice": 43000}})
    assert receipt == Receipt(intake.published[0].signal_id, duplicate=False)
    assert sorted((shard.shard, shard.venue) for shard in intake.queue.sent) == [(0, VENUE), (1, VENUE), (2, VENUE)]
    assert intake.published == [
        Signal(
            signal_id=receipt.signal_id,
            strategy_id=STRATEGY,
            market=BTC,
            action=Action.LONG,
            issued_at=NOW,
            correlation_id=receipt.signal_id,
            price=Decimal(42000),
            stop_loss=Decimal(41160),
            take_profits=(TakeProfit(Decimal(43000)),),
            metadata={"dialect": "traderspost"},
            strategy_version=strategy_version(intake.strategies.get_strategy(STRATEGY)),
        )
    ]
    assert intake.signals.get_signal(receipt.signal_id).subscriber_count == 2_500
    assert intake.metrics.counts["WebhooksAccepted"] == 1


@pytest.mark.parametrize(("action", "published"), [("buy", Action.EXIT_SHORT), ("sell", Action.EXIT_LONG), ("exit", Action.EXIT)])
def test_a_retired_strategy_closes_and_opens_nothing(intake: Intake, action: str, published: Action) -> None:
    retired = replace(intake.strategies.get_strategy(STRATEGY), retired_at=NOW)
    intake.strategies.database.strategies[STRATEGY] = retired
    intake.post(BUY | {"action": action, "stopLoss": {"percent": 2}})
    (signal,) = intake.published
    assert (signal.action, signal.stop_loss, signal.take_profits) == (published, None, ())
    assert intake.signals.get_signal(signal.signal_id).max_notional is None


def test_a_signed_message_is_taken(intake: Intake) -> None:
    body, timestamp = json.dumps(BUY).encode(), str(int(NOW.timestamp()))
    request = WebhookRequest(source_id=SOURCE, body=body, timestamp=timestamp, signature=sign(SECRET, timestamp, body))
    assert intake.service()(request).signal_id == intake.published[0].signal_id


def test_the_stored_receipt_holds_the_body_without_its_secret(intake: Intake) -> None:
    intake.post(BUY | {"token": SECRET, "extras": {"note": f"sent with {SECRET}"}}, secret=None)
    (receipt,) = intake.signals.database.receipts.values()
    assert json.loads(receipt.body) == BUY | {"extras": {"note": "sent with [removed]"}}
    assert SECRET not in repr(intake.signals.database)
    assert SECRET not in repr(intake.queue.sent)


def test_the_signal_names_the_receipt_of_its_message(intake: Intake) -> None:
    receipt = intake.post(BUY)
    received_as = intake.signals.get_signal(receipt.signal_id).received_as
    assert received_as is not None
    found = intake.signals.find_message(received_as)
    assert found is not None
    assert (found.signal_id, found.received_at, json.loads(found.body)) == (receipt.signal_id, NOW, BUY)


# -- who sends ----------------------------------------------------------------------------------------------------------------


def test_every_failed_proof_is_answered_alike(intake: Intake) -> None:
    intake.strategies.save_source(a_source("disabled", enabled=False))
    intake.strategies.save_source(a_source("secretless"))
    intake.vault.write_source("disabled", SECRET, "secret-version-1")
    requests: list[dict[str, Any]] = [
        {"secret": "wrong"},
        {"secret": None},
        {"source": "unknown"},
        {"source": "disabled"},
        {"source": "secretless"},
        {"source": ""},
        {"source": "x" * 5_000},
        {"source": "sou\x00rce"},
    ]
    answers = {(refusal.refusal, refusal.message) for request in requests for refusal in [intake.refusal(BUY, **request)]}
    assert len(answers) == 1
    assert {refusal for refusal, _ in answers} == {Refusal.UNAUTHENTICATED}
    assert intake.signals.database.receipts == {}
    assert intake.metrics.counts["WebhooksRejected"] == len(requests)


def test_the_body_is_not_judged_before_its_sender_is_known(intake: Intake) -> None:
    assert intake.refusal(b"{broken", secret="wrong").refusal is Refusal.UNAUTHENTICATED
    assert intake.refusal(b"{broken").refusal is Refusal.MALFORMED_JSON


def test_a_secret_that_the_vault_has_lost_accepts_nobody(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(source_id: str, versions: Sequence[str]) -> tuple[str, ...]:
        raise Fatal("CREDENTIALS_MISSING", "gone")

    monkeypatch.setattr(intake.vault, "secrets", lost)
    assert intake.refusal(BUY).refusal is Refusal.UNAUTHENTICATED


def test_both_secrets_are_accepted_while_rotating_and_neither_is_stored(intake: Intake) -> None:
    version = intake.vault.write_source(SOURCE, "canary-new-secret", "secret-version-2")
    intake.strategies.save_source(intake.strategies.get_source(SOURCE).rotate(version, NOW))
    intake.post(BUY | {"extras": {"old": SECRET, "new": "canary-new-secret"}})
    intake.post(BUY | {"action": "sell"}, secret="canary-new-secret")
    assert "canary" not in repr(intake.signals.database)


# -- what it means ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ticker", ["BTCUSDT", "BTCUSDT.P", "BINANCE:BTCUSDT", "BTC/USDT", "BTC/USDT:USDT", "#BTC-USDT-SWAP"])
def test_a_ticker_is_resolved_to_the_market_of_the_source_s_venue(intake: Intake, ticker: str) -> None:
    intake.post(BUY | {"ticker": ticker})
    assert intake.published[0].market == BTC


@pytest.mark.parametrize("ticker", ["BTCU\u017fDT", "\uff22TCUSDT", "BTCUSDT\u200b", "BTC/USDT:U\u017fDT"])
@pytest.mark.parametrize("name", ["ticker", "market"])
def test_a_ticker_is_ascii(intake: Intake, ticker: str, name: str) -> None:
    """The capital of the long s is S, so that one market would be another one."""
    assert intake.refusal({name: ticker, "action": "exit"}).refusal is Refusal.INVALID_TEXT
    assert intake.signals.database.receipts == {}


@pytest.mark.parametrize("ticker", ["SOLUSDT", "BTC", "AAPL"])
def test_an_unknown_ticker_is_refused_and_leaves_no_trace(intake: Intake, ticker: str) -> None:
    assert intake.refusal(BUY | {"ticker": ticker}).refusal is Refusal.UNKNOWN_MARKET
    assert intake.signals.database.receipts == {}
    assert intake.queue.sent == []


def test_a_source_whose_strategy_is_gone_is_told_so(intake: Intake) -> None:
    intake.strategies.save_source(replace(intake.strategies.get_source(SOURCE), strategy_id="gone"))
    assert intake.refusal(BUY).refusal is Refusal.STRATEGY_MISSING


@pytest.mark.parametrize(
    ("age", "refusal"),
    [
        (MAX_SIGNAL_AGE_SECONDS + 1, Refusal.SIGNAL_TOO_OLD),
        (MAX_SIGNAL_AGE_SECONDS, None),
        (0, None),
        (-30, None),
        (-31, Refusal.SIGNAL_FROM_FUTURE),
    ],
)
def test_an_entry_has_an_age_that_it_must_not_exceed(intake: Intake, age: float, refusal: Refusal | None) -> None:
    body = BUY | {"time": after(-age).isoformat()}
    if refusal is None:
        intake.post(body)
        assert intake.published[0].issued_at == min(after(-age), NOW)
    else:
        assert intake.refusal(body).refusal is refusal


@pytest.mark.parametrize(("age", "issued_at"), [(86_400, after(-86_400)), (-86_400, NOW), (86_401, NOW)])
def test_an_exit_has_no_maximum_age_and_is_never_issued_later_than_now(intake: Intake, age: float, issued_at: datetime) -> None:
    intake.post({"ticker": "BTCUSDT", "action": "exit", "time": after(-age).isoformat()})
    assert (intake.published[0].action, intake.published[0].issued_at) == (Action.EXIT, issued_at)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0", "-62135596800", "253402300799000"])
def test_an_exit_whose_time_is_absurd_is_taken_as_of_now(intake: Intake, time: str) -> None:
    intake.post({"ticker": "BTCUSDT", "action": "exit", "time": time})
    assert [signal.issued_at for signal in intake.published] == [NOW]


# -- once ---------------------------------------------------------------------------------------------------------------------


def test_the_same_body_within_the_window_gets_the_first_one_s_id_and_is_not_published_again(intake: Intake) -> None:
    first = intake.post(BUY)
    intake.clock.advance(59)
    again = intake.post({key: BUY[key] for key in reversed(BUY)})
    assert again == Receipt(first.signal_id, duplicate=True)
    assert len(intake.published) == 1
    assert intake.metrics.counts["WebhooksDuplicate"] == 1


def test_the_same_body_after_the_window_is_a_new_decision(intake: Intake) -> None:
    first = intake.post(BUY)
    intake.clock.advance(DUPLICATE_WINDOW.total_seconds())
    second = intake.post(BUY)
    assert second.signal_id != first.signal_id
    assert not second.duplicate
    assert len(intake.published) == 2


def test_another_time_of_the_sender_makes_another_decision(intake: Intake) -> None:
    first = intake.post(BUY | {"time": after(-2).isoformat()})
    second = intake.post(BUY | {"time": after(-1).isoformat()})
    assert first.signal_id != second.signal_id


def test_the_sender_s_own_id_names_a_decision_whatever_else_the_body_says(intake: Intake) -> None:
    first = intake.post(BUY | {"signal_id": "trade-7"})
    intake.clock.advance(3_600)
    again = intake.post(BUY | {"signal_id": "trade-7", "price": "42001"})
    assert again == Receipt(first.signal_id, duplicate=True)


def test_an_exit_that_has_the_id_of_its_entry_is_not_lost(intake: Intake) -> None:
    intake.post(BUY | {"signal_id": "trade-7"})
    receipt = intake.post({"ticker": "BTCUSDT.P", "action": "exit", "signal_id": "trade-7"})
    assert not receipt.duplicate
    assert [signal.action for signal in intake.published] == [Action.LONG, Action.EXIT]


EXIT = {"ticker": "BTCUSDT.P", "action": "exit"}


@pytest.mark.parametrize("leaving", [EXIT, EXIT | {"signal_id": "flat"}, EXIT | {"sentiment": "flat"}])
def test_the_same_exit_after_a_newer_entry_is_a_decision_of_its_own(intake: Intake, leaving: dict[str, Any]) -> None:
    """Buy, exit, buy and the same exit: answered as a duplicate, the last exit would leave the position open."""
    for number in range(3):
        intake.post(BUY | {"signal_id": f"entry-{number}"})
        intake.clock.advance(1)
        assert not intake.post(leaving).duplicate
        assert intake.post(leaving).duplicate
        intake.clock.advance(1)
    assert [signal.action for signal in intake.published] == [Action.LONG, Action.EXIT] * 3
    assert len({signal.signal_id for signal in intake.published}) == 6


def test_an_exit_that_was_stored_after_a_newer_entry_does_not_take_its_place(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Senders reverse by an exit and an entry at once, so two workers write the market's newest message in either order."""
    intake.post(BUY | {"signal_id": "entry-1"})
    intake.clock.advance(1)
    receive = intake.signals.receive

    def overtaken(*args: Any) -> tuple[str, bool]:
        monkeypatch.setattr(intake.signals, "receive", receive)
        intake.clock.advance(0.001)
        intake.post(BUY | {"signal_id": "entry-2"})
        return receive(*args)

    monkeypatch.setattr(intake.signals, "receive", overtaken)
    assert not intake.post(EXIT).duplicate
    intake.clock.advance(1)
    assert not intake.post(EXIT).duplicate


def test_an_exit_of_another_market_ends_no_memory(intake: Intake) -> None:
    intake.post(EXIT)
    intake.post(EXIT | {"ticker": "ETHUSDT.P"})
    assert intake.post(EXIT).duplicate


def test_a_refused_and_a_repeated_message_end_no_memory_of_an_exit(intake: Intake) -> None:
    intake.post(BUY)
    intake.post(EXIT)
    intake.refusal(BUY | {"price": "{{close}}"})
    assert intake.post(BUY).duplicate
    assert intake.post(EXIT).duplicate


def test_an_exit_whose_first_delivery_was_lost_is_published_once_by_its_repeat(intake: Intake) -> None:
    intake.post(BUY)
    intake.queue.fail_next()
    with pytest.raises(RetryLater):
        intake.post(EXIT)
    intake.clock.advance(1)
    assert intake.post(EXIT).duplicate
    assert intake.post(EXIT).duplicate
    assert [signal.action for signal in intake.published] == [Action.LONG, Action.EXIT]


def test_an_exit_that_was_never_queued_is_a_new_one_after_a_newer_entry(intake: Intake) -> None:
    intake.queue.fail_next()
    with pytest.raises(RetryLater):
        intake.post(EXIT)
    intake.post(BUY)
    assert not intake.post(EXIT).duplicate
    assert [signal.action for signal in intake.published] == [Action.LONG, Action.EXIT]


def test_the_same_body_from_another_source_is_another_decision(intake: Intake) -> None:
    intake.vault.write_source("source-2", SECRET, "secret-version-1")
    intake.strategies.save_source(a_source("source-2"))
    assert intake.post(BUY).signal_id != intake.post(BUY, source="source-2").signal_id


def test_a_captured_request_is_a_duplicate_for_as_long_as_its_signature_is_good(intake: Intake) -> None:
    body, timestamp = json.dumps(BUY).encode(), str(int(NOW.timestamp()))
    request = WebhookRequest(source_id=SOURCE, body=body, timestamp=timestamp, signature=sign(SECRET, timestamp, body))
    intake.clock.set(NOW - REPLAY_WINDOW + (after(0.001) - NOW))
    first = intake.service()(request)
    intake.clock.set(NOW + REPLAY_WINDOW - (after(0.001) - NOW))
    assert intake.service()(request) == Receipt(first.signal_id, duplicate=True)
    intake.clock.advance(0.001)
    with pytest.raises(RefusedMessage, match="UNAUTHENTICATED"):
        intake.service()(request)
    assert len(intake.published) == 1


# -- nothing is acknowledged that could be lost ---------------------------------------------------------------------------------


def test_a_queue_that_fails_is_told_to_the_sender_whose_repeat_heals_it(intake: Intake) -> None:
    intake.queue.fail_next()
    with pytest.raises(RetryLater):
        intake.post(BUY)
    (stored,) = intake.signals.database.receipts.values()
    assert not stored.queued
    intake.clock.advance(5)
    receipt = intake.post(BUY)
    assert receipt == Receipt(stored.signal_id, duplicate=True)
    assert [signal.signal_id for signal in intake.published] == [stored.signal_id]
    assert stored.queued


def test_a_crash_after_queueing_publishes_the_same_signal_again_and_no_other(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(source_id: str, sender_key: str, at: datetime) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)

    with monkeypatch.context() as broken:
        broken.setattr(intake.signals, "mark_queued", crash)
        with pytest.raises(RetryLater):
            intake.post(BUY)
    intake.post(BUY)
    intake.post(BUY)
    assert len({signal.signal_id for signal in intake.published}) == 1
    assert len(intake.published) == 2


def test_a_vault_that_does_not_answer_is_no_refusal(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(source_id: str, versions: Sequence[str]) -> tuple[str, ...]:
        raise RetryLater("VAULT_UNAVAILABLE", "told to fail", after_seconds=1)

    monkeypatch.setattr(intake.vault, "secrets", unavailable)
    with pytest.raises(RetryLater):
        intake.post(BUY)
    assert intake.metrics.counts["WebhooksRejected"] == 0
