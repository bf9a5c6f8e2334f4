"""References in prose resolve: to a path, a decision, an invariant. Rows of documents outside of the repository never do.

Links and anchors of documents are held by tests/documents/test_documents.py and by the build of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from infra.words.passages import Passage
from infra.words.rules import Violation

RULE = "unresolved-reference"
# Rows of the requirements' ledger and numbers of an older list of decisions: neither is part of the repository.
OUTSIDE = re.compile(r"(?<![\w.`])(?:MC|ST|SU|SG|EX|RK|BT|PE|EV|OP|DO|D)\d{1,2}\b(?!`)")
NUMBERS = r"(\d+(?:(?:, | and |, and )\d+)*)"
DECISION = re.compile(rf"\b[Dd]ecisions? {NUMBERS}")
INVARIANT = re.compile(rf"\b[Ii]nvariants? {NUMBERS}")
INVARIANT_HEADING = re.compile(r"^### (\d+)\. ", re.MULTILINE)
PATH = re.compile(r"(?<![\w./:$<{*~-])(?:[\w.-]+/)+[\w-]+\.(?:py|md|yaml|yml|toml|sh|json|in|lock)\b(?![*<{/])")
MADE = ("build/", ".venvs/", ".aws-sam/")  # exist only where something has run
WRITTEN_BY_THE_READER = {"three_highs.py", "my_breakout.py"}


class References:
    """The targets of references, read once from the repository at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bases = (root, root / "layers" / "core" / "candlecast", root / "layers" / "core")
        self._decisions = {path.name[:4] for path in (root / "docs" / "decisions").glob("[0-9]*.md")}
        reliability = root / "docs" / "RELIABILITY.md"
        self._invariants = set(INVARIANT_HEADING.findall(reliability.read_text(encoding="utf-8")) if reliability.exists() else ())
        self._folders = {path.name for base in self._bases if base.exists() for path in base.iterdir() if path.is_dir()}
        self._known: dict[str, bool] = {}

    def violations(self, path: PurePosixPath, passage: Passage) -> Iterator[Violation]:
        """Every reference of a passage that leads nowhere."""
        text = passage.text
        for found in OUTSIDE.findall(text):
            yield Violation(RULE, passage.line, f"{found} is not in this repository")
        for pattern, known, what in ((DECISION, self._decisions, "decision"), (INVARIANT, self._invariants, "invariant")):
            for numbers in pattern.findall(text):
                for number in re.findall(r"\d+", numbers):
                    if number not in known:
                        yield Violation(RULE, passage.line, f"{what} {number} does not exist")
        if "/" in text:
            for found in PATH.findall(text):
                if found.split("/")[0] in self._folders and not self._exists(found, path):
                    yield Violation(RULE, passage.line, f"{found} does not exist")

    def _exists(self, named: str, where: PurePosixPath) -> bool:
        if named.startswith(MADE) or named in WRITTEN_BY_THE_READER:
            return True
        if named not in self._known:
            self._known[named] = any((base / named).exists() for base in self._bases)
        return self._known[named] or (self._root / where.parent / named).exists()
