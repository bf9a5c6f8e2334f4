"""Bodies of strategies, their runs and their signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.definition import (
    MAX_ALLOWED_ADDRESSES,
    MAX_MESSAGES_PER_HOUR,
    MAX_MESSAGES_PER_MINUTE,
    MAX_NOTIONAL,
    SignalSource,
    SourceSettings,
    StrategyDefinition,
    StrategyKind,
    Visibility,
)
from candlecast.domain.strategies.execution import Execution, ExecutionStatus, SignalRecord
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.strategies.admit_reader import Admission
from candlecast.services.strategies.change_source import SourceInUse
from candlecast.services.strategies.create_strategy import IssuedSecret
from candlecast.services.strategies.upload_strategy import Uploaded
from functions.api.schemas.parameters import Parameters, Slug
from functions.api.schemas.parity_share import ParityShareView
from functions.api.schemas.strategy_versions import HintView, NewUploadedStrategy, ReleaseView, VersionView, hints_of
from functions.api.schemas.values import Body, CandleView, Label, Money, Symbol, Text, View, bounded

DEFAULTS = SourceSettings()
OF_AUTHORS = ("owner", "collaborators", "link_key")  # fields that nobody else sees


class NewBuiltInStrategy(Body):
    """A strategy that runs code of this deployment on each closed candle of a market."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "BUILT_IN",
                    "strategy_id": "sma-cross-btc-1m",
                    "name": "SMA cross on Bitcoin",
                    "venue": "paper",
                    "market": "BTC/USDT:USDT",
                    "timeframe": "1m",
                    "code": "sma_cross",
                    "parameters": {"fast_period": 8, "slow_period": 21},
                }
            ]
        }
    )

    kind: Literal[StrategyKind.BUILT_IN] = Field(description="Kind of the strategy: code of this deployment.")
    strategy_id: Slug = Field(description="Yours to choose; lower case letters, digits and hyphens.")
    name: Label = Field(description="A name for people.")
    description: Text = Field(default="", description="Words for people.")
    venue: str = Field(min_length=1, max_length=32, description="Whose candles it sees.")
    market: Symbol = Field(description="Market of the candles.")
    timeframe: Timeframe = Field(description="Length of the candles.")
    code: str = Field(min_length=1, max_length=64, description="Name of the built-in code.")
    parameters: Parameters = Field(
        default_factory=dict, description="Values of the code's parameters; absent ones take their defaults."
    )

    def to_domain(self, created_at: datetime) -> StrategyDefinition:
        return StrategyDefinition(
            strategy_id=self.strategy_id,
            name=self.name,
            kind=StrategyKind.BUILT_IN,
            venue=self.venue,
            created_at=created_at,
            market=self.market,
            timeframe=self.timeframe,
            code=self.code,
            parameters=self.parameters,
            description=self.description,
        )


