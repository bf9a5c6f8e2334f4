"""The tools of a deployment talk to the region that the shell names, as the AWS CLI does."""

import pytest

from infra.samconfig import clients_of


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


def test_the_region_of_the_shell_is_the_one_that_the_runbooks_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert clients_of(None, None)("cloudformation").meta.region_name == "eu-central-1"


def test_the_configurations_region_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert clients_of(None, "eu-west-1")("cloudformation").meta.region_name == "eu-west-1"
