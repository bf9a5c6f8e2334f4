"""The values that everything else is made of say at each field what the field means."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from itertools import pairwise
from textwrap import dedent

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.account.usage import Usage
from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.signals.signal import Signal
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.venue.rules import VenueRules

VALUES = (Account, Intent, Signal, Settings, VenueRules, Position, Trade, TradeOrder, Usage)
MOST_WORDS = 25  # of a sentence
OF_A_FIELD = re.compile(r"`(\w+)` (?:is|are|says|counts|holds|remembers)\b")  # what a class's docstring leaves to the field's


def documented(value: type) -> dict[str, str]:
    """The docstring that stands directly below each field (PEP 257's attribute docstring), by the field's name."""
    (described,) = ast.parse(dedent(inspect.getsource(value))).body
    assert isinstance(described, ast.ClassDef)
    found = {}
    for statement, below in pairwise(described.body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[statement.target.id] = " ".join(below.value.value.split())
    return found


def fields(value: type) -> list[str]:
    assert dataclasses.is_dataclass(value)
    return [field.name for field in dataclasses.fields(value)]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_each_field_has_its_meaning_directly_below_it(value: type) -> None:
    assert list(documented(value)) == fields(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_a_meaning_is_told_in_short_sentences(value: type) -> None:
    for name, text in documented(value).items():
        assert text.endswith("."), f"{name}: {text}"
        long = [sentence for sentence in re.split(r"(?<=\.) |; ", text) if len(sentence.split()) > MOST_WORDS]
        assert long == [], f"{name} has a sentence of over {MOST_WORDS} words"


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_the_class_leaves_the_meaning_of_a_field_to_the_field(value: type) -> None:
    assert set(OF_A_FIELD.findall(value.__doc__ or "")) & set(fields(value)) == set()


def test_a_field_without_a_meaning_is_found() -> None:
    @dataclasses.dataclass
    class Example:
        """`told` is explained here, where it should not be."""

        told: int
        """A number."""
        untold: int  # only readers of the source see a comment
        last: int = 0

    assert list(documented(Example)) == ["told"]
    assert OF_A_FIELD.findall(Example.__doc__ or "") == ["told"]