class NewExternalStrategy(Body):
    """A strategy without code: its signals arrive by webhook."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "EXTERNAL", "strategy_id": "desk-signals", "name": "Signals of the desk", "venue": "paper"}]
        }
    )

    kind: Literal[StrategyKind.EXTERNAL] = Field(description="Kind of the strategy: signals by webhook.")
    strategy_id: Slug = Field(description="Yours to choose; it is the name of the webhook too.")
    name: Label = Field(description="A name for people.")
    description: Text = Field(default="", description="Words for people.")
    venue: str = Field(min_length=1, max_length=32, description="Whose markets its tickers mean.")

    def to_domain(self, created_at: datetime) -> StrategyDefinition:
        return StrategyDefinition(
            strategy_id=self.strategy_id,
            name=self.name,
            kind=StrategyKind.EXTERNAL,
            venue=self.venue,
            created_at=created_at,
            source_id=self.strategy_id,
            description=self.description,
        )


NewStrategy = Annotated[NewBuiltInStrategy | NewExternalStrategy | NewUploadedStrategy, Field(discriminator="kind")]


class StrategyView(View):
    """A strategy that can be followed."""

    strategy_id: str
    name: str = Field(description="Name for people.")
    description: str = Field(description="Words of its author.")
    kind: StrategyKind = Field(description="Where its signals come from.")
    venue: str = Field(description="Venue of its market, or of its tickers.")
    market: str | None = Field(description="Null for an external strategy.")
    timeframe: Timeframe | None = Field(description="Null for an external strategy.")
    code: str | None = Field(description="Module of built-in code; null for any other, and for those who do not follow.")
    parameters: Mapping[str, str | int | float | bool] | None = Field(
        description="Parameters of the code; null in the listing and for those who do not follow the strategy. "
        "An uploaded strategy has them in its versions."
    )
    subscriber_count: int = Field(description="Subscriptions that are not cancelled.")
    created_at: datetime = Field(description="When it was created.")
    tags: tuple[str, ...] = Field(description="Words to find the strategy by.")
    visibility: Visibility = Field(description="Who may find and follow it.")
    retired_at: datetime | None = Field(description="Since when it takes no more followers; null while it lives.")
    release: ReleaseView | None = Field(description="Which versions its followers get; null for a strategy without versions.")
    latest_version: int = Field(description="The highest number that a version has; 0 without versions.")
    catches_up: bool = Field(
        description="Whether a candle that no clock announced in its time is decided afterwards, for the record."
    )
    owner: str | None = Field(
        description="The tenant whose strategy it is; null for the platform's, and for others than authors."
    )
    collaborators: tuple[str, ...] | None = Field(description="Tenants that may change it too; null for others than authors.")
    link_key: str | None = Field(description="Secret part of its link; null without a link, and for others than authors.")
    parity: ParityShareView | None = Field(
        default=None,
        description="Runs of the last thirty days that decided as a backtest does. Null if none was compared, and in listings.",
    )

    @staticmethod
    def of(definition: StrategyDefinition) -> StrategyView:
        """Everything, for its authors."""
        return StrategyView.model_validate(definition)

    @staticmethod
    def followed(definition: StrategyDefinition) -> StrategyView:
        """With code and parameters, for those who follow a strategy of the platform and for operators."""
        return StrategyView.of(definition).model_copy(update=dict.fromkeys(OF_AUTHORS))

    @staticmethod
    def listed(definition: StrategyDefinition) -> StrategyView:
        """The listing, for everybody: neither code nor parameters, from which its next signal could be computed."""
        return StrategyView.of(definition).model_copy(update=dict.fromkeys((*OF_AUTHORS, "code", "parameters")))

    @staticmethod
    def shown(admitted: Admission, parity: ParityShare) -> StrategyView:
        """As much as an admitted reader may see."""
        if admitted.is_author:
            view = StrategyView.of(admitted.strategy)
        else:
            view = (StrategyView.followed if admitted.sees_parameters else StrategyView.listed)(admitted.strategy)
        return view.model_copy(update={"parity": ParityShareView.compared(parity)})


class SourceView(View):
    """Where signals are sent to, with a secret that is shown this once and never again."""

    source_id: str
    webhook_path: str = Field(description="Path at which signals arrive.")
    secret: str = Field(description="Shown this once.")

    @staticmethod
    def of(issued: IssuedSecret) -> SourceView:
        source_id = issued.source.source_id
        return SourceView(source_id=source_id, webhook_path=f"/webhooks/{source_id}", secret=issued.secret)


class SourceChange(Body):
    """Settings of a source. A field that is left out gets its default by `PUT`, and stays as it is by `PATCH`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enabled": True,
                    "messages_per_minute": 60,
                    "messages_per_hour": 500,
                    "max_daily_notional": "100000000",
                    "max_signal_notional": "10000000",
                    "allowed_addresses": ["52.89.214.238", "203.0.113.0/24"],
                }
            ]
        }
    )

    enabled: StrictBool = Field(default=True, description="Whether messages are taken; false is answered like a wrong secret.")
    messages_per_minute: StrictInt = Field(
        default=DEFAULTS.messages_per_minute,
        ge=1,
        le=MAX_MESSAGES_PER_MINUTE,
        description="Entries of a minute; exits count apart.",
    )
    messages_per_hour: StrictInt = Field(
        default=DEFAULTS.messages_per_hour, ge=1, le=MAX_MESSAGES_PER_HOUR, description="Entries of an hour."
    )
    max_daily_notional: Money = Field(
        default=DEFAULTS.max_daily_notional,
        description="Quote units that a day's entries may fill over all followers, UTC.",
        json_schema_extra=bounded(1, MAX_NOTIONAL),
    )
    max_signal_notional: Money = Field(
        default=DEFAULTS.max_signal_notional,
        description="Quote units of one signal's orders; each tenant with an account has an equal share.",
        json_schema_extra=bounded(1, MAX_NOTIONAL),
    )
    allowed_addresses: tuple[Annotated[str, Field(max_length=64)], ...] = Field(
        default=(), max_length=MAX_ALLOWED_ADDRESSES, description="Addresses and networks (CIDR) of its sender; empty is any."
    )

    def replace_all(self, source: SignalSource) -> SignalSource:
        """`source` with these settings and no others; raises `InvalidValue` where the domain refuses."""
        return self._put_on(source, SourceChange.model_fields)

    def apply(self, source: SignalSource) -> SignalSource:
        """`source` with the given settings; raises `InvalidValue` where the domain refuses."""
        return self._put_on(source, self.model_fields_set)

    def _put_on(self, source: SignalSource, names: Iterable[str]) -> SignalSource:
        given = {name: getattr(self, name) for name in names}
        enabled = given.pop("enabled", source.enabled)
        return replace(source, enabled=enabled, settings=replace(source.settings, **given))


