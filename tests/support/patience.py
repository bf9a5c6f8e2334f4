"""Time-outs of the product's own clients, as long as a busy machine needs: a count or a state decides a test, never a time."""

from __future__ import annotations

import itertools

import pytest

from candlecast.adapters.aws import clients
from candlecast.adapters.dynamodb.single_table import table

PATIENCE_SECONDS = 120  # ends a request that hangs


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Have clients of AWS that are made from now on, in this process, wait for answers that come late."""
    for module, name in itertools.product((clients, table), ("CONNECT_TIMEOUT_SECONDS", "READ_TIMEOUT_SECONDS")):
        patch.setattr(module, name, PATIENCE_SECONDS)
