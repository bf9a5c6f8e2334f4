"""The index of decisions: `python -m infra.words.decisions` writes the table of docs/decisions/README.md from its files."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
INDEX = "README.md"
HEAD = "| number | title | status |\n|---|---|---|\n"
NAME = re.compile(r"(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md")
TITLE = re.compile(r"# (\d{4})\. (\S.*)")
STATUS = re.compile(r"Status: (accepted|(?:changed|replaced) by \d{4}(?:, \d{4})*) \(\d{4}-\d{2}-\d{2}\)(?:; .+)?")
LINK = re.compile(r"\[(\d{4})\]\(([\w.-]+)\)")


class UnusableDecision(ValueError):
    """A file of the folder that is not a decision as docs/decisions/README.md describes one."""


@dataclass(frozen=True)
class Decision:
    """One page: its number as four digits, the name of its file, its title, and its status without date."""

    number: str
    file: str
    title: str
    status: str


def read_decision(path: Path) -> Decision:
    """Read the head of a page. Raises `UnusableDecision` with the reason."""
    lines = path.read_text(encoding="utf-8").splitlines()
    name, title = NAME.fullmatch(path.name), TITLE.fullmatch(lines[0] if lines else "")
    if name is None:
        raise UnusableDecision(f"{path.name}: the name is not NNNN-title.md")
    if title is None or title[1] != name[1]:
        raise UnusableDecision(f"{path.name}: the first line is not '# {name[1]}. Title'")
    status = STATUS.fullmatch(LINK.sub(r"\1", lines[2]) if len(lines) > 2 else "")
    if status is None:
        raise UnusableDecision(f"{path.name}: the third line is not 'Status: accepted (date)', or changed or replaced by a page")
    return Decision(title[1], path.name, title[2], status[1])


def read_decisions(folder: Path = FOLDER) -> list[Decision]:
    """All pages by number. Raises `UnusableDecision` where two pages have the same number."""
    found = [read_decision(path) for path in sorted(folder.glob("*.md")) if path.name != INDEX]
    for earlier, later in pairwise(found):
        if earlier.number == later.number:
            raise UnusableDecision(f"{earlier.file} and {later.file} have the same number")
    return found


def index(folder: Path = FOLDER) -> str:
    """The index as it should be: its text as it stands, its table made of the pages."""
    text = (folder / INDEX).read_text(encoding="utf-8").partition(HEAD)[0]
    return text + HEAD + "".join(f"| [{it.number}]({it.file}) | {it.title} | {it.status} |\n" for it in read_decisions(folder))


def main() -> int:
    """Write the index."""
    (FOLDER / INDEX).write_text(index(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