class SourceStateView(View):
    """A source as it stands, without its secret."""

    source_id: str
    strategy_id: str
    webhook_path: str = Field(description="Path at which signals arrive.")
    enabled: bool
    messages_per_minute: int
    messages_per_hour: int
    max_daily_notional: Money
    max_signal_notional: Money
    allowed_addresses: tuple[str, ...] = Field(description="Addresses and networks (CIDR) of its sender; empty is any.")
    notional_today: Money = Field(description="Quote units that its entries have filled today (UTC), as far as they are relayed.")
    previous_secret_until: datetime | None = Field(description="End of the overlap after a rotation; null without one.")

    @staticmethod
    def of(found: SourceInUse) -> SourceStateView:
        source, settings = found.source, found.source.settings
        return SourceStateView(
            source_id=source.source_id,
            strategy_id=source.strategy_id,
            webhook_path=f"/webhooks/{source.source_id}",
            enabled=source.enabled,
            messages_per_minute=settings.messages_per_minute,
            messages_per_hour=settings.messages_per_hour,
            max_daily_notional=settings.max_daily_notional,
            max_signal_notional=settings.max_signal_notional,
            allowed_addresses=settings.allowed_addresses,
            notional_today=found.notional_today,
            previous_secret_until=source.previous_until,
        )


class CreatedStrategy(View):
    """The new strategy; `source` is there for an external one, `version` for an uploaded one."""

    strategy: StrategyView = Field(description="The strategy.")
    source: SourceView | None = Field(default=None, description="Null for a strategy with code.")
    version: VersionView | None = Field(default=None, description="Its first version; null for a strategy that was not uploaded.")
    hints: list[HintView] = Field(default=[], description="Lines of the code that may not do what their author hopes for.")

    @staticmethod
    def of_upload(uploaded: Uploaded) -> CreatedStrategy:
        return CreatedStrategy(
            strategy=StrategyView.of(uploaded.definition),
            version=VersionView.of(uploaded.version, sees_parameters=True, is_author=True),
            hints=hints_of(uploaded.hints),
        )


class TakeProfitView(View):
    """One rung of the ladder: `share` of the position is closed at `price`."""

    price: Money = Field(description="Price of the rung.")
    share: Money = Field(description="Part of the position, 0 to 1.")


