"""The ratchet: how many violations each file may have. A count only falls, and a file without an entry has none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Set
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
    """The allowed counts by file, and the commits after which history is held to the rules."""

    commits_after: str
    """Subjects of later commits are checked."""

    files: Counts
    counts_after: str | None = None
    """The baseline of this commit, and of each later commit, bounds the counts. A stricter rule moves this commit."""

    @classmethod
    def read(cls, root: Path) -> Baseline:
        """The baseline of the repository at `root`."""
        return cls.parsed((root / FILE).read_text(encoding="utf-8"))

    @classmethod
    def parsed(cls, text: str) -> Baseline:
        """The baseline that a version of the file holds."""
        held = json.loads(text)
        return cls(held["commits_after"], held["files"], held.get("counts_after"))

    def write(self, root: Path) -> None:
        held = {"commits_after": self.commits_after, "counts_after": self.counts_after, "files": self.files}
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
        return Baseline(self.commits_after, {file: rules for file, rules in files.items() if rules}, self.counts_after)

    def raised(self, older: Baseline, gone: Set[str]) -> list[Excess]:
        """Every count above an older baseline's. Files of `gone` lend their counts to new files: they were moved."""
        lent = Counter[str]()
        for file in gone:
            lent.update(older.files.get(file, {}))
        raised = []
        for excess in older.excesses(self.files):
            if excess.file in older.files or lent[excess.rule] < excess.found:
                raised.append(excess)
            else:
                lent[excess.rule] -= excess.found
        return raised


def total(counts: Counts) -> int:
    """The number of violations in all files."""
    return sum(count for rules in counts.values() for count in rules.values())
