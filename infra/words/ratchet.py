"""The ratchet: how many violations each file may have. A count only falls, and a file without an entry has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FILE = PurePosixPath("infra/words/baseline.json")

Counts = Mapping[str, Mapping[str, int]]  # file, rule, number of violations


@dataclass(frozen=True)
class Excess:
    """A file that breaks a rule more often than it may."""

    file: str
    rule: str
    found: int
    allowed: int


@dataclass(frozen=True)
class Baseline:
    """The allowed counts by file, and the commit after which subjects of commits are checked."""

    commits_after: str
    files: Counts

    @classmethod
    def read(cls, root: Path) -> Baseline:
        """The baseline of the repository at `root`."""
        held = json.loads((root / FILE).read_text(encoding="utf-8"))
        return cls(held["commits_after"], held["files"])

    def write(self, root: Path) -> None:
        held = {"commits_after": self.commits_after, "files": self.files}
        (root / FILE).write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def excesses(self, found: Counts) -> list[Excess]:
        """Every file and rule whose count is above the allowed one."""
        return [
            Excess(file, rule, count, self.allowed(file, rule))
            for file, rules in sorted(found.items())
            for rule, count in sorted(rules.items())
            if count > self.allowed(file, rule)
        ]

    def allowed(self, file: str, rule: str) -> int:
        return self.files.get(file, {}).get(rule, 0)

    def lowered(self, found: Counts) -> Baseline:
        """This baseline with each count that has fallen. No count rises, and zeros are left out."""
        files = {
            file: {
                rule: min(count, found.get(file, {}).get(rule, 0))
                for rule, count in rules.items()
                if found.get(file, {}).get(rule)
            }
            for file, rules in self.files.items()
        }
        return Baseline(self.commits_after, {file: rules for file, rules in files.items() if rules})


def total(counts: Counts) -> int:
    """The number of violations in all files."""
    return sum(count for rules in counts.values() for count in rules.values())
