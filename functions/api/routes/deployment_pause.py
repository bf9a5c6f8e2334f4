"""The pause of a deployment: everybody sees whether entries are denied for it, platform admins see by which deployment."""

from __future__ import annotations

from functions.api.deps import PLATFORM_ADMIN, CallerDep
from functions.api.ports import DeploymentPausesDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.deployment_pause import DeploymentPauseView

router = resource_router(VERSION + "/deployment-pause", "operations", 401, 500, 503)


@router.get("")
def get_deployment_pause(who: CallerDep, pauses: DeploymentPausesDep) -> DeploymentPauseView:
    """Show whether a deployment has paused entries. Exits, stops and targets go meanwhile."""
    return DeploymentPauseView.of(pauses.find_pause(), to_operations=PLATFORM_ADMIN in who.roles)
