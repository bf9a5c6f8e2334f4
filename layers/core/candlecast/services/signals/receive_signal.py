"""Receive a signal from outside: check its sender, read it, find a repeat; store and queue it before the acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS, Signal
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
from candlecast.domain.strategies.execution import ReceivedAs
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import Fatal, NotFound
from candlecast.domain.values.ids import digest, received_signal_id
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.sources import MessageBounds, MessageKind, SourceUse
from candlecast.ports.store import NewestMessage, SignalStore, StrategyStore
from candlecast.ports.vault import SourceSecrets
from candlecast.ports.venue import Markets
from candlecast.services.signals.find_source import FindSource
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
EXITS_PER_MINUTE = 600  # of a source; more than any sender has positions, few enough to fan out one by one
MERGE_WINDOW = timedelta(seconds=10)  # beyond that bound, the exits of a market in such a window become one at its end


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender."""

    signal_id: str
    """Id of the signal that the message became."""
    duplicate: bool
    """Whether an earlier message had the same id."""
    merged: bool = False
    """Whether the message is one of many exits that become one signal."""


@dataclass(frozen=True, slots=True)
class _ReceiptKey:
    """The key of a message's receipt and how long it is remembered; `NewestMessage` has the meaning of the others."""

    key: str
    window: timedelta
    sender_key: str
    came_after: str = ""
    merged_until: datetime | None = None
    """End of the window whose exits become one signal; None if the message is a signal of its own."""


@dataclass(frozen=True, slots=True)
class ReceiveSignal:
    """Turns one webhook request into one published signal, however often it is sent."""

    strategies: StrategyStore
    sources: FindSource
    use: SourceUse
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

        A message that fails authentication costs no read but that of its source, at most one a second, and no write.
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
        if receipt.merged:
            self.metrics.count("ExitsMerged")
        self.metrics.count("WebhooksDuplicate" if receipt.duplicate else "WebhooksAccepted")
        return receipt

    def _authenticated(self, request: WebhookRequest, now: datetime) -> tuple[SignalSource, tuple[str, ...]]:
        """The source and its secrets; an unknown, disabled or secretless source is refused exactly like a wrong secret.

        A remembered source only refuses. A proof is checked once more with the source as it is stored, so a disabled
        source and a revoked secret end at once.
        """
        found = self.sources.remembered(request.source_id, now)
        source, accepted = self._proven(request, found.source, now)
        if not found.is_fresh:
            stored = self.sources.read(request.source_id, now)
            if stored != source:
                source, accepted = self._proven(request, stored, now)
        if not source.settings.allows(request.address):
            raise RefusedMessage(Refusal.ADDRESS_NOT_ALLOWED, "the source may not send from this address")
        return source, accepted

    def _proven(
        self, request: WebhookRequest, source: SignalSource | None, now: datetime
    ) -> tuple[SignalSource, tuple[str, ...]]:
        accepted = self._accepted(source, now) if source is not None and source.enabled else ()
        if not is_authentic(request, accepted, now) or source is None:
            raise RefusedMessage(Refusal.UNAUTHENTICATED, "the source, its secret or its signature is not right")
        return source, accepted

    def _accepted(self, source: SignalSource, now: datetime) -> tuple[str, ...]:
        try:
            return self.secrets.secrets(source.source_id, source.accepted_versions(now))
        except (NotFound, Fatal):
            return ()

    def _publish_once(self, source: SignalSource, message: Message, parsed: ParsedSignal, now: datetime) -> Receipt:
        market = self.markets.resolve(source.venue, parsed.ticker)
        if market is None:
            raise RefusedMessage(Refusal.UNKNOWN_MARKET, "the ticker names no market of the source's venue, or not only one")
        if parsed.action.is_entry:
            self._check_use(source, now)
            receipt_key = _entry_key(message, parsed)
        elif self.use.count_message(source.source_id, MessageKind.EXIT, now, MessageBounds(EXITS_PER_MINUTE)) is None:
            receipt_key = self._exit_key(source.source_id, market.symbol, message, parsed)
        else:
            receipt_key = _merged_exits_key(market.symbol, parsed, now)
        strategy = self._strategy(source)
        candidate = received_signal_id(source.source_id, receipt_key.key, receipt_key.merged_until or now)
        signal_id, is_queued = self.signals.receive(
            source.source_id, receipt_key.key, candidate, message.canonical, now, int(receipt_key.window.total_seconds())
        )
        if not is_queued:
            newest = NewestMessage(receipt_key.sender_key, signal_id, receipt_key.came_after)
            self.signals.put_newest_message(source.source_id, market.symbol, newest, now)
            issued_at = receipt_key.merged_until or _issued_at(parsed, now)
            decided = _signal(parsed, signal_id, strategy, market.symbol, issued_at)
            signal = decided if strategy.retired_at is None else decided.without_entry()
            delay = 0 if receipt_key.merged_until is None else ceil((receipt_key.merged_until - now).total_seconds())
            bound = source.settings.max_signal_notional if signal.action.is_entry else None
            self.publish(
                signal,
                source.venue,
                strategy.subscriber_count,
                max_notional=bound,
                received_as=ReceivedAs(source_id=source.source_id, sender_key=receipt_key.key),
                delay_seconds=delay,
            )
            self.signals.mark_queued(source.source_id, receipt_key.key, now)
        return Receipt(signal_id, is_queued or signal_id != candidate, merged=receipt_key.merged_until is not None)

    def _check_use(self, source: SignalSource, now: datetime) -> None:
        """Refuse an entry beyond the source's bounds; an entry that is taken has been counted."""
        settings = source.settings
        bounds = MessageBounds(settings.messages_per_minute, settings.messages_per_hour)
        room_from = self.use.count_message(source.source_id, MessageKind.ENTRY, now, bounds)
        if room_from is not None:
            detail = "the source has sent its entries of this minute or hour"
            raise RefusedMessage(Refusal.RATE_EXCEEDED, detail, after_seconds=(room_from - now).total_seconds())
        if self.use.notional_of(source.source_id, now.astimezone(UTC).date()) >= settings.max_daily_notional:
            raise RefusedMessage(Refusal.DAILY_NOTIONAL_REACHED, "the source's entries have filled the day's notional")

    def _exit_key(self, source_id: str, market: str, message: Message, parsed: ParsedSignal) -> _ReceiptKey:
        """How a repeat of an exit is recognised.

        An exit repeats only its market's newest accepted message: an entry in between may have opened a position that this
        exit must close. So an exit's key names the message that it came after.
        """
        sender_key, window = _sender_key(message, parsed)
        newest = self.signals.newest_message(source_id, market)
        came_after = ""
        if newest is not None:
            came_after = newest.came_after if newest.sender_key == sender_key else newest.signal_id
        return _ReceiptKey(digest("exit", sender_key, came_after), window, sender_key, came_after)

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


