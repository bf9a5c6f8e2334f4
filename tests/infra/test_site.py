"""The site of the documents is built from the files as they stand: `make docs`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from infra.site.documents import documents, for_the_reader, linked_files

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 600  # the environment is made first, over a slow line perhaps
TABLE = re.compile(r"^\s*\|[\s|:-]+\|$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def test_documents_outside_of_docs_are_pages() -> None:
    pages = documents(ROOT)
    named = [
        "README.md",
        "docs/ARCHITECTURE.md",
        "docs/decisions/README.md",
        "infra/runbooks/README.md",
        "infra/local/emulator/README.md",
    ]
    assert {PurePosixPath(name) for name in named} <= set(pages)
    assert not any(path.parts[0] == ".github" for path in pages)


def test_a_linked_file_that_is_no_page_is_copied(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "LICENSE").write_text("...", encoding="utf-8")
    (tmp_path / "README.md").write_text("[a](LICENSE) [b](docs/b.md) [c](none.txt) [d](../outside)", encoding="utf-8")
    (tmp_path / "docs" / "b.md").write_text("# B", encoding="utf-8")
    assert linked_files(tmp_path, documents(tmp_path)) == [PurePosixPath("LICENSE")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Text:\n- a\n- b", "Text:\n\n- a\n- b"),
        ("Text:\n| a |\n|---|\n| b |", "Text:\n\n| a |\n|---|\n| b |"),
        ("- a\n  goes on\n- b", "- a\n  goes on\n- b"),
        ("```\ntext\n- no list\n```\n", "```\ntext\n- no list\n```\n"),
    ],
)
def test_lists_and_tables_get_the_blank_line_that_the_reader_needs(written: str, read: str) -> None:
    assert for_the_reader(written) == read


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_every_table_is_one() -> None:
    for words in (["sh", "infra/local/bootstrap.sh", "docs"], [".venvs/docs/bin/python", "-m", "infra.site"]):
        process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)  # noqa: S603
        assert process.returncode == 0, process.stdout + process.stderr
    report = json.loads((ROOT / "build" / "docs" / "report.json").read_text(encoding="utf-8"))
    assert (report["passed"], report["warnings"], report["every_page_loads"]) == (True, [], [])
    assert "docs/ARCHITECTURE.html" in report["pages_with_diagrams"]
    architecture = (ROOT / "build" / "docs" / "site" / "docs" / "ARCHITECTURE.html").read_text(encoding="utf-8")
    assert re.search(r"<li>[^<]*<code>[^<]*</code> calls <code>[^<]*</code>:\s*<ol>", architecture), "a list in a list"
    for path in documents(ROOT):
        name = re.sub(r"README\.md$", "index.html", path.as_posix()).replace(".md", ".html")
        page = (ROOT / "build" / "docs" / "site" / name).read_text(encoding="utf-8")
        tables = len(TABLE.findall(FENCED.sub("", (ROOT / path).read_text(encoding="utf-8"))))
        assert page.count("<table>") == tables, path
