"""Bodies of the acts by which people close positions and move stops."""

from __future__ import annotations

from decimal import Decimal

from pydantic import ConfigDict, Field

from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.services.orders.close_position import Closing, PositionPlace
from candlecast.services.orders.move_stop import Moved, StopLimit
from functions.api.schemas.values import Body, Identifier, Money, Symbol, View


class PlaceOfPosition(Body):
    """Where a position is held, as the list of positions shows it."""

    account_id: Identifier = Field(description="Account that holds the position.")
    subscription_id: Identifier = Field(description="Subscription of the position.")
    market: Symbol = Field(description="Market of the position.")

    def place(self) -> PositionPlace:
        return PositionPlace(account_id=self.account_id, subscription_id=self.subscription_id, market=self.market)


class PositionToClose(PlaceOfPosition):
    """A position as the list of positions shows it, and the part of it to close: a share, a quantity, or all without either."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"account_id": "4f1c", "subscription_id": "8a2b", "market": "BTC/USDT:USDT", "share": "0.5"},
                {"account_id": "4f1c", "subscription_id": "8a2b", "market": "BTC/USDT:USDT"},
            ]
        }
    )

    share: Money | None = Field(
        default=None,
        description="Share of the held quantity as the exit is sent, above 0 and at most 1. Rounded down to the market's step.",
    )
    quantity: Money | None = Field(
        default=None, description="Base units, above 0; never more than is held is closed. Not beside `share`."
    )

    def reduction(self) -> Reduction | None:
        """The part; None for all."""
        if self.quantity is None and self.share in (None, Decimal(1)):
            return None
        return Reduction(share=self.share, quantity=self.quantity)


class StopToMove(PlaceOfPosition):
    """A position as the list of positions shows it, and the price at which its stop must stand."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"account_id": "4f1c", "subscription_id": "8a2b", "market": "BTC/USDT:USDT", "stop_price": "95"},
            ]
        }
    )

    stop_price: Money = Field(description="Price of the stop, a multiple of the market's tick, on the losing side of the market.")


class StopLimitView(View):
    """A limit that a looser stop must keep, in per cent."""

    code: Reason = Field(description="Code of a stop that breaks the limit.")
    value: Money | None = Field(description="Per cent at the new stop; null where it cannot be computed.")
    bound: Money | None = Field(description="Per cent that the limit allows.")
    margin: Money | None = Field(description="Distance from the value to the bound.")

    @staticmethod
    def of(limit: StopLimit) -> StopLimitView:
        exact = Decimal("0.0001")
        value = None if limit.value is None else limit.value.quantize(exact)
        margin = None if limit.margin is None else limit.margin.quantize(exact)
        return StopLimitView(code=limit.reason, value=value, bound=limit.bound, margin=margin)


class StopView(View):
    """A position whose stop is being moved; `GET /v1/orders` shows the new stop once it stands."""

    account_id: str
    subscription_id: str
    market: str
    side: PositionSide = Field(description="Side of the position.")
    quantity: Money = Field(description="Base units that are held.")
    stop_price: Money | None = Field(description="Price at which the stop must stand.")
    limits: list[StopLimitView] = Field(description="The limits that were compared; none for a tighter stop.")
    dry_run: bool = Field(description="True if nothing was written.")

    @staticmethod
    def of(moved: Moved, *, dry_run: bool) -> StopView:
        held = moved.position
        return StopView(
            account_id=held.account_id,
            subscription_id=held.subscription_id,
            market=held.market,
            side=held.side,
            quantity=held.quantity,
            stop_price=held.stop_price,
            limits=[StopLimitView.of(limit) for limit in moved.limits],
            dry_run=dry_run,
        )


class ClosingView(View):
    """The exit that was ordered; `GET /v1/orders/{order_id}` shows what became of it."""

    order_id: str = Field(description="Id of the exit. Its order is shown once it is decided, mostly within a second.")
    quantity: Money | None = Field(
        description="Base units that it would close at the moment of the request; null for a repeat of an earlier request."
    )
    state: IntentState | None = Field(
        description="Of a dry run: the state that the exit would have now. SUBMITTING is sent at once, PENDING waits for an "
        "earlier order of the position, SKIPPED and DENIED close nothing. Null for an exit that was ordered, and for a repeat."
    )
    cancels: list[str] = Field(
        description="Of a dry run: ids of the entries that rest for the position and would be cancelled first."
    )
    dry_run: bool = Field(description="True if nothing was sent.")

    @staticmethod
    def of(closing: Closing, *, dry_run: bool) -> ClosingView:
        planned = () if closing.plan is None else closing.plan.intents
        return ClosingView(
            order_id=closing.order_id,
            quantity=closing.quantity,
            state=planned[-1].state if planned else None,
            cancels=[entry.intent_id for entry in closing.cancels],
            dry_run=dry_run,
        )