def _entry_key(message: Message, parsed: ParsedSignal) -> _ReceiptKey:
    """How a repeat of an entry is recognised: by the sender's key alone."""
    sender_key, window = _sender_key(message, parsed)
    return _ReceiptKey(sender_key, window, sender_key)


def _merged_exits_key(market: str, parsed: ParsedSignal, now: datetime) -> _ReceiptKey:
    """The exits of a market within a window are one message; the last of them ends it, so the signal is issued at its end.

    Exits of a long, of a short and of either are three, because none of them says what another does.
    """
    began = int(now.timestamp() // MERGE_WINDOW.total_seconds() * MERGE_WINDOW.total_seconds())
    until = datetime.fromtimestamp(began, UTC) + MERGE_WINDOW
    key = digest("merged-exits", market, parsed.action, until.isoformat())
    return _ReceiptKey(key, DUPLICATE_WINDOW, key, merged_until=until)


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


def _signal(parsed: ParsedSignal, signal_id: str, strategy: StrategyDefinition, market: str, issued_at: datetime) -> Signal:
    return Signal(
        signal_id=signal_id,
        strategy_id=strategy.strategy_id,
        market=market,
        action=parsed.action,
        issued_at=issued_at,
        correlation_id=signal_id,
        price=parsed.price,
        stop_loss=parsed.stop_loss,
        take_profits=parsed.take_profits,
        confidence=parsed.confidence,
        metadata=parsed.metadata,
        entry=parsed.entry,
        strategy_version=strategy_version(strategy),
    )
