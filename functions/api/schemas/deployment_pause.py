"""The pause of a deployment as it is shown."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.account.deployment_pause import DeploymentPause
from functions.api.schemas.values import View


class DeploymentPauseView(View):
    """Whether entries are denied while a release is deployed."""

    paused: bool = Field(description="Whether entries are denied now.")
    since: datetime | None = Field(None, description="Null unless entries are paused.")
    deployment_id: str | None = Field(None, description="The deployment that paused last; for platform admins alone.")
    paused_by: str | None = Field(None, description="For platform admins alone.")
    lifted_by: str | None = Field(None, description="For platform admins alone; null while entries are paused.")

    @staticmethod
    def of(pause: DeploymentPause | None, *, to_operations: bool) -> DeploymentPauseView:
        if pause is None:
            return DeploymentPauseView(paused=False)
        since = pause.paused_at if pause.is_on else None
        if not to_operations:
            return DeploymentPauseView(paused=pause.is_on, since=since)
        return DeploymentPauseView(
            paused=pause.is_on,
            since=since,
            deployment_id=pause.deployment_id,
            paused_by=pause.paused_by,
            lifted_by=pause.lifted_by,
        )
