"""Receive a signal from outside: check its sender, read it, find a repeat; store and queue it before the acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS, Signal
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
from candlecast.domain.values.errors import Fatal, NotFound
from candlecast.domain.values.ids import digest, received_signal_id
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import NewestMessage, SignalStore, StrategyStore
from candlecast.ports.vault import SourceSecrets
from candlecast.ports.venue import Markets
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.signals.authentication import REPLAY_WINDOW, WebhookRequest, is_authentic
from candlecast.signals.dialect import ParsedSignal
from candlecast.signals.message import Message, read_message
from candlecast.signals.refusal import Refusal, RefusedMessage
from candlecast.signals.registry import detect

# A sender's own retries come within seconds, and the shortest candle is a minute: the next decision may have the same body.
DUPLICATE_WINDOW = 2 * REPLAY_WINDOW
SENDER_ID_WINDOW = timedelta(days=1)  # a decision that its sender has named stays the same decision; senders retry for hours
MAX_ENTRY_AGE = timedelta(seconds=MAX_SIGNAL_AGE_SECONDS)  # no subscription takes an older one
MAX_EXIT_AGE = timedelta(days=1)  # senders retry for hours; a time further back is a slip or a lie, and names no position
MAX_FUTURE_SKEW = timedelta(seconds=30)  # clocks of senders that keep no NTP; beyond it the time's unit or zone is wrong
LONGEST_SOURCE_ID = 128


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: the signal's id, and whether an earlier message had the same id."""

    signal_id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class _Once:
    """The key of a message's receipt and how long it is remembered; `NewestMessage` has the meaning of the others."""

    key: str
    window: timedelta
    sender_key: str
    came_after: str = ""


@dataclass(frozen=True, slots=True)
class ReceiveSignal:
    """Turns one webhook request into one published signal, however often it is sent."""

    strategies: StrategyStore
    signals: SignalStore
    secrets: SourceSecrets
    markets: Markets
    publish: PublishSignal
    clock: Clock
    metrics: Metrics

    def __call__(self, request: WebhookRequest) -> Receipt:
        """Store and queue the signal, then return its id; a repeat returns the first one's.

        Raises `RefusedMessage` if nothing will come of the message, `RetryLater` if store, vault or queue did not answer. A
        retry of the sender is safe, and completes a signal that a crash has left stored and not queued.
        """
        now = self.clock.now()
        try:
            source, accepted = self._authenticated(request, now)
            message = read_message(request.body, accepted)
            parsed = detect(message).parse(message)
            _check_age(parsed, now)
            receipt = self._publish_once(source, message, parsed, now)
        except RefusedMessage:
            self.metrics.count("WebhooksRejected")
            raise
        self.metrics.count("WebhooksDuplicate" if receipt.duplicate else "WebhooksAccepted")
        return receipt

    def _authenticated(self, request: WebhookRequest, now: datetime) -> tuple[SignalSource, tuple[str, ...]]:
        """The source and its secrets; an unknown, disabled or secretless source is refused exactly like a wrong secret."""
        source = self._source(request.source_id)
        accepted = self._accepted(source) if source is not None else ()
        if not is_authentic(request, accepted, now) or source is None:
            raise RefusedMessage(Refusal.UNAUTHENTICATED, "the source, its secret or its signature is not right")
        return source, accepted

    def _source(self, source_id: str) -> SignalSource | None:
        if not (0 < len(source_id) <= LONGEST_SOURCE_ID and source_id.isascii() and source_id.isprintable()):
            return None
        try:
            source = self.strategies.get_source(source_id)
        except NotFound:
            return None
        return source if source.enabled else None

    def _accepted(self, source: SignalSource) -> tuple[str, ...]:
        try:
            return self.secrets.accepted(source.source_id, source.secret_version)
        except (NotFound, Fatal):
            return ()

    def _publish_once(self, source: SignalSource, message: Message, parsed: ParsedSignal, now: datetime) -> Receipt:
        strategy = self._strategy(source)
        market = self.markets.resolve(source.venue, parsed.ticker)
        if market is None:
            raise RefusedMessage(Refusal.UNKNOWN_MARKET, "the ticker names no market of the source's venue, or not only one")
        once = self._remembered(source.source_id, market.symbol, message, parsed)
        candidate = received_signal_id(source.source_id, once.key, now)
        signal_id, is_queued = self.signals.receive(
            source.source_id, once.key, candidate, message.canonical, now, int(once.window.total_seconds())
        )
        if not is_queued:
            newest = NewestMessage(once.sender_key, signal_id, once.came_after)
            self.signals.put_newest_message(source.source_id, market.symbol, newest, now)
            signal = _signal(parsed, signal_id, source.strategy_id, market.symbol, now)
            self.publish(signal, source.venue, strategy.subscriber_count)
            self.signals.mark_queued(source.source_id, once.key, now)
        return Receipt(signal_id, duplicate=is_queued or signal_id != candidate)

    def _remembered(self, source_id: str, market: str, message: Message, parsed: ParsedSignal) -> _Once:
        """How a repeat of the message is recognised.

        An exit repeats only its market's newest accepted message: an entry in between may have opened a position that this
        exit must close. So an exit's key names the message that it came after.
        """
        sender_key, window = _sender_key(message, parsed)
        if parsed.action.is_entry:
            return _Once(sender_key, window, sender_key)
        newest = self.signals.newest_message(source_id, market)
        came_after = ""
        if newest is not None:
            came_after = newest.came_after if newest.sender_key == sender_key else newest.signal_id
        return _Once(digest("exit", sender_key, came_after), window, sender_key, came_after)

    def _strategy(self, source: SignalSource) -> StrategyDefinition:
        try:
            return self.strategies.get_strategy(source.strategy_id)
        except NotFound:
            raise RefusedMessage(Refusal.STRATEGY_MISSING, "the source's strategy does not exist any more") from None


