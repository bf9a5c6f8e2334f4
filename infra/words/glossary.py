"""The glossary as the checker needs it: the words that have an entry, and the words that another one is better than."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

FILE = PurePosixPath("docs/GLOSSARY.md")
ENTRY = re.compile(r"^### (.+)$", re.MULTILINE)
PREFERRED = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \|", re.MULTILINE)
# Words that mean something of their own here. A use of one of them needs its entry.
PRIVATE_WORDS = (
    "account",
    "adopt",
    "breaker",
    "dialect",
    "drift",
    "fan-out",
    "follower",
    "gate",
    "grade",
    "intent",
    "leg",
    "look",
    "mark",
    "naked position",
    "outbox",
    "pool",
    "receipt",
    "relay",
    "settle window",
    "shard",
    "slot",
    "sweep",
    "turn",
    "visit",
    "weight budget",
)
PREFERRED_HEADING = "## Words that we prefer\n"


class Glossary:
    """Entries are headings of the third level; `| say | not |` is a row of the table of preferred words."""

    def __init__(self, text: str) -> None:
        self.entries = ENTRY.findall(text)
        self._known = {form for entry in self.entries for name in entry.split(", ") for form in (name, f"{name}s")}
        table = text.partition(PREFERRED_HEADING)[2].partition("\n#")[0]
        self.preferred = {
            discouraged.strip(): say
            for say, others in PREFERRED.findall(table)[1:]
            if "---" not in say
            for discouraged in others.split(", ")
        }
        self._discouraged = _any_of(self.preferred)
        self._without_entry = _any_of(word for word in PRIVATE_WORDS if not self.has(word))

    @classmethod
    def read(cls, root: Path) -> Glossary:
        """The glossary of the repository at `root`."""
        return cls((root / FILE).read_text(encoding="utf-8"))

    def has(self, word: str) -> bool:
        """Whether a word, or its singular, has an entry."""
        return word in self._known

    def discouraged(self, sentence: str) -> Iterator[str]:
        """Each discouraged word of a sentence, with the preferred word."""
        for found in self._discouraged.findall(sentence) if self._discouraged else ():
            yield f"'{found}': say {self.preferred[found.lower()]}"

    def without_entry(self, sentence: str) -> Iterator[str]:
        """Each private word of a sentence that has no entry."""
        yield from self._without_entry.findall(sentence) if self._without_entry else ()


def _any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of these words, longer ones first; None for no words at all."""
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE) if longest_first else None
