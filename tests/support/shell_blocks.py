"""Shell blocks of documents, taken apart into the simple commands that a shell would run."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BASH = "/bin/bash"
FENCE = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
KEYWORDS = {"do", "done", "while", "until", "if", "then", "else", "fi", "!", "{", "}", "(", ")"}
SEPARATORS = {";", "&&", "||", "|", "&", ";;"}
REDIRECTION = re.compile(r"[<>]+&?")
SUBSTITUTED = "substituted"  # stands for the output of a command in $(...)
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of shell; `name` is the document and the block's first command line, which no two blocks share."""

    document: str
    text: str

    @property
    def name(self) -> str:
        first = next(line for line in self.text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        return f"{self.document}: {re.sub(r'  +#.*', '', first).strip()}"

    def commands(self) -> list[list[str]]:
        """Every simple command, without assignments before it and redirections behind; those within $(...) too."""
        return list(_commands(self.text))


def blocks(document: str, text: str) -> list[Block]:
    """The shell blocks of a document, in their order."""
    return [Block(document, textwrap.dedent(match[2])) for match in FENCE.finditer(text)]


def run_block(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as it is printed, in a folder; it ends at the first command that fails."""
    command = [BASH, "-e", "-c", block.text]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=300, check=False)  # noqa: S603


def inline_commands(text: str, program: str) -> list[list[str]]:
    """Commands of a program that stand in backticks in running text; one without an option is a mention, and no command."""
    inline = re.findall(rf"`({program} [^`\n]+)`", FENCE.sub("", text))
    found = [command for it in inline for command in _commands(it) if command and command[0] == program]
    return [command for command in found if any(word.startswith("-") for word in command)]


def _commands(text: str) -> Iterator[list[str]]:
    flat, substituted = _flattened(text)
    words: list[str] = []
    reader = shlex.shlex(flat, posix=True, punctuation_chars=";&|<>()")
    reader.whitespace_split = True
    reader.commenters = ""
    for token in (*reader, ";"):
        if token in SEPARATORS or token in ("(", ")"):
            yield from _simple(words)
            words = []
        else:
            words.append(token)
    for inner in substituted:
        yield from _commands(inner)


def _simple(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in KEYWORDS or ASSIGNMENT.fullmatch(words[0])):
        words = words[1:]
    if not words or words[0] == "for" or words[0].endswith("()"):
        return
    kept: list[str] = []
    skips = False
    for word in words:
        if REDIRECTION.fullmatch(word):
            skips = True
            if kept and kept[-1].isdigit():
                kept.pop()
        elif skips:
            skips = False
        else:
            kept.append(word)
    yield kept


def _flattened(text: str) -> tuple[str, list[str]]:
    """The text in one line without comments and without any $(...), and the commands of these."""
    out: list[str] = []
    substituted: list[str] = []
    quote, at = "", 0
    while at < len(text):
        here = text[at]
        if here == "\\" and text[at + 1 : at + 2] == "\n":
            at += 2
            out.append(" ")
            continue
        if text.startswith("$(", at) and quote != "'":
            end = _closing(text, at + 2)
            substituted.append(text[at + 2 : end])
            out.append(SUBSTITUTED)
            at = end + 1
            continue
        if here in "'\"" and quote in ("", here):
            quote = "" if quote else here
        elif here == "#" and not quote and (at == 0 or text[at - 1].isspace()):
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        elif here == "\n" and not quote:
            here = " ; " if _ends_a_command(out) else " "
        out.append(here)
        at += 1
    return "".join(out), substituted


def _closing(text: str, at: int) -> int:
    """Where the bracket closes that is open at `at`."""
    depth, quote = 1, ""
    while depth:
        here = text[at]
        if here in "'\"" and quote in ("", here):
            quote = "" if quote else here
        elif not quote:
            depth += {"(": 1, ")": -1}.get(here, 0)
        at += 1
    return at - 1


def _ends_a_command(out: list[str]) -> bool:
    """Whether a line ends its command: not behind an operator."""
    return not re.search(r"(&&|\|\|?|;|\bdo|\bthen|\{)\s*$", "".join(out))
