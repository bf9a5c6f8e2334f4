"""The glossary has an entry for every private word, and the words of the code that people meet."""

from pathlib import Path

from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.orders.intent import IntentState
from infra.words.glossary import FILE, PRIVATE_WORDS, Glossary
from infra.words.passages import Kind, Passage
from infra.words.rules import MAX_WORDS, sentences, word_count

ROOT = Path(__file__).resolve().parents[3]
GLOSSARY = Glossary.read(ROOT)
TEXT = (ROOT / FILE).read_text(encoding="utf-8")
MEANINGS = dict(part.split("\n", 1) for part in TEXT.split("\n### ")[1:])


def test_entries_stand_in_alphabetical_order_and_once() -> None:
    assert GLOSSARY.entries == sorted(set(GLOSSARY.entries))


def test_every_private_word_has_an_entry() -> None:
    assert [word for word in PRIVATE_WORDS if not GLOSSARY.has(word)] == []


def test_an_entry_is_at_most_two_or_three_plain_sentences() -> None:
    for entry, meaning in MEANINGS.items():
        said = list(sentences(Passage(Kind.DOCUMENT, 1, " ".join(meaning.split()))))
        assert 1 <= len(said) <= 3, entry
        assert max(map(word_count, said)) <= MAX_WORDS, entry


def test_states_and_grades_of_the_code_are_explained() -> None:
    named = {*(it.value.lower() for it in IntentState)} - {"open", "filled", "cancelled", "rejected"}
    assert named <= set(GLOSSARY.entries)
    assert all(grade.value in MEANINGS["grade"] for grade in Grade)
    assert all(word in MEANINGS["outcome"] for word in ("open", "filled", "cancelled", "rejected"))


def test_a_preferred_word_has_an_entry_and_is_not_discouraged() -> None:
    assert len(GLOSSARY.preferred) > 10
    for discouraged, preferred in GLOSSARY.preferred.items():
        assert list(GLOSSARY.discouraged(f"They {discouraged}.")) == [f"'{discouraged}': say {preferred}"]
        assert list(GLOSSARY.discouraged(f"They {preferred}.")) == []
