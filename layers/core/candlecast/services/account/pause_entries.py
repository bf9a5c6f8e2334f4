"""Pause all entries for a deployment, and let them go again."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock
from candlecast.ports.gate import DeploymentPauses
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class PauseEntries:
    """A pause belongs to the deployment that has paused last; only that one lifts it, or a person by force."""

    pauses: DeploymentPauses
    clock: Clock

    def pause(self, deployment_id: str, by: str) -> DeploymentPause:
        """Deny all entries from now on; a repeat changes nothing, and a pause of another deployment is taken over.

        Raises `InvalidValue` (DEPLOYMENT_ID_INVALID), `RetryLater`. COPIES_INCOMPLETE: entries are denied, and of every account
        within a minute.
        """

        def attempt() -> DeploymentPause:
            known = self.pauses.find_pause()
            if known is not None and known.is_on and known.deployment_id == deployment_id:
                self.pauses.complete_pause()  # the first attempt may have ended half way
                return known
            since = known.paused_at if known is not None and known.is_on else self.clock.now()
            version = known.version if known is not None else 0
            return self.pauses.save_pause(
                DeploymentPause(deployment_id=deployment_id, paused_by=by, paused_at=since, version=version)
            )

        return retry_conflict(attempt)

    def resume(self, deployment_id: str | None, by: str) -> DeploymentPause:
        """Let entries go again; None lifts the pause of any deployment. A pause that is lifted already stays as it is.

        Raises `NotFound` if there never was a pause, `Conflict` (PAUSED_BY_ANOTHER), `RetryLater`: then nothing is lifted.
        """

        def attempt() -> DeploymentPause:
            known = self.pauses.find_pause()
            if known is None:
                raise NotFound("entries were never paused")
            if not known.is_on:
                return known
            if deployment_id not in (None, known.deployment_id):
                raise Conflict("PAUSED_BY_ANOTHER", f"deployment {known.deployment_id} has paused entries, and lifts the pause")
            return self.pauses.save_pause(replace(known, lifted_by=by, lifted_at=self.clock.now()))

        return retry_conflict(attempt)
