"""The prose of a file, in passages: a paragraph of Markdown, a docstring's paragraph, a comment, a description, a message.

Reading is by patterns, not by parsers: all files of the repository take well under a second, so the check fits into the
fast loop. Names in backticks become one word, since the rules are about sentences, not about identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class Kind(StrEnum):
    """Where a passage stands; some rules hold for some kinds only."""

    DOCUMENT = "document"
    DOCSTRING = "docstring"
    COMMENT = "comment"
    DESCRIPTION = "description"
    MESSAGE = "message"


@dataclass(frozen=True)
class Passage:
    """Prose without a blank line in it. `line` is the line in the file at which it begins, counted from 1."""

    kind: Kind
    line: int
    text: str


READABLE = {".md", ".py", ".yaml", ".yml", ".toml", ".sh", ".in"}
NAMED = {"Makefile"}

FENCE = re.compile(r"^ *(`{3,}|~{3,})")
HEADING = re.compile(r"^#{1,6} ")
LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
TABLE_RULE = re.compile(r"^[\s|:-]+$")
HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
PYTHON_TOKEN = re.compile(
    r"""(?P<prefix>[rbfuRBFU]{0,2})(?:"{3}(?P<triple>(?:\\.|[^\\])*?)"{3}|'{3}(?:\\.|[^\\])*?'{3}"""
    r"""|"(?P<double>(?:\\.|[^"\\\n])*)"|'(?P<single>(?:\\.|[^'\\\n])*)')|\#(?P<comment>[^\n]*)""",
    re.DOTALL,
)
RAISED = re.compile(r"\braise [\w.]+\(\s*$")
CODE = re.compile(r"[A-Z][A-Z0-9_]*")
FIELD = re.compile(r"\{[^{}]*\}")
NO_PROSE = re.compile(r"^(?:!|:|\s*(?:noqa|pragma|nosec|shellcheck|cfn-lint|checkov|(?:type|fmt|ruff|mypy|isort): ?))")
DESCRIPTION = re.compile(r"^(?P<indent>\s*)(?:- )?(?:Alarm)?[Dd]escription: *(?P<value>.*)$")
HASH_COMMENT = re.compile(r"^(?P<code>(?:[^#'\"]|'[^']*'|\"[^\"]*\"|(?<=\S)#)*?)(?:(?<=\s)|^)#(?P<comment>[^\n]*)$")


def passages(path: PurePosixPath, text: str) -> Iterator[Passage]:
    """The prose of one file. Files of a kind that holds none give nothing."""
    if path.suffix == ".md":
        yield from _of_markdown(text)
    elif path.suffix == ".py":
        yield from _of_python(text)
    elif path.suffix in READABLE or path.name in NAMED:
        yield from _of_hash_comments(text)
        if path.suffix in {".yaml", ".yml"}:
            yield from _of_descriptions(text)


def _of_markdown(text: str) -> Iterator[Passage]:
    """Paragraphs, list items and cells of tables; no headings, no fenced blocks."""
    gathered = _Gathered(Kind.DOCUMENT)
    fence = ""
    for number, line in enumerate(HTML_COMMENT.sub(lambda it: "\n" * it[0].count("\n"), text).splitlines(), 1):
        mark = FENCE.match(line)
        if fence or mark:
            yield from gathered.end()
            if mark and not fence:
                fence = mark[1]
            elif mark and mark[1].startswith(fence):
                fence = ""
        elif not line.strip() or HEADING.match(line):
            yield from gathered.end()
        elif line.lstrip().startswith("|"):
            yield from gathered.end()
            yield from _cells(line, number)
        else:
            if LIST_ITEM.match(line):
                yield from gathered.end()
            gathered.add(LIST_ITEM.sub("", line).strip(), number)
    yield from gathered.end()


def _cells(line: str, number: int) -> Iterator[Passage]:
    if TABLE_RULE.match(line):
        return
    for cell in line.strip().strip("|").split("|"):
        if cell.strip():
            yield Passage(Kind.DOCUMENT, number, cell.strip())


