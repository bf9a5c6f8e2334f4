"""Parameters of a deployment into the running stack: those that nobody names keep their value."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local import deployment
from infra.local.cloud import Cloud, Ports
from infra.local.project import CommandError
from tests.support.transformed import root


class FakeCloudFormation:
    """A stack whose schedules `up` has enabled, deployed by an older template."""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == deployment.STACK
        values = {"SchedulesState": "ENABLED", "LogLevel": "DEBUG", "OidcIssuer": "", "RemovedSince": "x"}
        return {"Stacks": [{"Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]}]}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud("test-parameters", ports=Ports(1, 2, 3))
    monkeypatch.setattr(made, "client", lambda _service: FakeCloudFormation())
    monkeypatch.setattr(made, "deploy", lambda **parameters: parameters)
    return made


def test_the_templates_parameters_are_read_from_the_template() -> None:
    assert deployment.declared_parameters() == frozenset(root()["Parameters"])


def test_what_is_not_named_keeps_its_value(cloud: Cloud) -> None:
    assert cloud.update() == {"SchedulesState": "ENABLED", "LogLevel": "DEBUG", "OidcIssuer": ""}
    assert cloud.update(LogLevel="INFO")["LogLevel"] == "INFO"
    assert cloud.update(LogLevel="INFO")["SchedulesState"] == "ENABLED"


def test_a_parameter_that_the_template_has_not_is_refused_before_anything_happens(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="the template has no parameter LogLevl") as refusal:
        cloud.update(LogLevl="INFO")
    assert (refusal.value.code, refusal.value.exit_code) == ("UNKNOWN_PARAMETER", 2)


def test_empty_values_are_left_out_and_spaces_are_quoted_for_sam() -> None:
    assert deployment._words({"A": "1", "B": "", "C": "two words"}) == ["A=1", 'C="two words"']
