"""docs/reasons.md explains every reason code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from candlecast.domain.reasons import Reason
from functions.api.schemas.subscriptions import SettingsView
from functions.api.schemas.trading import OrderView

PAGE = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
LEAST_WORDS = 8  # fewer would only repeat the code


def test_the_page_lists_every_reason_in_the_order_of_the_enumeration() -> None:
    assert list(SECTIONS) == [reason.value for reason in Reason]


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_explained_in_words(reason: Reason) -> None:
    assert len(SECTIONS[reason.value].split()) >= LEAST_WORDS


def test_every_setting_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE)) - {"skipped", "disabled_reason"}
    assert named <= set(SettingsView.model_fields) | set(OrderView.model_fields)