def _of_python(text: str) -> Iterator[Passage]:
    """Docstrings, of fields too, comments, and the texts of errors that are raised."""
    comment = _Gathered(Kind.COMMENT)
    message = _Gathered(Kind.MESSAGE)
    line, end, in_raise = 1, 0, False
    for token in PYTHON_TOKEN.finditer(text):
        between = text[end : token.start()]
        line += between.count("\n")
        start_of_line = text.rfind("\n", 0, token.start()) + 1
        if token["comment"] is not None:
            alone = not text[start_of_line : token.start()].strip()
            if not alone or between.strip() or between.count("\n") > 1:
                yield from comment.end()
            if not NO_PROSE.match(token["comment"]):
                comment.add(token["comment"].strip(), line)
        else:
            yield from comment.end()
            literal = next((it for it in (token["double"], token["single"]) if it is not None), None)
            raised = RAISED.search(text, max(0, token.start() - 80), token.start())
            if literal is None or not (raised or (in_raise and between.strip() in {"", ","})):
                in_raise = False
            else:
                in_raise = True
                if between.strip():
                    yield from message.end()
                if not CODE.fullmatch(literal):
                    message.add(FIELD.sub("`field`", literal) if "f" in token["prefix"] else literal, line)
            if not in_raise:
                yield from message.end()
            if token["triple"] is not None and _is_docstring(text, start_of_line, token):
                yield from _paragraphs(Kind.DOCSTRING, token["triple"], line)
        line += token[0].count("\n")
        end = token.end()
    yield from comment.end()
    yield from message.end()


def _is_docstring(text: str, start_of_line: int, token: re.Match[str]) -> bool:
    """Whether a string is a statement of its own, and so a docstring: of a module, a class, a function or a field."""
    if text[start_of_line : token.start()].strip() or "f" in token["prefix"]:
        return False
    before = text[:start_of_line].rstrip()
    return not before or before[-1] not in "(,=[{+\\%|"


def _paragraphs(kind: Kind, text: str, first: int) -> Iterator[Passage]:
    """Paragraphs and list items of a docstring; examples and indented blocks are no prose."""
    gathered = _Gathered(kind)
    lines = text.splitlines()
    margin = min((len(it) - len(it.lstrip()) for it in lines[1:] if it.strip()), default=0)
    for number, line in enumerate(lines, first):
        inner = line[margin:] if number > first else line
        if not line.strip() or inner.startswith(("    ", ">>>", "...")):
            yield from gathered.end()
        else:
            if LIST_ITEM.match(inner):
                yield from gathered.end()
            gathered.add(LIST_ITEM.sub("", line).strip(), number)
    yield from gathered.end()


def _of_hash_comments(text: str) -> Iterator[Passage]:
    """Comments after `#`, those of neighbouring lines together."""
    gathered = _Gathered(Kind.COMMENT)
    for number, line in enumerate(text.splitlines(), 1):
        found = HASH_COMMENT.match(line) if "#" in line else None
        if found is None or found["code"].strip():
            yield from gathered.end()
        if found is not None and not NO_PROSE.match(found["comment"]):
            if not found["comment"].strip() or found["comment"].lstrip().startswith("---"):  # a blank one, or a banner
                yield from gathered.end()
            else:
                gathered.add(found["comment"].strip("# "), number)
            if found["code"].strip():
                yield from gathered.end()
    yield from gathered.end()


def _of_descriptions(text: str) -> Iterator[Passage]:
    """Descriptions of templates, those that are folded over several lines too."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        found = DESCRIPTION.match(line)
        if found is None:
            continue
        value = found["value"].strip()
        if value.startswith("!Sub"):
            value = value.removeprefix("!Sub").strip()
        words = [value.strip("'\"")] if value and value[0] not in ">|!{[" else []
        for following in lines[number:]:
            if following.strip() and len(following) - len(following.lstrip()) <= len(found["indent"]):
                break
            if not following.strip() or (value and value[0] not in ">|'\""):
                break
            words.append(following.strip().strip("'\""))
        if words:
            yield Passage(Kind.DESCRIPTION, number, " ".join(words))


class _Gathered:
    """Lines that become one passage once it is clear that no more belong to it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._lines: list[str] = []
        self._first = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, text: str, line: int) -> None:
        if not text:
            return
        if not self._lines:
            self._first = line
        self._lines.append(text)

    def end(self) -> Iterator[Passage]:
        if self._lines:
            yield Passage(self._kind, self._first, " ".join(self._lines))
            self._lines = []
