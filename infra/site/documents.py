"""The documents that become pages, the files that they link, and Markdown as the site's reader understands it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

FOLDERS = ("docs", "infra", ".github")
AT_THE_ROOT = ("README.md", "CHANGELOG.md", "SECURITY.md")
NO_PAGES = re.compile(r"^\.github/")  # forms of the repository's host

FENCE = re.compile(r"^ *(?:`{3,}|~{3,})")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.) ")
ROW = re.compile(r"^\s*\|")


def documents(root: Path) -> list[PurePosixPath]:
    """Every Markdown file of the repository that becomes a page."""
    found = [PurePosixPath(name) for name in AT_THE_ROOT if (root / name).exists()]
    for folder in FOLDERS:
        found += [PurePosixPath(path.relative_to(root).as_posix()) for path in sorted((root / folder).rglob("*.md"))]
    return [path for path in found if not NO_PAGES.match(path.as_posix())]


def linked_files(root: Path, pages: list[PurePosixPath]) -> list[PurePosixPath]:
    """Files that pages link and that are no pages themselves, a licence for instance: they are copied beside the pages."""
    linked = set()
    for page in pages:
        for target in LINK.findall((root / page).read_text(encoding="utf-8")):
            path = (root / page.parent / target).resolve()
            if path.is_file() and path.is_relative_to(root):
                linked.add(PurePosixPath(path.relative_to(root).as_posix()))
    return sorted(linked - set(pages))


def for_the_reader(markdown: str) -> str:
    """Lists and tables with a blank line before them: the site's Markdown needs that line, the host's does not."""
    return "\n".join(_with_blank_lines(markdown.split("\n")))


def _with_blank_lines(lines: list[str]) -> Iterator[str]:
    fenced = False
    before = ""
    for line in lines:
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and before.strip() and not before.startswith(" "):
            begins_list = ITEM.match(line) and not ITEM.match(before)
            begins_table = ROW.match(line) and not ROW.match(before)
            if begins_list or begins_table:
                yield ""
        yield line
        before = line
