"""The rules for one sentence. docs/CONTRIBUTING.md states them for people; each has a name here and in the baseline.

A rule finds only patterns that a machine can decide. A sentence that passes may still be unclear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.words.glossary import Glossary
from infra.words.passages import Kind, Passage

MAX_WORDS = 25
MAX_RELATIVE_CLAUSES = 2  # one is the rule; `that` is also a conjunction, so a second marker proves nothing yet
MAX_PRONOUNS = 2  # of `it`, `one` and `that` without a noun, in one sentence

CODE = re.compile(r"``[^`]+``|`[^`]+`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
URL = re.compile(r"https?://\S+")
# A full stop ends a sentence where a blank and something like a beginning follow, so `e.g. x` and `3.13` do not.
END = re.compile(r"(?<=[.!?])[*_\"')\]]*\s+(?=[*_\"'(\[]*[A-Z0-9`‘“])")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|cf|vs)\.\s*$", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z0-9À-ÿ][\w'’./:%+-]*")
EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(?=\S)|(?<=\S)\*{1,2}(?![\w*])")

UNCLEAR = re.compile(
    r"\bof which\b|\b[Ww]ho(?:ever|mever)\b|\b[Ww]hatever\b|\b[Ww]hichever\b"
    r"|\b(?:for|of|by|from|with|on|in|to|at|than|but|and) what (?!to\b)"
    r"|^[*_\"'(]*(?:What|So does what|Not what|All that|None of what) (?!.*\?)"
    r"|[;:] what \w+(?!.*\?)",
)
RELATIVE = re.compile(r"\b(?:which|who|whom|whose|that)\b", re.IGNORECASE)
PRONOUN = re.compile(
    r"\bit\b|\bones?\b(?=[,.;:)]|$| (?:that|which|who|is|was|has|had|to|in|for|by|with|at)\b)"
    r"|\bthat (?:of|is|are|was|were|has|had|does|which)\b|\bthat[,.;]",
    re.IGNORECASE,
)
MEASUREMENT = re.compile(
    r"\b\d[\d.,]*\s*(?:µs|us|microseconds?|ms|milliseconds?)\b"
    r"|\ban? (?:third|quarter|fifth|sixth|seventh|eighth|ninth|tenth|twentieth|thirtieth|fortieth|hundredth) of\b"
    r"(?! an? (?:hour|minute|day))"
    r"|\b(?:\d[\d.,]*|two|three|four|five|ten|twenty|a hundred) times (?:as|faster|slower|longer|cheaper|more|less|what)\b"
)
INTRODUCED = re.compile(r"\b(?:[Aa]n?|[Tt]he|[Tt]his) \*([a-z][a-z-]+(?: [a-z-]+)?)\*(?=[),.:;]| (?:is|are|means)\b)")


@dataclass(frozen=True)
class Violation:
    """One place where a rule is broken: the rule's name, the line, and the words that show it."""

    rule: str
    line: int
    shown: str


def sentences(passage: Passage) -> Iterator[str]:
    """The sentences of a passage; a name in backticks counts as one word, a link as its text."""
    text = URL.sub("`url`", LINK.sub(r"\1", passage.text))
    text = EMPHASIS.sub("", CODE.sub("`name`", text))
    begun = ""
    for part in END.split(text):
        begun = f"{begun} {part}" if begun else part
        if not ABBREVIATION.search(begun):
            yield begun
            begun = ""
    if begun:
        yield begun


def word_count(sentence: str) -> int:
    """Words of a sentence as a reader counts them."""
    return len(WORD.findall(sentence))


def violations(passage: Passage, glossary: Glossary) -> Iterator[Violation]:
    """Every rule that a passage breaks, sentence by sentence."""
    for sentence in sentences(passage):
        for rule, find in SENTENCE_RULES.items():
            if shown := find(sentence):
                yield Violation(rule, passage.line, shown)
        for shown in glossary.discouraged(sentence):
            yield Violation("preferred-word", passage.line, shown)
        if passage.kind is Kind.DOCSTRING and (found := MEASUREMENT.search(sentence)):
            yield Violation("measurement", passage.line, found[0])
        for word in glossary.without_entry(sentence):
            yield Violation("private-word", passage.line, f"{word} has no entry in docs/GLOSSARY.md")
    for introduced in INTRODUCED.findall(passage.text):
        if not glossary.has(introduced):
            yield Violation("private-word", passage.line, f"{introduced} is introduced here and has no entry in docs/GLOSSARY.md")


def _too_long(sentence: str) -> str:
    words = word_count(sentence)
    return f"{words} words: {_shortened(sentence)}" if words > MAX_WORDS else ""


def _unclear_subject(sentence: str) -> str:
    found = UNCLEAR.search(sentence)
    return f"'{found[0].strip()}': {_shortened(sentence)}" if found else ""


def _relative_clauses(sentence: str) -> str:
    found = RELATIVE.findall(sentence)
    return f"{len(found)} of which, who, that: {_shortened(sentence)}" if len(found) > MAX_RELATIVE_CLAUSES else ""


def _pronouns(sentence: str) -> str:
    found = PRONOUN.findall(sentence)
    return f"{', '.join(found)}: {_shortened(sentence)}" if len(found) > MAX_PRONOUNS else ""


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= 90 else f"{sentence[:87]}..."


SENTENCE_RULES: dict[str, Callable[[str], str]] = {
    "sentence-length": _too_long,
    "unclear-subject": _unclear_subject,
    "relative-clauses": _relative_clauses,
    "pronouns": _pronouns,
}
