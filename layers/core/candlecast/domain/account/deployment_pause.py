"""The pause of a deployment: no entry leaves while the money path is replaced. A pipeline sets the pause and lifts it.

The pause is no kill switch. It stops new entries and nothing else, and a pipeline that lifts its own pause never lifts a person's
switch. If the deployment fails, nobody lifts the pause until a later deployment or a person does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

DEPLOYMENT_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")  # a commit, a tag, or the run of a pipeline


@dataclass(frozen=True, kw_only=True)
class DeploymentPause:
    """The newest pause; it is in force until `lifted_at` is set."""

    deployment_id: str
    """The deployment that has paused last, and may lift the pause."""
    paused_by: str
    paused_at: datetime
    """Since when entries have been denied without a break; a deployment that takes a pause over leaves the time as it is."""
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        require_utc("paused_at", self.paused_at)
        if self.lifted_at is not None:
            require_utc("lifted_at", self.lifted_at)
        if (self.lifted_at is None) is not (self.lifted_by is None):
            raise InvalidValue("a lifted pause says when and by whom")
        if not DEPLOYMENT_ID.fullmatch(self.deployment_id):
            raise InvalidValue(
                "the id of a deployment has 1 to 100 letters, digits, dots, dashes or underlines", code="DEPLOYMENT_ID_INVALID"
            )

    @property
    def is_on(self) -> bool:
        """Whether entries are denied."""
        return self.lifted_at is None
