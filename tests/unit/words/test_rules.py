"""Each rule finds what it is about, and leaves a plain sentence alone."""

import pytest

from infra.words.glossary import PRIVATE_WORDS, Glossary
from infra.words.passages import Kind, Passage
from infra.words.rules import sentences, violations, word_count

TABLE = "## Words that we prefer\n\n| say | not | example |\n|---|---|---|\n| repair | mend, mended | x |\n\n## Entries\n\n"
GLOSSARY = Glossary(TABLE + "".join(f"### {word}\n" for word in PRIVATE_WORDS if word not in {"look", "shard"}))


def rules(text: str, kind: Kind = Kind.DOCUMENT) -> list[str]:
    return [it.rule for it in violations(Passage(kind, 1, text), GLOSSARY)]


PLAIN = (
    "An account whose turn comes before its due time gets both visits.",
    "Failures fall back to the SDK, except time-outs and failed conditions.",
    "A position without a stop may already be closed. Use `whatever`, and [this](of-which.md).",
    "Which order is sent first, and why? What is missing?",
    "For a ban: what else uses the address?",
    "The reconciler sends it once. The executor does not know that. The venue has one.",
)


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_sentence_breaks_no_rule(text: str) -> None:
    assert rules(text) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("sentence-length", " ".join(["word"] * 26) + "."),
        ("unclear-subject", "What is due comes on top."),
        ("unclear-subject", "It may have closed an entry of which nobody knows."),
        ("unclear-subject", "Whoever asks is answered, whatever comes."),
        ("unclear-subject", "Use for what there are thousands of."),
        ("unclear-subject", "The account is read; what is missing is fetched."),
        ("relative-clauses", "The order that was sent by the worker which died is the order that counts."),
        ("pronouns", "It is sent when it is due, unless it is old."),
        ("preferred-word", "The reconciler mended a stop."),
        ("private-word", "A shard has a thousand followers."),
        ("private-word", "A subscriber of a kind is a *wanderer*."),
    ],
)
def test_a_planted_violation_is_found(rule: str, text: str) -> None:
    assert rules(text) == [rule]


def test_twenty_five_words_are_allowed() -> None:
    assert rules(" ".join(["Word"] + ["word"] * 24) + ".") == []


def test_a_measurement_belongs_into_no_docstring() -> None:
    text = "A clone takes 5 microseconds."
    assert rules(text, Kind.DOCSTRING) == ["measurement"]
    assert rules("An order waits for a third of its time.", Kind.DOCSTRING) == ["measurement"]
    assert rules("An entry waits for a quarter of an hour.", Kind.DOCSTRING) == []
    assert rules(text, Kind.DOCUMENT) == rules(text, Kind.COMMENT) == []


def test_every_sentence_is_counted_for_itself() -> None:
    text = "*It* ends. (It begins.) Version 3.13 is wanted, e.g. on Linux. `Name` follows"
    assert len(list(sentences(Passage(Kind.DOCUMENT, 1, text)))) == 4
    assert rules("What is due comes. What is late goes.") == ["unclear-subject"] * 2


def test_names_and_links_count_as_their_words() -> None:
    [sentence] = sentences(Passage(Kind.DOCUMENT, 1, "See `a b c d` and [the guide](x/y/z.md) at https://example.com/a-b."))
    assert word_count(sentence) == 7
