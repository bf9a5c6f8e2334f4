"""The exchange's guide names every path that there is and no other, and the limits that are in force from the start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from candlecast.domain.venue.rules import PAPER
from paper_exchange.http.app import MODULES
from paper_exchange.operator.requests import NewMarket
from paper_exchange.traffic.faults import FaultKind
from paper_exchange.traffic.rate_limits import RateLimits

GUIDE = (Path(__file__).resolve().parents[4] / "docs" / "guides" / "paper-exchange.md").read_text(encoding="utf-8")
VERSIONS = {"api", "dapi", "fapi", "sapi", "operator", "v1", "v2", "v3", ""}


def words(path: str) -> set[str]:
    """The fixed parts of a path."""
    return {part for part in path.partition("?")[0].split("/") if not re.search(r"[{}.]", part)} - VERSIONS


def paths_of_the_app() -> set[str]:
    return {str(getattr(route, "path", "")) for module in MODULES for route in module.router.routes}


def test_every_path_is_named_and_every_named_path_exists() -> None:
    there = set().union(*map(words, paths_of_the_app()))
    code = re.findall(r"`([^`\n]+)`", GUIDE)
    named = {word for text in code for word in re.findall(r"[\w-]+", text)}
    assert len(there) > 40
    assert there - named == set()
    full = re.findall(r"(?:GET|POST|PUT|DELETE) (/(?:fapi|sapi|operator)[^\s`{?,]*)", GUIDE)
    assert len(full) > 20
    assert set().union(*map(words, full)) - there == set()


def test_the_limits_are_those_in_force() -> None:
    limits, table = RateLimits(), GUIDE.split("## Limits")[1].split("##")[0]
    for number in (limits.weight_per_minute, limits.orders_per_ten_seconds, limits.orders_per_minute, PAPER.weight_per_minute):
        assert f"{number:,}" in table or str(number) in table


def test_every_field_of_a_market_is_listed_with_its_default() -> None:
    table = GUIDE.split("### Fields of a market")[1].split("###")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(NewMarket.model_fields)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `")]
    shown = {name: default for names, defaults, _ in rows for name, default in pairs(names, defaults)}
    for name, default in shown.items():
        declared = NewMarket.model_fields[name].default
        assert (declared is None) is default.startswith("one ")
        assert declared is None or Decimal(default.replace(",", "")) == declared


def pairs(names: str, defaults: str) -> Iterator[tuple[str, str]]:
    return zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True)


def test_every_fault_is_listed() -> None:
    listed = set(re.findall(r"`(\w+)`", GUIDE.split("### Faults")[1]))
    assert {kind.value for kind in FaultKind} <= listed
