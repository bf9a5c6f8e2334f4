"""Counts of violations only fall."""

from pathlib import Path

from infra.words.ratchet import FILE, Baseline, Excess

BASELINE = Baseline("abc", {"a.py": {"pronouns": 2, "sentence-length": 1}, "gone.py": {"pronouns": 1}})


def test_a_file_may_not_exceed_its_baseline() -> None:
    assert BASELINE.excesses({"a.py": {"pronouns": 3, "sentence-length": 1}}) == [Excess("a.py", "pronouns", 3, 2)]


def test_a_new_file_has_no_violation_to_spend() -> None:
    assert BASELINE.excesses({"new.py": {"pronouns": 1}}) == [Excess("new.py", "pronouns", 1, 0)]


def test_one_rule_cannot_spend_what_another_saves() -> None:
    assert BASELINE.excesses({"a.py": {"sentence-length": 2}}) == [Excess("a.py", "sentence-length", 2, 1)]


def test_an_update_lowers_and_never_raises() -> None:
    lowered = BASELINE.lowered({"a.py": {"pronouns": 1, "sentence-length": 5}, "new.py": {"pronouns": 1}})
    assert lowered == Baseline("abc", {"a.py": {"pronouns": 1, "sentence-length": 1}})


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    BASELINE.write(tmp_path)
    assert Baseline.read(tmp_path) == BASELINE


def test_a_count_above_an_earlier_one_is_raised_whoever_wrote_the_baseline() -> None:
    newer = Baseline("abc", {"a.py": {"pronouns": 3}, "new.py": {"pronouns": 1}})
    assert newer.raised(BASELINE, set()) == [Excess("a.py", "pronouns", 3, 2), Excess("new.py", "pronouns", 1, 0)]


def test_a_moved_file_takes_its_counts_along_and_no_more() -> None:
    moved = {"a.py": BASELINE.files["a.py"], "moved.py": {"pronouns": 1}}
    assert Baseline("abc", moved).raised(BASELINE, {"gone.py"}) == []
    twice = {**moved, "other.py": {"pronouns": 1}}
    assert Baseline("abc", twice).raised(BASELINE, {"gone.py"}) == [Excess("other.py", "pronouns", 1, 0)]
