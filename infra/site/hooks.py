"""Hooks of mkdocs: pages keep the repository's paths, and documents outside of docs/ are pages too, without copies in git."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from infra.site.documents import documents, for_the_reader, linked_files  # noqa: E402


class TwoSpaces(Extension):  # type: ignore[misc] # the library carries no types
    """Nested lists are indented by two spaces here, as the repository's host reads them."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the library's name
        """Set the step of indentation, and make the parser anew: it read the step when it was made."""
        md.tab_length = 2
        md.build_parser()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read lists as they are written."""
    config.markdown_extensions.insert(0, TwoSpaces())  # first: the others extend the parser that it makes
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of docs/ by all documents, each under its path in the repository."""
    of_docs = Path(config.docs_dir)
    kept = [it for it in files if not it.abs_src_path or not Path(it.abs_src_path).is_relative_to(of_docs)]
    pages = documents(ROOT)
    made = [_file(config, path.as_posix()) for path in (*pages, *linked_files(ROOT, pages))]
    return Files([*kept, *made])


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files, **_: Any) -> str:
    """Give the reader the blank lines that it needs."""
    return for_the_reader(markdown)


def _file(config: MkDocsConfig, path: str) -> File:
    return File.generated(config, path, abs_src_path=str(ROOT / path))
