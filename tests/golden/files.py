"""Golden files: a case's items and messages as JSON, and the part of them that later code must still write."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import decompress
from zlib import error as ZlibError  # noqa: N812  (a class)

from pydantic_core import to_jsonable_python

from candlecast.adapters.dynamodb.single_table.compression import decompressed
from tests.golden.added_cases import ADDED
from tests.golden.backtest_cases import BACKTESTS
from tests.golden.cases import ITEMS, MESSAGES, Case, World
from tests.golden.live_cases import LIVE
from tests.golden.market_cases import MARKET
from tests.golden.older_cases import OLDER
from tests.golden.paper_cases import PAPER
from tests.golden.request_cases import REQUESTS

FOLDER = Path(__file__).parent
CASES: Mapping[str, Case] = {
    case.path: case for case in (*ITEMS, *MESSAGES, *ADDED, *MARKET, *BACKTESTS, *LIVE, *REQUESTS, *PAPER, *OLDER)
}

Json = Any


def written(case: Case) -> dict[str, Json]:
    """The items and messages that the present code writes for a case, in the form of its file."""
    world = World()
    case.prepare(world)
    before = dict(world.memory.items)
    assert case.write is not None, "nothing writes this any more"
    case.write(world)
    new = [item for key, item in sorted(world.memory.items.items()) if item != before.get(key) and key[1].startswith(case.of)]
    return contents(new, world.sent, case.value())


def contents(items: list[Any], sent: list[Any], value: Any) -> dict[str, Json]:
    """The contents of a file; `value` is what the items must be read as, with every default spelled out."""
    return {"items": [_as_json(item) for item in items], "sent": [_as_json(each) for each in sent], "value": plain(value)}


def restored(case: Case, golden: Mapping[str, Json]) -> World:
    """A deployment that holds what the golden does."""
    world = World()
    case.prepare(world)
    for item in golden["items"]:
        world.memory.items[item["PK"]["S"], item["SK"]["S"]] = _from_json(item)
    world.sent += golden["sent"]
    return world


def plain(value: Any) -> Json:
    """A value of the domain as JSON, nothing left out."""
    return to_jsonable_python(value, by_alias=False)


def missing(golden: Json, now: Json, place: str = "") -> list[str]:
    """The values of a golden that the present code lacks or has otherwise. New fields are no difference."""
    golden, now = _opened(golden), _opened(now)
    if isinstance(golden, dict) and isinstance(now, dict):
        lost = [f"{place}.{name} is gone" for name in golden.keys() - now.keys()]
        return lost + [
            line for name in golden.keys() & now.keys() for line in missing(golden[name], now[name], f"{place}.{name}")
        ]
    if isinstance(golden, list) and isinstance(now, list) and len(golden) == len(now):
        pairs = enumerate(zip(golden, now, strict=True))
        return [line for number, (old, new) in pairs for line in missing(old, new, f"{place}[{number}]")]
    return [] if golden == now and type(golden) is type(now) else [f"{place}: {golden!r} has become {now!r}"]


def texts(golden: Json) -> Json:
    """The golden with compressed attributes as text, everything else to the byte: versions of zlib compress differently."""
    if isinstance(golden, dict) and golden.keys() == {"B"}:
        return {"B": _uncompressed(golden["B"])}
    if isinstance(golden, dict):
        return {name: texts(value) for name, value in golden.items()}
    return [texts(each) for each in golden] if isinstance(golden, list) else golden


def _opened(value: Json) -> Json:
    """JSON within a text as what it says; binary attributes as the lines of their text."""
    if isinstance(value, dict) and value.keys() == {"B"}:
        return [_opened(line) for line in _uncompressed(value["B"]).split("\n")]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _uncompressed(content: str) -> str:
    raw = b64decode(content)
    try:
        return decompressed(raw)
    except ValueError:
        pass
    try:
        return decompress(raw).decode()
    except ZlibError:
        return content


def _as_json(item: Json) -> Json:
    if isinstance(item, bytes | bytearray):
        return b64encode(item).decode()
    if isinstance(item, Mapping):
        return {name: _as_json(value) for name, value in item.items()}
    return [_as_json(each) for each in item] if isinstance(item, list | tuple) else item


def _from_json(item: Json) -> Json:
    """An item with binary attributes as the SDK gives them."""
    return {name: {"B": b64decode(value["B"])} if "B" in value else value for name, value in item.items()}
