"""The contents of a dead letter: reason, age and the ids in it, read from an SQS message and never its body as it stands.

A letter's body may be anything that somebody could send to a queue, so only fields of messages that decode are shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from candlecast.adapters.codec import message_from_json
from candlecast.domain.signals.messages import (
    BacktestTask,
    CandleClosed,
    ParityTask,
    ReconcileRequest,
    SignalShard,
    VettingRequest,
)
from candlecast.domain.signals.signal import Signal
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import DomainError, InvalidValue
from candlecast.ports.dead_letters import DeadLetterEntry

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RECEIVES_SPENT = "RECEIVES_SPENT"  # moved here by SQS: the consumer ended in the middle of it each time
RECEIVES_SPENT_REASON = "no function gave a reason: its consumer ended in the middle of it each time"
MAX_FACT_CHARACTERS = 200
SHOWN_OF_A_PAYLOAD = ("timeframe", "scheduled_time")  # what a schedule gives its function
ORIGINAL_ID = "original_message_id"  # as `received_messages.py` writes it
STREAM_BATCH = "DDBStreamBatchInfo"  # docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html

type Facts = dict[str, str]


@dataclass(frozen=True, slots=True)
class StreamRange:
    """Where the records of an outbox letter are in the stream."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class Invocation:
    """The subject of a schedule letter: the function that was not invoked, or failed, and its event."""

    function: str
    payload: str
    error: str


def entry_of(queue: str, message: MessageTypeDef, now: datetime) -> DeadLetterEntry:
    """The letter as an operator sees it."""
    told = attributes_of(message)
    system: Mapping[Any, str] = message.get("Attributes", {})
    kind, facts = _contents(queue, message)
    put_aside_at = datetime.fromtimestamp(int(system.get("SentTimestamp", "0")) / 1000, UTC)
    code, reason, function = _reason(queue, message, told)
    return DeadLetterEntry(
        queue=queue,
        message_id=message["MessageId"],
        reason_code=code,
        reason=reason,
        function=function,
        correlation_id=told.get("correlation_id", ""),
        put_aside_at=put_aside_at,
        age_seconds=max(0, int((now - put_aside_at) / timedelta(seconds=1))),
        receives=int(told["receives"]) if told.get("receives", "").isdigit() else None,
        group_id=system.get("MessageGroupId"),
        kind=kind,
        facts={name: value[:MAX_FACT_CHARACTERS] for name, value in facts.items()},
    )


def attributes_of(message: MessageTypeDef) -> dict[str, str]:
    """The message's own attributes as text."""
    return {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}


def stream_range_of(message: MessageTypeDef) -> StreamRange | None:
    """The records that an outbox letter names; None if it names none."""
    found = _object(message["Body"]).get(STREAM_BATCH)
    if not isinstance(found, dict):
        return None
    arn, shard, first, last = (
        str(found.get(it, "")) for it in ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
    )
    size = found.get("batchSize")
    if not (arn and shard and first and last) or not isinstance(size, int):
        return None
    return StreamRange(arn, shard, first, last, size)


def records_of(message: MessageTypeDef) -> list[dict[str, Any]] | None:
    """The records in an outbox letter, as the relay got them; None if the letter only names them.

    Lambda writes the invocation as text in a text. Raises `InvalidValue` (LETTER_UNREADABLE) if that holds no records.
    """
    payload = _object(message["Body"]).get("payload")
    if payload is None:
        return None
    event = _object(payload) if isinstance(payload, str) else payload
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        raise InvalidValue("the letter's payload holds no records", code="LETTER_UNREADABLE")
    return records


def invocation_of(message: MessageTypeDef) -> Invocation | None:
    """The invocation that a schedule letter is about; None if the letter names no function.

    EventBridge Scheduler sends the payload with TARGET_ARN and ERROR_CODE as attributes; Lambda a record of an asynchronous
    invocation, with the payload in it.
    """
    told, body = attributes_of(message), _object(message["Body"])
    if told.get("TARGET_ARN"):
        return Invocation(_function_name(told["TARGET_ARN"]), message["Body"], told.get("ERROR_CODE", ""))
    context, answer = body.get("requestContext"), body.get("responsePayload")
    if not isinstance(context, dict) or "requestPayload" not in body:
        return None
    error = answer.get("errorType") if isinstance(answer, dict) else None
    return Invocation(_function_name(str(context.get("functionArn", ""))), json.dumps(body["requestPayload"]), str(error or ""))


