"""The pause of a deployment as the API shows it."""

from __future__ import annotations

from candlecast.services.account.pause_entries import PauseEntries
from tests.api.conftest import Deployment
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock

PATH = "/v1/deployment-pause"


def test_everybody_sees_whether_entries_are_paused_and_operators_by_which_deployment(deployment: Deployment) -> None:
    entries = PauseEntries(deployment.gate, FakeClock())
    nothing = {"paused": False, "since": None, "deployment_id": None, "paused_by": None, "lifted_by": None}
    assert deployment.admin.get(PATH).json == deployment.client.get(PATH).json == nothing
    entries.pause("release-2", "cli:pipeline")
    paused = {**nothing, "paused": True, "since": NOW.isoformat().replace("+00:00", "Z")}
    assert deployment.client.get(PATH).json == paused
    assert deployment.admin.get(PATH).json == {**paused, "deployment_id": "release-2", "paused_by": "cli:pipeline"}
    entries.resume("release-2", "cli:pipeline")
    assert deployment.client.get(PATH).json == nothing
    assert deployment.admin.get(PATH).json["lifted_by"] == "cli:pipeline"


def test_nobody_changes_the_pause_by_the_api(deployment: Deployment) -> None:
    for method in ("PUT", "POST", "DELETE"):
        assert deployment.admin.send(method, PATH, {}).status == 405
