"""The table of releases, docs/releases.md: the commit of each release, and the indexes of its table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from infra.release.commits import ROOT

TABLE = ROOT / "docs" / "releases.md"
ROW = re.compile(r"\| (\d+\.\d+\.\d+) \| `([0-9a-f]{40})` \| (\d{4}-\d{2}-\d{2}) \| ([^|]*) \| [^|]* \|")
HEADER = "| release | commit | date | indexes | reads and does not write |"


class UnusableTable(ValueError):
    """A row of the table is not one, or the rows are not in order."""


@dataclass(frozen=True)
class Release:
    """A row; `indexes` are the names of the table's indexes in the template of `commit`."""

    version: str
    commit: str
    day: date
    indexes: tuple[str, ...]

    @property
    def tag(self) -> str:
        return f"v{self.version}"

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.version.split("."))


def releases(text: str | None = None) -> list[Release]:
    """All rows, the newest first. Raises `UnusableTable`."""
    lines = (TABLE.read_text(encoding="utf-8") if text is None else text).splitlines()
    if HEADER not in lines:
        raise UnusableTable(f"no line {HEADER}")
    found = []
    for line in lines[lines.index(HEADER) + 2 :]:
        if not line.startswith("|"):
            break
        row = ROW.fullmatch(line)
        if row is None:
            raise UnusableTable(f"not a row of the table: {line}")
        found.append(Release(row[1], row[2], date.fromisoformat(row[3]), tuple(re.findall(r"\w+", row[4]))))
    if [it.number for it in found] != sorted({it.number for it in found}, reverse=True):
        raise UnusableTable("releases are listed once each, the newest first")
    return found


def indexes_of(template: dict[str, Any], table: str = "Table") -> dict[str, Any]:
    """Name of each index of a table in a template, with its keys and its projection."""
    listed = template["Resources"][table]["Properties"].get("GlobalSecondaryIndexes", [])
    return {it["IndexName"]: {"KeySchema": it["KeySchema"], "Projection": it["Projection"]} for it in listed}


def changed_indexes(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Indexes that an update would make, remove or make anew. DynamoDB takes one of them in one update."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