def _check_age(parsed: ParsedSignal, now: datetime) -> None:
    """An entry acts on a price that moves on; an exit is always better late than never."""
    if parsed.sent_at is None or not parsed.action.is_entry:
        return
    if now - parsed.sent_at > MAX_ENTRY_AGE:
        raise RefusedMessage(Refusal.SIGNAL_TOO_OLD, f"an entry is at most {MAX_SIGNAL_AGE_SECONDS} seconds old")
    if parsed.sent_at - now > MAX_FUTURE_SKEW:
        raise RefusedMessage(Refusal.SIGNAL_FROM_FUTURE, "time lies in the future: check its zone and unit")


def _sender_key(message: Message, parsed: ParsedSignal) -> tuple[str, timedelta]:
    """The key that makes two messages the same decision, and for how long.

    Action and ticker count beside the sender's id: some senders give the exit the id of its entry, and an exit must not be lost.
    """
    if parsed.sender_id is not None:
        return digest("sender-id", parsed.sender_id, parsed.action, parsed.ticker), SENDER_ID_WINDOW
    return digest("sender-body", message.canonical), DUPLICATE_WINDOW


def _issued_at(parsed: ParsedSignal, now: datetime) -> datetime:
    """When its sender made it, never later than now. An exit whose time is absurd is taken as of now: it is never dropped."""
    if parsed.sent_at is None or now - parsed.sent_at > MAX_EXIT_AGE:
        return now
    return min(parsed.sent_at, now)


def _signal(parsed: ParsedSignal, signal_id: str, strategy_id: str, market: str, now: datetime) -> Signal:
    return Signal(
        signal_id=signal_id,
        strategy_id=strategy_id,
        market=market,
        action=parsed.action,
        issued_at=_issued_at(parsed, now),
        correlation_id=signal_id,
        price=parsed.price,
        stop_loss=parsed.stop_loss,
        take_profits=parsed.take_profits,
        confidence=parsed.confidence,
        metadata=parsed.metadata,
        entry=parsed.entry,
    )
