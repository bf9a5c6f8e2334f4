"""docs/reasons.md explains every reason code, and no other: it is written by `python -m infra.pages.reasons`."""

from __future__ import annotations

import re

import pytest

from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.values.reasons import Reason
from functions.api.schemas.subscriptions import SettingsView
from functions.api.schemas.trading import OrderView
from infra.pages.reasons import DOCUMENT, PAGES, page

LEAST_WORDS = 8  # fewer would only repeat the code
OF_ALL = {reason: texts for reasons in PAGES.values() for reason, texts in reasons.items()}


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == page()


def test_every_reason_is_explained_in_the_order_of_the_enumeration() -> None:
    assert list(OF_ALL) == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_explained_in_words(reason: Reason) -> None:
    meaning, remedy = OF_ALL[reason]
    assert len(f"{meaning} {remedy}".split()) >= LEAST_WORDS
    assert meaning.endswith(".")
    assert remedy.endswith(".")


def test_every_setting_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+)`", page())) - {"skipped", "disabled_reason", "suspensions"}
    assert named <= set(SettingsView.model_fields) | set(OrderView.model_fields) | set(CATALOGUE)


def test_the_page_of_a_limit_names_the_limit() -> None:
    unnamed = [spec.name for spec in CATALOGUE.values() if f"`{spec.name}`" not in OF_ALL[spec.reason][0]]
    assert unnamed == ["one_position_per_market"]  # it is always in force while the venue nets positions
