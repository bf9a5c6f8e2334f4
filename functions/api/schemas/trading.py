"""Bodies of orders, positions and trades. Money in quote units, quantities in base units."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.ranks import rank_tenth
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide, Side
from candlecast.services.reconcile.value_positions import ValuedPosition
from candlecast.services.subscriptions.list_trades import OpenedTrade
from functions.api.schemas.values import Money, View


class ReasonView(View):
    """Why an order was not placed: a code of the list of reasons, the value that was found and the bound that it broke."""

    code: Reason = Field(description="Code of the reason.")
    value: Money | None = Field(
        description="The value that was found; null where the rule compares nothing or could not be evaluated."
    )
    bound: Money | None = Field(description="The bound of the value.")
    margin: Money | None = Field(description="Distance between the two.")

    @staticmethod
    def of(denial: Denial) -> ReasonView:
        return ReasonView(code=denial.reason, value=denial.value, bound=denial.bound, margin=denial.margin)


class OrderView(View):
    """One order leg, placed or not; `client_order_id` is what the venue knows it by."""

    order_id: str
    client_order_id: str = Field(description="Id by which the venue knows the order.")
    venue_order_id: str | None = Field(description="The venue's own id, once it has given one.")
    subscription_id: str
    account_id: str | None = Field(description="Id of the account; null for a subscription without one.")
    strategy_id: str
    strategy_version: str | None = Field(
        description="Hash of the code and parameters that gave the signal; null for older orders and exits that a person ordered."
    )
    signal_id: str
    correlation_id: str = Field(description="Id that all log lines, messages and events of the leg's signal share.")
    leg: str = Field(
        description="Name of the leg within its signal: ENTRY, EXIT, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT_1 and so on. "
        "A further part of a large order ends in _PART_2 and so on."
    )
    kind: LegKind = Field(description="Effect of the leg on a position.")
    market: str
    side: Side | None = Field(description="BUY or SELL; null while an exit does not know what it closes.")
    position_side: PositionSide | None = Field(description="Side of the position that the leg is about.")
    order_type: OrderType = Field(description="How the leg is ordered at the venue.")
    reduce_only: bool = Field(description="True for every leg but an entry.")
    state: IntentState = Field(description="Where the leg is in its life.")
    reason: ReasonView | None = Field(description="Why the leg was not placed or ended without a fill.")
    quantity: Money = Field(description="Base units.")
    filled_quantity: Money = Field(description="Base units that the venue has executed.")
    reference_price: Money | None = Field(description="Price that the decision was made with.")
    trigger_price: Money | None = Field(description="Price at which a stop or target triggers.")
    average_price: Money | None = Field(description="Mean price of the fills.")
    fee: Money = Field(description="Quote units.")
    slippage_bps: Money | None = Field(
        description="Basis points by which a market or limit order filled worse than its reference price; negative is better. "
        "Null if the two are a factor of ten apart: the price of an exit may be any."
    )
    rank_tenth: int | None = Field(
        description="Of an entry: the tenth of its signal's turns in which the subscription was served, from 1 (first) to 10. "
        "Each signal shuffles its followers anew. Null for any other leg."
    )
    issued_at: datetime = Field(description="When the signal was decided.")
    created_at: datetime = Field(description="When the leg was recorded.")
    submitted_at: datetime | None = Field(description="When the leg was marked for sending.")
    settled_at: datetime | None = Field(description="When the leg reached its final state.")
    cancel_asked_at: datetime | None = Field(description="When you asked for the cancellation of an entry; null if you have not.")

    @staticmethod
    def of(intent: Intent) -> OrderView:
        return OrderView(
            order_id=intent.intent_id,
            client_order_id=intent.client_order_id,
            venue_order_id=intent.venue_order_id,
            subscription_id=intent.subscription_id,
            account_id=intent.account_id or None,
            strategy_id=intent.strategy_id,
            strategy_version=intent.strategy_version,
            signal_id=intent.signal_id,
            correlation_id=intent.correlation_id,
            leg=intent.leg,
            kind=intent.kind,
            market=intent.market,
            side=None if intent.position_side is None else intent.side,
            position_side=intent.position_side,
            order_type=intent.order_type,
            reduce_only=intent.reduce_only,
            state=intent.state,
            reason=None if intent.denial is None else ReasonView.of(intent.denial),
            quantity=intent.quantity,
            filled_quantity=intent.filled_quantity,
            reference_price=intent.reference_price,
            trigger_price=intent.trigger_price,
            average_price=intent.average_price,
            fee=intent.fee,
            slippage_bps=intent.slippage_bps,
            rank_tenth=rank_tenth(intent) if intent.kind is LegKind.ENTRY else None,
            issued_at=intent.issued_at,
            created_at=intent.created_at,
            submitted_at=intent.submitted_at,
            settled_at=intent.settled_at,
            cancel_asked_at=intent.cancel_asked_at,
        )


class PositionView(View):
    """An open position, valued at the close of the newest candle that a strategy ran on (`priced_at`); None without one."""

    subscription_id: str
    account_id: str
    strategy_id: str
    venue: str | None = Field(description="Venue of the account.")
    market: str
    side: PositionSide = Field(description="LONG or SHORT.")
    quantity: Money = Field(description="Base units.")
    entry_price: Money = Field(description="Mean price of the fills that opened the position.")
    stop_price: Money | None = Field(description="Price of the stop; null without one.")
    fees: Money = Field(description="Quote units; estimates until the venue's executions have been read.")
    funding: Money = Field(description="Quote units received less quote units paid.")
    opened_at: datetime = Field(description="When the first fill opened the position.")
    last_price: Money | None = Field(description="Close of the newest candle that a strategy of this deployment ran on.")
    priced_at: datetime | None = Field(description="Close time of that candle.")
    unrealised_pnl: Money | None = Field(description="Quote units at the last price, before fees.")

    @staticmethod
    def of(valued: ValuedPosition) -> PositionView:
        position, price = valued.position, valued.last_price
        return PositionView(
            subscription_id=position.subscription_id,
            account_id=position.account_id,
            strategy_id=position.strategy_id,
            venue=valued.venue,
            market=position.market,
            side=position.side,
            quantity=position.quantity,
            entry_price=position.entry_price,
            stop_price=position.stop_price,
            fees=position.fees,
            funding=position.funding,
            opened_at=position.opened_at,
            last_price=None if price is None else price.price,
            priced_at=None if price is None else price.candle_close,
            unrealised_pnl=valued.unrealised_pnl,
        )


class PositionList(View):
    """All open positions, as of when they were read."""

    items: list[PositionView] = Field(description="All open positions.")
    as_of: datetime = Field(description="When the positions were read.")


class TradeView(View):
    """A round trip; `pnl` before and `net_pnl` after fees and funding. Charges that are read later correct it."""

    trade_id: str = Field(description="Id of the entry that opened the position, or of a further round trip of that entry.")
    subscription_id: str
    account_id: str
    strategy_id: str
    market: str
    side: PositionSide = Field(description="LONG or SHORT.")
    quantity: Money = Field(description="Base units.")
    entry_price: Money = Field(description="Mean price of the fills that opened the position.")
    exit_price: Money = Field(description="Mean price of the fills that closed the position.")
    pnl: Money = Field(description="Quote units before fees and funding.")
    fees: Money = Field(description="Quote units; estimates until the venue's executions have been read.")
    funding: Money = Field(description="Quote units received less quote units paid.")
    net_pnl: Money = Field(description="Quote units after fees and funding.")
    opened_at: datetime = Field(description="When the position was opened.")
    closed_at: datetime = Field(description="When the position was closed in full.")
    closed_by: str = Field(
        description="The leg that closed it last, or CLOSED_OUTSIDE, LIQUIDATED, DELEVERAGED or SETTLED if none of ours did."
    )
    strategy_version: str | None = Field(
        description="Hash of the code and parameters that opened the position; null in trades from before that was kept."
    )
    signal_id: str | None = Field(description="The signal that opened the position; null in trades from before that was kept.")
    candle_close: datetime | None = Field(
        description="Close of the candle on which the strategy's run decided that signal: the run's `candle_close`. "
        "Null for a signal from outside, and without `signal_id`."
    )

    @staticmethod
    def of(opened: OpenedTrade) -> TradeView:
        trade = opened.trade
        return TradeView(
            trade_id=trade.trade_id,
            subscription_id=trade.subscription_id,
            account_id=trade.account_id,
            strategy_id=trade.strategy_id,
            market=trade.market,
            side=trade.side,
            quantity=trade.quantity,
            entry_price=trade.entry_price,
            exit_price=trade.exit_price,
            pnl=trade.pnl,
            fees=trade.fees,
            funding=trade.funding,
            net_pnl=trade.net_pnl,
            opened_at=trade.opened_at,
            closed_at=trade.closed_at,
            closed_by=trade.closed_by,
            strategy_version=trade.strategy_version,
            signal_id=trade.signal_id,
            candle_close=opened.candle_close,
        )