def _reason(queue: str, message: MessageTypeDef, told: Mapping[str, str]) -> tuple[str, str, str]:
    """Reason code, reason and function."""
    if queue == "outbox":
        condition = _object(message["Body"]).get("requestContext", {})
        code = str(condition.get("condition", "")) if isinstance(condition, dict) else ""
        return code or RECEIVES_SPENT, "the relay failed on these records of the table's stream", "outbox_relay"
    if queue == "schedule":
        invocation = invocation_of(message)
        if invocation is None:
            return "TARGET_UNKNOWN", "the letter does not say which function was meant", ""
        return invocation.error or "NOT_INVOKED", "the function could not be invoked, or failed at every try", invocation.function
    code = told.get("reason_code", RECEIVES_SPENT)
    return code, told.get("reason", RECEIVES_SPENT_REASON if code == RECEIVES_SPENT else ""), told.get("source_function", "")


def _contents(queue: str, message: MessageTypeDef) -> tuple[str, Facts]:
    if queue == "outbox":
        found = stream_range_of(message)
        if found is None:
            return "stream records, unreadable", {}
        return "stream records", {
            "shard_id": found.shard_id,
            "first_sequence_number": found.first,
            "last_sequence_number": found.last,
            "records": str(found.records),
            "records_kept": "in the letter" if "payload" in _object(message["Body"]) else "in the stream, for 24 hours",
        }
    if queue == "schedule":
        invocation = invocation_of(message)
        payload = _object(invocation.payload) if invocation is not None else {}
        shown: Facts = {name: str(payload[name]) for name in SHOWN_OF_A_PAYLOAD if name in payload}
        return "invocation" if invocation is not None else "invocation, unreadable", shown
    kind, facts = MESSAGES[queue]
    try:
        decoded: Any = message_from_json(kind, message["Body"])
    except DomainError:
        return f"{kind.__name__}, unreadable", {}
    return kind.__name__, facts(decoded)


def _of_candle(message: CandleClosed) -> Facts:
    close = message.candle_close.isoformat()
    of_an_upload = {} if message.strategy_id is None else {"strategy_id": message.strategy_id}
    facts = {"venue": message.venue, "market": message.market, "timeframe": message.timeframe.value, "candle_close": close}
    return facts | of_an_upload


def _of_signal(signal: Signal) -> Facts:
    return {
        "signal_id": signal.signal_id,
        "strategy_id": signal.strategy_id,
        "market": signal.market,
        "action": signal.action.value,
        "issued_at": signal.issued_at.isoformat(),
    }


def _of_shard(message: SignalShard) -> Facts:
    return {**_of_signal(message.signal), "venue": message.venue, "shard": str(message.shard)}


def _of_order(message: TradeOrder) -> Facts:
    owner = {"tenant_id": message.tenant_id, "account_id": message.account_id, "subscription_id": message.subscription_id}
    return {**owner, **_of_signal(message.signal)}


def _of_request(message: ReconcileRequest | VettingRequest) -> Facts:
    return {"tenant_id": message.tenant_id, "account_id": message.account_id}


def _of_task(message: BacktestTask) -> Facts:
    return {"tenant_id": message.tenant_id, "backtest_id": message.backtest_id}


def _of_parity(message: ParityTask) -> Facts:
    return {"strategy_id": message.strategy_id, "day": message.day.isoformat()}


MESSAGES: Mapping[str, tuple[type[Any], Callable[[Any], Facts]]] = {
    "candle": (CandleClosed, _of_candle),
    "uploaded-candle": (CandleClosed, _of_candle),
    "signal": (SignalShard, _of_shard),
    "trade": (TradeOrder, _of_order),
    "reconcile": (ReconcileRequest, _of_request),
    "vetting": (VettingRequest, _of_request),
    "parity": (ParityTask, _of_parity),
    "backtest": (BacktestTask, _of_task),
}


def _object(text: str) -> dict[str, Any]:
    """The JSON object in a text; empty for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _function_name(arn: str) -> str:
    """The function's name in an ARN of it or of its alias."""
    parts = arn.split(":")
    return parts[6] if len(parts) > 6 and parts[5] == "function" else ""
