"""Bodies of explanations: the steps of a signal, of an order and of a run, each in a sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from candlecast.domain.decide.outcome import Outcome
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.orders.ranks import SignalCounts
from candlecast.domain.signals.verdict import VerdictState
from candlecast.domain.strategies.execution import ExecutionStatus, SignalRecord
from candlecast.domain.values.reasons import Reason
from candlecast.services.orders.explain_order import ExplainedOrder
from candlecast.services.signals.explain_signal import ExplainedSignal, OwnOutcome, ToldOrder
from candlecast.services.signals.read_chain import Chain, Origin
from candlecast.services.strategies.explain_run import ExplainedRun
from functions.api.schemas.strategies import SignalView
from functions.api.schemas.trading import OrderView, ReasonView
from functions.api.schemas.values import Money, View

SENTENCE = "The step in a sentence for people, which may change; codes do not."


class MessageView(View):
    """A message from outside as its sender sent it, without the secret."""

    source_id: str
    received_at: datetime = Field(description="When the message came.")
    queued_at: datetime | None = Field(description="When its signal was stored and queued; null if that is not known.")
    body: str = Field(description="The message as canonical JSON text, without the secret.")


class ReceivedView(View):
    """Where a signal came from."""

    at: datetime | None = Field(
        description="Close of the candle, arrival of the message, or time of the release; null if it is not kept."
    )
    origin: Origin = Field(
        description="A candle that the strategy decided on, a message to its webhook, or the release of another signal."
    )
    released_from: str | None = Field(description="Of a release: the signal that was held back.")
    message: MessageView | None = Field(description="The message, for the owner of the source and operators; kept for 30 days.")
    sentence: str = Field(description=SENTENCE)


class UnderstoodView(View):
    """The signal as it was understood."""

    at: datetime = Field(description="When the signal was issued.")
    signal: SignalView = Field(description="The signal.")
    sentence: str = Field(description=SENTENCE)


class JudgedView(View):
    """The verdict of the firewall on a signal."""

    at: datetime | None = Field(description="When the signal was judged; null for an exit, and before.")
    state: VerdictState | None = Field(description="PASSED or QUARANTINED; null for an exit, and before.")
    reason: ReasonView | None = Field(description="Of a signal that was held back: the rule that it broke.")
    mark_price: Money | None = Field(description="The venue's mark at the verdict, in quote units; null without a quote.")
    released_as: str | None = Field(description="The signal that an operator has let through instead; null without.")
    sentence: str = Field(description=SENTENCE)


class SentView(View):
    """When a signal was sent to followers: to your part of them, or to all for the owner of the source and operators."""

    at: datetime | None = Field(description="When the last message was sent so far; null before the first.")
    published_at: datetime = Field(description="When the signal was stored and queued.")
    sentence: str = Field(description=SENTENCE)


class ChainView(View):
    """Everything that happened to a signal before its orders."""

    signal_id: str
    strategy_id: str
    correlation_id: str = Field(description="Id that all log lines, messages and events of the signal share.")
    received: ReceivedView = Field(description="Where the signal came from.")
    understood: UnderstoodView = Field(description="The request of the signal.")
    judged: JudgedView = Field(description="The verdict of the firewall.")
    sent: SentView = Field(description="When the signal went to followers.")

    @staticmethod
    def of(chain: Chain, subscription_ids: tuple[str, ...], *, is_of_source: bool) -> ChainView:
        signal, verdict = chain.signal, chain.verdict
        received, understood, judged, sent = chain.received, chain.understood, chain.judged, chain.sent(subscription_ids)
        denial = None if verdict is None else verdict.denial
        release = None if verdict is None else verdict.release
        return ChainView(
            signal_id=signal.signal_id,
            strategy_id=signal.strategy_id,
            correlation_id=signal.correlation_id,
            received=ReceivedView(
                at=received.at,
                origin=chain.origin,
                released_from=signal.released_from,
                message=_message(chain) if is_of_source else None,
                sentence=received.sentence,
            ),
            understood=UnderstoodView(
                at=signal.issued_at, signal=SignalView.model_validate(signal), sentence=understood.sentence
            ),
            judged=JudgedView(
                at=judged.at,
                state=None if verdict is None else verdict.state,
                reason=None if denial is None else ReasonView.of(denial),
                mark_price=None if verdict is None else verdict.mark_price,
                released_as=None if release is None else release.signal_id,
                sentence=judged.sentence,
            ),
            sent=SentView(at=sent.at, published_at=chain.record.published_at, sentence=sent.sentence),
        )


def _message(chain: Chain) -> MessageView | None:
    message, received_as = chain.message, chain.record.received_as
    if message is None or received_as is None:
        return None
    return MessageView(
        source_id=received_as.source_id,
        received_at=message.received_at,
        queued_at=message.queued_at,
        body=message.body,
    )


class ToldOrderView(View):
    """An order that a signal asked for, with its outcome."""

    order_id: str
    leg: str = Field(description="ENTRY or EXIT.")
    state: IntentState = Field(description="Present state of the order.")
    reason: ReasonView | None = Field(description="Why the order was not placed or ended without a fill.")
    sentence: str = Field(description=SENTENCE)
    decided_at: datetime = Field(description="When the order was recorded.")
    submitted_at: datetime | None = Field(description="When the order was marked for sending; null if it never was.")
    settled_at: datetime | None = Field(description="When the order reached its final state; null before.")
    quantity: Money = Field(description="Base units.")
    filled_quantity: Money = Field(description="Base units that the venue has executed.")
    average_price: Money | None = Field(description="Mean price of the fills; null without one.")

    @staticmethod
    def of(told: ToldOrder) -> ToldOrderView:
        order = told.order
        return ToldOrderView(
            order_id=order.intent_id,
            leg=order.leg,
            state=order.state,
            reason=None if order.denial is None else ReasonView.of(order.denial),
            sentence=told.sentence,
            decided_at=order.created_at,
            submitted_at=order.submitted_at,
            settled_at=order.settled_at,
            quantity=order.quantity,
            filled_quantity=order.filled_quantity,
            average_price=order.average_price,
        )


class OwnOutcomeView(View):
    """The outcome of a signal for one subscription of yours."""

    subscription_id: str
    account_id: str | None = Field(description="Null for a subscription without an account.")
    outcome: Outcome = Field(description="That of the entry, or of the exit of a signal that only closes.")
    reason: ReasonView | None = Field(description="Why nothing was placed, or why the order ended without a fill.")
    sentence: str = Field(description=SENTENCE)
    orders: list[ToldOrderView] = Field(
        description="The entry and the exit that the signal asked for. `GET /v1/orders?signal_id=` lists all other legs, too."
    )
    receipt_note: str | None = Field(description="Why the receipt of the decision is gone; null while it is kept.")

    @staticmethod
    def of(own: OwnOutcome) -> OwnOutcomeView:
        orders = [ToldOrderView.of(told) for told in own.orders]
        return OwnOutcomeView(
            subscription_id=own.subscription.subscription_id,
            account_id=own.subscription.account_id,
            outcome=own.outcome,
            reason=orders[0].reason if orders else None,
            sentence=own.sentence,
            orders=orders,
            receipt_note=own.receipt_note,
        )


class SignalCountsView(View):
    """How many followers a signal went to; counts alone, of all followers."""

    subscriptions: int = Field(description="Subscriptions when the signal was published.")
    sent: int = Field(description="Order messages sent so far, one for each subscription with an account.")
    skipped: Mapping[str, int] = Field(description="Subscriptions that were sent nothing, by reason.")
    shards: int = Field(description="Parts of a thousand subscriptions at most.")
    shards_done: int = Field(description="Parts that are complete.")
    placed: int = Field(description="Entries and exits of the signal that ended with a fill.")
    not_placed: Mapping[IntentState, Mapping[Reason, int]] = Field(
        description="Entries and exits that ended without a fill, by state and reason. An order counts once it has ended."
    )
    note: str | None = Field(description="Why orders are not counted any more; null for 30 days.")

    @staticmethod
    def of(record: SignalRecord, counts: SignalCounts, note: str | None) -> SignalCountsView:
        skipped: dict[str, int] = {}
        for report in record.reports.values():
            for reason, count in report.skipped.items():
                skipped[reason] = skipped.get(reason, 0) + count
        return SignalCountsView(
            subscriptions=record.subscriber_count,
            sent=record.orders,
            skipped=skipped,
            shards=record.shards,
            shards_done=record.shards_done,
            placed=counts.placed,
            not_placed=counts.not_placed,
            note=note,
        )


class ExplainedSignalView(View):
    """A signal from its origin to your own orders."""

    chain: ChainView = Field(description="The steps of the signal before its orders.")
    outcomes: list[OwnOutcomeView] = Field(
        description="Its outcome for each subscription of yours to the strategy, oldest subscription first."
    )
    counts: SignalCountsView | None = Field(
        description="Counts over all followers, for the owner of the strategy and operators; null for everybody else."
    )

    @staticmethod
    def of(explained: ExplainedSignal) -> ExplainedSignalView:
        is_of_source, chain, counts = explained.is_of_source, explained.chain, explained.counts
        names = () if is_of_source else tuple(own.subscription.subscription_id for own in explained.own)
        return ExplainedSignalView(
            chain=ChainView.of(chain, names, is_of_source=is_of_source),
            outcomes=[OwnOutcomeView.of(own) for own in explained.own],
            counts=None if counts is None else SignalCountsView.of(chain.record, counts, explained.counts_note),
        )


class ExplainedOrderView(View):
    """An order from the origin of its signal to its end."""

    order: OrderView = Field(description="The order.")
    outcome: Outcome = Field(description="Outcome of the order.")
    sentence: str = Field(description=SENTENCE)
    chain: ChainView | None = Field(
        description="The steps of the signal that asked for the order. Of a stop or target: those of the signal that opened the "
        "position. Null for an order that a person or the platform asked for."
    )
    chain_note: str | None = Field(description="Why there is no chain; null with one.")
    receipt_digest: str | None = Field(
        description="SHA-256 of the receipt that `GET /v1/orders/{order_id}/receipt` answers with; null if it is gone."
    )
    receipt_note: str | None = Field(description="Why the receipt is gone; null while it is kept.")

    @staticmethod
    def of(explained: ExplainedOrder) -> ExplainedOrderView:
        order, chain, receipt = explained.order, explained.chain, explained.receipt
        return ExplainedOrderView(
            order=OrderView.of(order),
            outcome=explained.outcome,
            sentence=explained.sentence,
            chain=None if chain is None else ChainView.of(chain, (order.subscription_id,), is_of_source=False),
            chain_note=explained.chain_note,
            receipt_digest=None if receipt is None else hashlib.sha256(receipt.encode()).hexdigest(),
            receipt_note=explained.receipt_note,
        )


class ExplainedRunView(View):
    """The run of a strategy, or of one version, on a candle."""

    version: int | None = Field(description="Number of the version that ran; null where the strategy has no versions.")
    status: ExecutionStatus = Field(description="How the run ended; RUNNING before its end.")
    code: str | None = Field(description="Why the run was skipped or failed; null otherwise.")
    started_at: datetime = Field(description="When the run began.")
    finished_at: datetime | None = Field(description="When the run ended; null before.")
    signal_id: str | None = Field(
        description="The signal that was published, which `GET /v1/signals/{signal_id}` explains; null without."
    )
    sentence: str = Field(description=SENTENCE)

    @staticmethod
    def of(explained: ExplainedRun) -> ExplainedRunView:
        run = explained.execution
        is_published = run.status is ExecutionStatus.COMPLETED and run.signal is not None
        return ExplainedRunView(
            version=run.version,
            status=run.status,
            code=run.reason,
            started_at=run.started_at,
            finished_at=run.finished_at,
            signal_id=run.signal.signal_id if is_published and run.signal is not None else None,
            sentence=explained.sentence,
        )


class ExplainedCandleView(View):
    """The runs of a strategy on a candle: one, or one for each version that followers get."""

    strategy_id: str
    candle_close: datetime = Field(description="Close of the candle.")
    runs: list[ExplainedRunView] = Field(description="The runs on the candle.")
