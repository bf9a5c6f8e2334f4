"""Everything with a form of its own has a golden item: each row of the table's description, each message, each event."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path

import pytest

from candlecast.domain.account.events import EventType
from candlecast.domain.signals import messages
from candlecast.domain.subscriptions.trade_order import TradeOrder
from tests.golden.files import FOLDER

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
