"""The decisions: one page each, with a number of its own, all of them in the index."""

import re
from pathlib import Path

import pytest

from infra.words.decisions import FOLDER, INDEX, LINK, UnusableDecision, index, read_decision, read_decisions

PAGE = "# 0007. Seven\n\nStatus: accepted (2026-11-29)\n\n**What.** Seven.\n"


def write(folder: Path, name: str, text: str = PAGE) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_index_lists_exactly_the_pages() -> None:
    assert (FOLDER / INDEX).read_text(encoding="utf-8") == index(), "run: python -m infra.words.decisions"
    listed = LINK.findall((FOLDER / INDEX).read_text(encoding="utf-8"))
    assert listed == [(it.number, it.file) for it in read_decisions()]


def test_decisions_that_have_been_made_are_kept() -> None:
    assert {it.number for it in read_decisions()} >= {f"{number:04d}" for number in range(1, 41)}


def test_a_changed_decision_names_a_newer_page_that_exists() -> None:
    numbers = {it.number for it in read_decisions()}
    for decision in read_decisions():
        for newer in re.findall(r"\d{4}", decision.status):
            assert newer in numbers
            assert newer > decision.number


def test_a_page_is_read(tmp_path: Path) -> None:
    changed = PAGE.replace("accepted", "changed by [0008](0008-eight.md)")
    decision = read_decision(write(tmp_path, "0007-seven.md", changed))
    assert (decision.number, decision.title, decision.status) == ("0007", "Seven", "changed by 0008")


def test_a_status_may_say_what_the_page_replaces(tmp_path: Path) -> None:
    replacing = PAGE.replace("(2026-11-29)", "(2026-11-29); replaces decision 6")
    assert read_decision(write(tmp_path, "0007-seven.md", replacing)).status == "accepted"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("7-seven.md", PAGE, "name"),
        ("0008-seven.md", PAGE, "first line"),
        ("0007-seven.md", PAGE.replace("accepted", "agreed"), "third line"),
        ("0007-seven.md", PAGE.replace("accepted", "replaced by it"), "third line"),
        ("0007-seven.md", "", "first line"),
    ],
)
def test_an_unusable_page_is_refused_with_its_reason(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(UnusableDecision, match=complaint):
        read_decision(write(tmp_path, name, text))


def test_two_pages_of_one_number_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "0007-seven.md")
    write(tmp_path, "0007-sept.md")
    with pytest.raises(UnusableDecision, match="same number"):
        read_decisions(tmp_path)


def test_the_index_is_made_of_the_pages(tmp_path: Path) -> None:
    write(tmp_path, "0007-seven.md")
    write(
        tmp_path, INDEX, "# Decisions\n\n| number | title | status |\n|---|---|---|\n| [0006](0006-six.md) | Six | accepted |\n"
    )
    assert index(tmp_path).endswith("|---|---|---|\n| [0007](0007-seven.md) | Seven | accepted |\n")
