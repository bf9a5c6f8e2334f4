"""Patience reaches the clients: a constant that a client no longer reads would leave end-to-end tests to a slow machine."""

from __future__ import annotations

import pytest

from candlecast.adapters.aws.clients import client_config
from candlecast.adapters.dynamodb.single_table.table import Table
from tests.support.patience import PATIENCE_SECONDS, be_patient


def time_outs() -> set[float]:
    """Of every client of AWS: those that the product makes itself, and the table's."""
    of_sdk, of_table = client_config(), Table("any", region="us-east-1").client.meta.config
    return {getattr(config, name) for config in (of_sdk, of_table) for name in ("connect_timeout", "read_timeout")}


def test_each_client_that_is_made_afterwards_is_patient_and_none_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    assert max(time_outs()) < PATIENCE_SECONDS
    be_patient(monkeypatch)
    assert time_outs() == {PATIENCE_SECONDS}
