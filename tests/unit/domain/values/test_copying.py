"""Copies of values: as `dataclasses.replace` makes them, of every value that the domain has."""

from __future__ import annotations

import dataclasses
import pkgutil
from datetime import timedelta
from functools import cached_property
from importlib import import_module
from typing import Any

import pytest

import candlecast.domain
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, a_signal, an_account


def values_of_the_domain() -> list[type[Any]]:
    modules = [import_module(found.name) for found in pkgutil.walk_packages(candlecast.domain.__path__, "candlecast.domain.")]
    classes = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    return [each for each in classes if dataclasses.is_dataclass(each) and each.__module__.startswith("candlecast.domain")]


def test_a_copy_is_what_the_standard_library_makes() -> None:
    account = an_account()
    changed = {"version": 7, "reconciled_at": NOW + timedelta(seconds=1)}
    assert replace(account, **changed) == dataclasses.replace(account, **changed)  # type: ignore[arg-type]
    assert account == an_account()


def test_a_copy_is_checked_as_a_new_value_is() -> None:
    with pytest.raises(InvalidValue):
        replace(a_signal(), issued_at=NOW.replace(tzinfo=None))


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="Account has no such field: colour"):
        replace(an_account(), version=1, colour="green")  # type: ignore[call-arg]


def test_every_value_of_the_domain_can_be_copied() -> None:
    values = values_of_the_domain()
    assert len(values) > 50
    for value in values:
        assert not hasattr(value, "__slots__"), f"{value.__name__} has slots: a copy takes over what is in __dict__"
        cached = [name for name, member in vars(value).items() if isinstance(member, cached_property)]
        assert not cached, f"a copy of {value.__name__} would keep {cached} of what it was made of"
        assert not [each.name for each in dataclasses.fields(value) if not each.init], (
            "a copy would keep what the constructor makes"
        )