class SignalView(View):
    """One decision, the same for every subscriber; prices in quote units."""

    signal_id: str
    strategy_id: str
    market: str
    action: Action = Field(description="Act that the signal asks for.")
    issued_at: datetime = Field(description="When the signal was decided. Its age counts from here.")
    candle_close: datetime | None = Field(description="Close of its candle; null for a signal from outside.")
    price: Money | None = Field(description="Reference price.")
    stop_loss: Money | None = Field(description="Price of the stop.")
    take_profits: tuple[TakeProfitView, ...] = Field(description="Rungs at which parts of the position are closed.")
    atr: Money | None = Field(description="Average true range in quote units; only built-in strategies tell it.")
    confidence: Money | None = Field(description="0 to 1.")
    strategy_version: str | None = Field(description="Hash of the code and parameters that decided; null for older signals.")
    metadata: Mapping[str, str] = Field(description="Added by the sender or the code; it decides nothing.")


class PublishedSignalView(View):
    """A published signal with its progress over all shards."""

    signal: SignalView = Field(description="The signal.")
    published_at: datetime = Field(description="When the signal was stored and queued.")
    subscriber_count: int = Field(description="Subscriptions when the signal was published.")
    orders: int = Field(description="Order messages sent so far.")
    skipped: Mapping[str, int] = Field(description="Skipped subscriptions by reason.")
    quarantined: bool = Field(description="The firewall held the signal back; nobody was sent anything of it.")
    shards: int = Field(description="Parts of a thousand subscribers at most.")
    shards_done: int = Field(description="Parts that are complete.")
    spread_seconds: float | None = Field(description="How much later the last message was sent than the first.")

    @staticmethod
    def of(record: SignalRecord) -> PublishedSignalView:
        skipped: dict[str, int] = {}
        for report in record.reports.values():
            for reason, count in report.skipped.items():
                skipped[reason] = skipped.get(reason, 0) + count
        return PublishedSignalView(
            signal=SignalView.model_validate(record.signal),
            published_at=record.published_at,
            subscriber_count=record.subscriber_count,
            orders=record.orders,
            skipped=skipped,
            quarantined=record.is_quarantined,
            shards=record.shards,
            shards_done=record.shards_done,
            spread_seconds=record.spread_seconds,
        )


class SeenCandlesView(View):
    """The candles of one decision, oldest first."""

    first_open: datetime = Field(description="Opening of the first candle.")
    rows: int = Field(description="Number of candles.")
    newest: CandleView = Field(description="The last candle.")
    digest: str = Field(description="Of opening times and numbers; equal for equal candles, however their numbers are written.")


class ExecutionView(View):
    """One run of a strategy on one candle; `drift_seconds` is how much later than the candle's close it began."""

    strategy_id: str
    candle_close: datetime = Field(description="Close of the candle that was decided.")
    scheduled_at: datetime = Field(description="The candle's close.")
    started_at: datetime = Field(description="When the run began.")
    finished_at: datetime | None = Field(description="When the run ended; null before.")
    drift_seconds: float = Field(description="How much later than the close the run began.")
    duration_ms: float | None = Field(description="Milliseconds from the beginning of the run to its end; null before.")
    worker: str = Field(description="Id of the process that ran it.")
    status: ExecutionStatus = Field(description="How the run ended; RUNNING before its end.")
    version: int | None = Field(description="Number of the version that ran; null where the strategy has no versions.")
    signal: SignalView | None = Field(description="Null without a signal.")
    subscriber_count: int = Field(description="Subscriptions when the signal was published.")
    reason: str | None = Field(description="Why the run was skipped.")
    error: str | None = Field(description="Code of the failure.")
    logs: tuple[str, ...] = Field(description="Lines of the strategy.")
    strategy_version: str | None = Field(description="Hash of the code and parameters that were asked; null if none were.")
    seen: SeenCandlesView | None = Field(description="The candles that the code was asked about; null if there were none.")

    @staticmethod
    def of(execution: Execution) -> ExecutionView:
        return ExecutionView.model_validate(execution)
