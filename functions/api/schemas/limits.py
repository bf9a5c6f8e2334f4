"""Bodies of limits. Their fields are those of the domain's `Limits`: a limit that is added there appears here by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import BeforeValidator, ConfigDict, Field, create_model

from candlecast.domain.decide.risk.use import LimitUse
from candlecast.domain.limits.breach import Breach
from candlecast.domain.limits.catalogue import CATALOGUE, LimitSpec
from candlecast.domain.limits.limits import MAX_SET_SIZE, EffectiveLimits, Limits, Scope
from candlecast.domain.limits.record import LimitRecord
from candlecast.domain.limits.trading_window import DAYS_PER_WEEK, MAX_BLACKOUT_NAME, Blackout, TradingWindow
from candlecast.domain.values.terms import PositionSide
from functions.api.schemas.trading import ReasonView
from functions.api.schemas.values import (
    Body,
    Identifier,
    Instant,
    ListedMarket,
    Money,
    Readable,
    TimeOfDay,
    VenueName,
    View,
    bounded,
)

Day = Annotated[int, Field(strict=True, ge=0, lt=DAYS_PER_WEEK)]


class TradingWindowInput(Body):
    """A weekly window, in UTC. It opens on each of `days` (0 is Monday) and closes at the next `closes`."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=DAYS_PER_WEEK)] = Field(
        description="Days on which it opens; 0 is Monday."
    )
    opens: TimeOfDay = Field(description="Time of day (UTC) at which it opens.")
    closes: TimeOfDay = Field(
        description="Time of day (UTC) at which it closes; on the next day if it is not later than `opens`."
    )

    def to_domain(self) -> TradingWindow:
        return TradingWindow(self.days, self.opens, self.closes)


class BlackoutInput(Body):
    """A dated halt: no entry from `starts_at` until before `ends_at`."""

    starts_at: Instant = Field(description="First moment without entries.")
    ends_at: Instant = Field(description="First moment with entries again.")
    name: Annotated[Readable, Field(max_length=MAX_BLACKOUT_NAME)] = Field(default="", description="Words for people.")

    def to_domain(self) -> Blackout:
        return Blackout(self.starts_at, self.ends_at, self.name)


_TYPES: Mapping[Any, Any] = {
    Decimal: Money,
    int: Annotated[int, Field(strict=True)],
    bool: Annotated[bool, Field(strict=True)],
    datetime: Instant,
    tuple[str, ...]: tuple[ListedMarket, ...],
    "allowed_venues": tuple[VenueName, ...],
    tuple[PositionSide, ...]: tuple[PositionSide, ...],
    tuple[tuple[str, ...], ...]: tuple[Annotated[tuple[ListedMarket, ...], Field(max_length=MAX_SET_SIZE)], ...],
    tuple[TradingWindow, ...]: tuple[TradingWindowInput, ...],
    tuple[Blackout, ...]: tuple[BlackoutInput, ...],
}
_SHOWN_TYPES: Mapping[Any, Any] = {
    **{kind: shown_as for kind, shown_as in _TYPES.items() if not isinstance(kind, str)},
    tuple[str, ...]: tuple[str, ...],
    tuple[tuple[str, ...], ...]: tuple[tuple[str, ...], ...],
    tuple[TradingWindow, ...]: tuple[TradingWindow, ...],
    tuple[Blackout, ...]: tuple[Blackout, ...],
}
EXAMPLES = [
    {"max_leverage": "5", "max_daily_loss_percent": "3", "stop_required": True, "denied_markets": ["DOGE/USDT:USDT"]},
]


def _fields(types: Mapping[Any, Any]) -> dict[str, Any]:
    """The limits as optional fields, each with its title and unit."""
    hints = get_type_hints(Limits)
    described = {}
    for name, spec in CATALOGUE.items():
        (kind,) = [kind for kind in get_args(hints[name]) if kind is not type(None)]
        words = f"{spec.title}, {spec.unit}."
        described[name] = (
            types.get(name, types[kind]) | None,
            Field(default=None, description=words, json_schema_extra=_bounded(spec)),
        )
    return described


def _bounded(spec: LimitSpec) -> Callable[[dict[str, Any]], None]:
    """Bounds of a limit for its schema only: the domain checks them."""
    number = bounded(spec.least, spec.most)

    def describe(schema: dict[str, Any]) -> None:
        number(schema)
        for alternative in schema.get("anyOf", ()):
            if alternative.get("type") == "array":
                alternative["maxItems"] = MAX_SET_SIZE

    return describe


class _LimitsBase(Body):
    """Limits to set. An absent limit is not limited at this level."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})  # type: ignore[dict-item]

    def to_domain(self) -> Limits:
        """The domain's limits; raises `InvalidValue` for values beyond the catalogue's bounds."""
        return Limits(**{name: _domain(getattr(self, name)) for name in self.model_fields_set})


class _LimitsViewBase(View):
    """Limits that are set."""


def _domain(value: Any) -> Any:
    """A limit's value as the domain has it."""
    if not isinstance(value, tuple):
        return value
    return tuple(each.to_domain() if isinstance(each, (TradingWindowInput, BlackoutInput)) else each for each in value)


