"""Clients of AWS are made of one session: credentials are found once, and services' descriptions read once."""

from __future__ import annotations

import pytest

from candlecast.adapters.aws import clients as aws
from candlecast.adapters.dynamodb.single_table.table import Table


def test_the_table_and_every_other_client_share_their_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    aws.session.cache_clear()
    table = Table("table", region="eu-west-1", host="http://127.0.0.1:9")
    queue = aws.aws_client("sqs", region="eu-west-1")
    aws.session.cache_clear()  # the next test has its own
    assert table.client._request_signer._credentials is queue._request_signer._credentials
