"""The marker of a restored table: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.restorations import DynamoRestorations
from candlecast.domain.reconcile.restoration import Restoration
from tests.support.builders import NOW
from tests.support.fakes.restorations import FakeRestorations


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def restorations(request: pytest.FixtureRequest) -> Any:
    return FakeRestorations() if request.param == "fake" else DynamoRestorations(request.getfixturevalue("dynamodb_table"))


RESTORED = Restoration(generation=2, restored_to=NOW)


def test_a_table_that_was_never_restored_says_nothing(restorations: Any) -> None:
    assert restorations.find() is None


def test_a_restored_table_says_from_when_it_is_and_since_when_it_is_used(restorations: Any) -> None:
    restorations.put(RESTORED)
    assert restorations.find() == RESTORED
    adopted = replace(RESTORED, adopted_at=NOW + timedelta(minutes=20))
    restorations.put(adopted)
    assert restorations.find() == adopted
