"""Older and present code read each other's items and messages alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.files import CASES, FOLDER, missing, plain, restored, texts, written
from tests.golden.names import KINDS

GOLDEN = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json") if path.parent.name != "names")
WRITTEN_STILL = [path for path in GOLDEN if path in CASES and CASES[path].write is not None]


def golden(path: str) -> Any:
    return json.loads((FOLDER / path).read_text(encoding="utf-8"))


def test_every_case_has_its_golden_file_and_every_file_its_case() -> None:
    assert sorted(CASES) == GOLDEN, "python -m tests.golden writes what is missing; nothing may ever be taken away"


@pytest.mark.parametrize("path", GOLDEN)
def test_what_older_code_wrote_is_read_as_the_value_it_was_written_from(path: str) -> None:
    case, content = CASES[path], golden(path)
    read = case.read(restored(case, content))
    assert read == case.value()
    assert missing(content["value"], plain(read)) == [], "a field is gone, or one that the item leaves out has another default"


@pytest.mark.parametrize("path", WRITTEN_STILL)
def test_what_is_written_now_is_what_older_code_wrote(path: str) -> None:
    content, now = golden(path), written(CASES[path])
    known = {_key(item) for item in content["items"]}
    now["items"] = [item for item in now["items"] if _key(item) in known]  # items may be added: older code never asks for them
    for part in ("items", "sent"):
        assert missing(content[part], now[part]) == []
        assert missing(now[part], content[part]) or texts(now[part]) == texts(content[part]), "the same in other words"


def _key(item: Any) -> tuple[str, str]:
    return item["PK"]["S"], item["SK"]["S"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_name_that_somebody_relies_on_is_gone(kind: str) -> None:
    assert set(golden(f"names/{kind}.json")) - KINDS[kind]() == set()


def test_a_renamed_field_and_another_value_are_differences_and_a_new_field_is_none() -> None:
    old = {"body": {"S": '{"price":"1.50","legs":[{"leg":"ENTRY"}]}'}}
    assert missing(old, {"body": {"S": '{"price":"1.50","legs":[{"leg":"ENTRY","new":null}],"newer":1}'}}) == []
    assert missing(old, {"body": {"S": '{"cost":"1.50","legs":[{"leg":"ENTRY"}]}'}}) == [".body.S.price is gone"]
    assert missing(old, {"body": {"S": '{"price":"1.5","legs":[{"leg":"ENTRY"}]}'}}) != []
    assert missing(old, {"body": {"S": '{"price":1.50,"legs":[{"leg":"ENTRY"}]}'}}) != []
    assert missing(old, {"body": {"S": '{"price":"1.50","legs":[]}'}}) != []