LimitsInput = create_model("LimitsInput", __base__=_LimitsBase, **_fields(_TYPES))
LimitsView = create_model("LimitsView", __base__=_LimitsViewBase, **_fields(_SHOWN_TYPES))


class LimitRecordView(View):
    """The limits of one level, and who has set them."""

    scope: Scope = Field(description="Level of the limits.")
    scope_id: str
    limits: dict[str, Any] = Field(description="The limits that are set, by name.")
    organisation_id: str | None
    group_id: str | None
    changed_by: str = Field(description="Who changed it last; empty if nobody has.")
    changed_at: datetime | None = Field(description="When they were changed last; null if nobody has set anything.")
    version: int = Field(description="0 if nobody has set anything.")

    @staticmethod
    def of(record: LimitRecord) -> LimitRecordView:
        return LimitRecordView(
            scope=record.place.scope,
            scope_id=record.place.scope_id,
            limits=shown(record.limits),
            organisation_id=record.organisation_id,
            group_id=record.group_id,
            changed_by=record.changed_by,
            changed_at=record.changed_at,
            version=record.version,
        )


class BreachView(View):
    """An entry that a limit has stopped."""

    breach_id: str
    account_id: str
    subscription_id: str
    signal_id: str
    market: str
    reason: ReasonView = Field(description="The limit, what was found and its bound.")
    occurred_at: datetime = Field(description="When the entry was stopped.")

    @staticmethod
    def of(breach: Breach) -> BreachView:
        return BreachView(
            breach_id=breach.breach_id,
            account_id=breach.account_id,
            subscription_id=breach.subscription_id,
            signal_id=breach.signal_id,
            market=breach.market,
            reason=ReasonView.of(breach.denial),
            occurred_at=breach.occurred_at,
        )


class Membership(Body):
    """Where a user belongs; null for neither."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organisation_id": "fund-1", "group_id": "juniors"}]})

    organisation_id: Identifier | None = Field(default=None, description="Id of the organisation; null for none.")
    group_id: Identifier | None = Field(default=None, description="Id of the group; null for none.")


class LockView(View):
    """A lock on limits after it was lifted."""

    scope: Scope = Field(description="Level of the limits.")
    scope_id: str
    locked: bool = Field(description="False once the lock is lifted.")


class LimitView(View):
    """One limit of the catalogue."""

    name: str = Field(description="Name of the limit, as bodies of limits have it.")
    title: str = Field(description="The same in words.")
    unit: str = Field(description="Unit of its values.")
    measured_on: str = Field(description="Order, subscription or account.")
    window: str | None = Field(description="Time over which it counts.")
    tightens: str = Field(description="Which of two values is in force.")
    enforced_by: str = Field(description="Who acts on it.")
    reason: str = Field(description="Code of a breach.")

    @staticmethod
    def of(spec: LimitSpec) -> LimitView:
        return LimitView(
            name=spec.name,
            title=spec.title,
            unit=spec.unit,
            measured_on=spec.measure,
            window=spec.window,
            tightens=spec.tightens,
            enforced_by=spec.enforced,
            reason=spec.reason,
        )


class EffectiveLimitView(View):
    """One limit in force: its value, and the widest level at which that value is set."""

    name: str = Field(description="Name of the limit.")
    value: Any = Field(description="Its value: money as text, a number, a flag, a list or an instant.")
    unit: str = Field(description="Unit of the value.")
    origin: Scope = Field(description="Widest level that sets this value.")

    @staticmethod
    def all_of(effective: EffectiveLimits) -> list[EffectiveLimitView]:
        values = shown(effective.limits)
        return [
            EffectiveLimitView(name=name, value=value, unit=CATALOGUE[name].unit, origin=effective.origins[name])
            for name, value in values.items()
        ]


class LimitUseView(View):
    """How much of a limit is used; null where nothing was measured yet, or where nobody has limited it."""

    name: str = Field(description="Name of the limit.")
    unit: str = Field(description="Unit of both values.")
    used: Money | None = Field(description="Null where nothing was measured yet.")
    bound: Money | None = Field(description="Null where nobody has limited it.")
    origin: Scope | None = Field(description="Widest level that sets the bound.")

    @staticmethod
    def of(use: LimitUse) -> LimitUseView:
        unit = CATALOGUE[use.limit].unit
        return LimitUseView(name=use.limit, unit=unit, used=use.used, bound=use.bound, origin=use.origin)


def shown(limits: Limits) -> dict[str, Any]:
    """The limits that are set, as JSON shows them."""
    view: dict[str, Any] = LimitsView.model_validate(limits).model_dump(mode="json", exclude_none=True)
    return view


ShownLimits = Annotated[dict[str, Any], BeforeValidator(lambda value: shown(value) if isinstance(value, Limits) else value)]
"""Limits in an answer: those that are set, by name."""
