"""Environment of the functions, one model each: the first invocation names each missing or malformed variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from candlecast.domain.values.errors import InvalidValue


class VenueSettings(BaseModel):
    """How a venue is reached: its ccxt class, and where it answers if not at its own address."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    ccxt_class: str
    base_url: str | None = None


class Environment(BaseModel):
    """Settings from environment variables; a field's variable is its name in capitals."""

    # A function reads one model: the others are never built.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper, defer_build=True)

    environment: str

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the settings; raises `InvalidValue` (SETTINGS_INVALID), which names variables and never their values."""
        try:
            return cls.model_validate(dict(os.environ if variables is None else variables))
        except ValidationError as error:
            names = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False)}))
            raise InvalidValue(f"missing or malformed: {names}", code="SETTINGS_INVALID") from None


class WithTable(Environment):
    """`table_generation` is raised by each restore of the table (decision 0093)."""

    table_name: str
    table_generation: int = Field(default=1, ge=1)


class NamesVenues(Environment):
    venues: Json[dict[str, VenueSettings]]

    def ccxt_venues(self) -> dict[str, tuple[str, str | None]]:
        """Each venue's ccxt class, and its base URL if the venue does not answer at its own address."""
        return {name: (venue.ccxt_class, venue.base_url) for name, venue in self.venues.items()}


class WithVenues(NamesVenues):
    markets_bucket: str


class WithBudget(WithVenues):
    """`egress_address` names the address that venues see: functions that leave by the same one share its weight budget."""

    egress_address: str = "shared"


class CandleClockSettings(WithTable):
    candle_queue_url: str
    uploaded_candle_queue_url: str


class StrategyRunnerSettings(WithTable, WithBudget):
    candle_queue_url: str
    candle_dead_letters_url: str
    uploaded_candle_queue_url: str
    uploaded_candle_dead_letters_url: str
    code_bucket: str
    sandbox_function: str
    signal_queue_url: str
    max_candle_lateness_seconds: float = Field(gt=0)


class StrategyValidatorSettings(WithTable, WithBudget):
    sandbox_function: str


class BacktestRunnerSettings(WithTable, WithBudget):
    backtest_queue_url: str
    backtest_dead_letters_url: str
    code_bucket: str
    results_bucket: str
    sandbox_function: str


class ParityCheckerSettings(WithTable, WithBudget):
    parity_queue_url: str
    parity_dead_letters_url: str
    code_bucket: str
    sandbox_function: str


class SignalIntakeSettings(WithTable):
    signal_queue_url: str
    markets_bucket: str
    secret_prefix: str


class SignalFanoutSettings(WithTable, WithBudget):
    signal_queue_url: str
    signal_dead_letters_url: str
    trade_queue_url: str


class OrderExecutorSettings(WithTable, WithBudget):
    trade_queue_url: str
    trade_dead_letters_url: str
    reconcile_queue_url: str
    awaited_look_queue_url: str
    secret_prefix: str


class ReconcileClockSettings(WithTable):
    reconcile_queue_url: str
    awaited_look_queue_url: str
    backtest_queue_url: str
    live_function: str


class OrderReconcilerSettings(WithTable, WithBudget):
    reconcile_queue_url: str
    awaited_look_queue_url: str
    reconcile_dead_letters_url: str
    vetting_queue_url: str
    secret_prefix: str


class KeyVettingSettings(WithTable, NamesVenues):
    vetting_queue_url: str
    vetting_dead_letters_url: str
    reconcile_queue_url: str
    awaited_look_queue_url: str
    secret_prefix: str
    egress_address: str = "shared"


class HealthProbeSettings(WithTable, NamesVenues):
    candle_queue_url: str
    signal_queue_url: str
    trade_queue_url: str
    probed_secret_id: str
    event_bus_name: str
    egress_address: str = "shared"


class OutboxRelaySettings(WithTable):
    event_bus_name: str
    archive_bucket: str
    live_function: str


class LiveConnectionsSettings(WithTable):
    """`live_url` is where clients connect, `wss://host/stage`."""

    live_url: str


class HistoryRebuildSettings(WithTable):
    archive_bucket: str


class ApiSettings(WithTable, WithVenues):
    signal_queue_url: str
    trade_queue_url: str
    vetting_queue_url: str
    awaited_look_queue_url: str
    secret_prefix: str
    kms_key_id: str
    dead_letters_function: str
    cursor_secret_id: str
    quotes_function: str
    code_bucket: str
    validator_function: str
    backtest_queue_url: str
    parity_queue_url: str
    results_bucket: str
    live_url: str
    tenant_claim: str = "sub"
    roles_claim: str = "cognito:groups"
    operators_to_lift: int = Field(default=2, ge=1, le=2)


class MarketCatalogueSettings(WithVenues):
    pass


class RedriveSettings(Environment):
    """Every queue with its dead letters, so that a queue is redriven by its name alone; functions are named by their prefix."""

    candle_queue_url: str
    candle_dead_letters_url: str
    uploaded_candle_queue_url: str
    uploaded_candle_dead_letters_url: str
    signal_queue_url: str
    signal_dead_letters_url: str
    trade_queue_url: str
    trade_dead_letters_url: str
    reconcile_queue_url: str
    reconcile_dead_letters_url: str
    vetting_queue_url: str
    vetting_dead_letters_url: str
    backtest_queue_url: str
    backtest_dead_letters_url: str
    parity_queue_url: str
    parity_dead_letters_url: str
    outbox_dead_letters_url: str
    schedule_dead_letters_url: str
    archive_bucket: str
    functions_prefix: str
