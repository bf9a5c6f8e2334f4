"""Real AWS clients whose answers are scripted, so that errors come as the SDK makes them and nothing leaves the machine."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber

from candlecast.adapters.aws.clients import client_config


def stubbed(service: Any) -> tuple[Any, Stubber]:
    """A client and its script; an unscripted call fails the test."""
    client = boto3.client(
        service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=client_config()
    )
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber
