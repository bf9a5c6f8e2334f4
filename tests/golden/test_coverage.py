"""Everything with a form of its own has a golden item: each row of the table's description, each message, each event."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.account.events import EventType
from candlecast.domain.signals import messages
from candlecast.domain.subscriptions.trade_order import TradeOrder
from tests.golden.files import CASES, FOLDER

ARCHITECTURE = Path(__file__).resolve().parents[2] / "docs" / "ARCHITECTURE.md"
GOLDEN = {path.relative_to(FOLDER).as_posix(): json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*/*.json")}
KEYS = {(item["PK"]["S"], item["SK"]["S"]) for it in GOLDEN.values() if "items" in it for item in it["items"]}
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| (`[^`]+`|market) \|", re.MULTILINE)
CONTROL = (
    ("`KILL_SWITCH#s#i`", "`STATE`"),
    ("`BREAKER#v`", "`STATE`"),
    ("`WEIGHTS#v#e`", "`STATE`"),
)  # the row that names modules
SENT = [cls for _, cls in inspect.getmembers(messages, inspect.isclass) if cls.__module__ == messages.__name__]


def rows() -> list[tuple[str, str]]:
    """Partition and sort key of each row of the page, as patterns."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split("\n## The table\n")[1].split("\n## ")[0]
    return [(f"`{partition}`", place) for _, partition, place in ROW.findall(section)]


def pattern(written: str) -> str:
    """A key of the page as a pattern: words in capitals stand for themselves."""
    parts = written.strip("`").split("#")
    return "#".join(part if part.isupper() else "[^#]+" for part in parts)


def test_the_page_has_rows() -> None:
    assert len(rows()) > 15


@pytest.mark.parametrize(("partition", "place"), [*rows(), *CONTROL])
def test_each_kind_of_item_has_a_golden_item(partition: str, place: str) -> None:
    wanted = re.compile(f"{pattern(partition)} {pattern(place)}")
    assert any(wanted.fullmatch(f"{held} {at}") for held, at in KEYS)


@pytest.mark.parametrize("message", [*SENT, TradeOrder])
def test_each_message_has_a_golden_item(message: type) -> None:
    assert dataclasses.is_dataclass(message)
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", message.__name__).lower()
    assert [path for path in GOLDEN if path.startswith(f"message_{name}/")]


@pytest.mark.parametrize("event", EventType)
def test_each_event_has_a_golden_item(event: EventType) -> None:
    assert [path for path in GOLDEN if path.startswith(("event/", "outbox/")) and f'"{event.value}"' in json.dumps(GOLDEN[path])]


# -- fields ------------------------------------------------------------------------------------------------------------------

# A version is a number that only changes with a new form. A reader never gets an account's events with the account.
ALWAYS_AT_THEIR_DEFAULT = {"schema_version", "outbox"}


@cache
def values_seen() -> Mapping[type, frozenset[str]]:
    """For each dataclass in the goldens' values, the fields that some golden gives a value other than the default."""
    seen: dict[type, set[str]] = defaultdict(set)
    for case in CASES.values():
        for value in dataclasses_in(case.value()):
            seen[type(value)] |= {it.name for it in dataclasses.fields(value) if is_given(value, it)}
    return {kind: frozenset(names) for kind, names in seen.items()}


def dataclasses_in(value: Any) -> Iterator[Any]:
    """Each dataclass within a value, in any depth."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        parts: Any = [getattr(value, it.name) for it in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
    else:
        parts = value if isinstance(value, list | tuple | set | frozenset) else ()
    for part in parts:
        yield from dataclasses_in(part)


def is_given(value: Any, field: dataclasses.Field[Any]) -> bool:
    """Whether the field has a value other than its default; a field without a default always has."""
    if field.default_factory is not dataclasses.MISSING:
        return bool(getattr(value, field.name) != field.default_factory())
    return field.default is dataclasses.MISSING or bool(getattr(value, field.name) != field.default)


@pytest.mark.parametrize("kind", sorted(values_seen(), key=str), ids=lambda kind: str(kind.__name__))
def test_each_stored_field_has_a_golden_value_other_than_its_default(kind: type) -> None:
    """A stored item may leave a default out. So only another value shows that the field is written and read."""
    names = {it.name for it in dataclasses.fields(kind)} - ALWAYS_AT_THEIR_DEFAULT
    assert sorted(names - values_seen()[kind]) == []


def test_a_field_at_its_default_is_not_seen() -> None:
    @dataclasses.dataclass
    class Inner:
        name: str = "as ever"
        others: list[str] = dataclasses.field(default_factory=list)

    first, second = Inner(others=["another"]), Inner("another")
    given = [
        [it.name for it in dataclasses.fields(value) if is_given(value, it)] for value in dataclasses_in({"a": [(first, second)]})
    ]
    assert given == [["others"], ["name"]]
