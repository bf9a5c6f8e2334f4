"""`make deploy` tells before the first question who deploys, or that nobody does."""

import boto3
import pytest
from botocore.stub import Stubber

from infra.require_credentials import main

ARN = "arn:aws:iam::123456789012:user/operator"


def test_it_tells_who_deploys_and_what_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    sts = boto3.Session("a", "b", region_name="eu-west-1").client("sts")
    with Stubber(sts) as stub:
        stub.add_response("get_caller_identity", {"Arn": ARN})
        assert main(lambda _service: sts) == 0
    told = capsys.readouterr().err
    assert f"deploys as {ARN}" in told
    assert "answer y" in told


def test_credentials_that_have_expired_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    sts = boto3.Session("a", "b", region_name="eu-west-1").client("sts")
    with Stubber(sts) as stub:
        stub.add_client_error("get_caller_identity", "ExpiredToken", "the token has expired")
        assert main(lambda _service: sts) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy: AWS_CREDENTIALS: ")
    assert "the token has expired" in line


def test_nobody_is_refused_before_the_first_question(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert main() == 3
    assert "AWS_PROFILE" in capsys.readouterr().err
