"""Kill switches as they are set and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from candlecast.domain.account.kill_switch import MAX_REASON_CHARACTERS, Grade, KillSwitch, SwitchScope
from functions.api.schemas.values import Body, Readable, View


class NewKillSwitch(Body):
    """How much to stop, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grade": "PAUSE_ENTRIES", "reason": "the venue misbehaves"}]})

    grade: Grade = Field(
        description=(
            "PAUSE_ENTRIES: no new entries. REDUCE_ONLY: resting entries are cancelled too. FLATTEN: every position is closed at"
            " market, then as REDUCE_ONLY. HALT_ALL: nothing is sent, exits included; halt is not close. Stops and targets of"
            " open positions stay in place under every grade."
        )
    )
    reason: Annotated[Readable, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)] = Field(
        description="Words for those whom it stops."
    )


class KillSwitchView(View):
    """A switch; `grade` is null once it was cleared."""

    scope: SwitchScope = Field(description="Kind of the place that the switch stops.")
    scope_id: str
    grade: Grade | None = Field(description="Null once the switch was cleared.")
    reason: str = Field(description="Words of the one who set it.")
    changed_by: str = Field(description="Who changed it last; users see only whether it was operations.")
    changed_at: datetime = Field(description="When it was changed last.")
    version: int = Field(description="Grows with every change.")

    @staticmethod
    def of(switch: KillSwitch, *, to_operations: bool) -> KillSwitchView:
        return KillSwitchView(
            scope=switch.place.scope,
            scope_id=switch.place.scope_id if to_operations else "me",
            grade=switch.grade,
            reason=switch.reason,
            changed_by=switch.changed_by if to_operations else "operations" if switch.by_operations else "me",
            changed_at=switch.changed_at,
            version=switch.version,
        )
