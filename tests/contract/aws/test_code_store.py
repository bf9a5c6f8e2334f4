"""Uploaded code: found by its hash as it was kept, for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import pytest

from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.domain.values.errors import NotFound, Reject
from candlecast.ports.code_store import CodeStore
from tests.contract.aws.conftest import Cloud
from tests.support.fakes.code import FakeCodeStore

SOURCE = "# ä ∑ 𝛑\nclass Mine: ...\n"
HASH = sha256(SOURCE.encode()).hexdigest()


@dataclass
class Kept:
    """A store, and a way to spoil what it holds."""

    store: CodeStore
    spoil: Callable[[str, str], object]


@pytest.fixture(params=["fake", pytest.param("s3", marks=pytest.mark.e2e)])
def code(request: pytest.FixtureRequest) -> Kept:
    if request.param == "fake":
        fake = FakeCodeStore()
        return Kept(fake, fake.held.__setitem__)
    aws: Cloud = request.getfixturevalue("aws")
    s3, bucket = aws.client("s3"), aws.name("code")
    s3.create_bucket(Bucket=bucket)

    def spoil(source_hash: str, source: str) -> None:
        s3.put_object(Bucket=bucket, Key=f"code/{source_hash}.py", Body=source.encode())

    return Kept(S3CodeStore(s3, bucket), spoil)


def test_code_is_found_by_the_hash_of_its_text(code: Kept) -> None:
    assert code.store.put(SOURCE) == HASH
    assert code.store.get(HASH) == SOURCE


def test_the_largest_code_is_kept_whole(code: Kept) -> None:
    source = "#" * MAX_SOURCE_BYTES
    assert code.store.get(code.store.put(source)) == source


def test_a_repeat_changes_nothing_even_if_the_first_was_spoilt(code: Kept) -> None:
    code.store.put(SOURCE)
    code.spoil(HASH, "another")
    assert code.store.put(SOURCE) == HASH
    with pytest.raises(Reject, match="CODE_DAMAGED"):
        code.store.get(HASH)


@pytest.mark.parametrize("name", ["0" * 64, "", "../events/x", HASH.upper(), HASH[:-1], f"{HASH}\n"])
def test_what_was_not_kept_is_not_found(code: Kept, name: str) -> None:
    code.store.put(SOURCE)
    with pytest.raises(NotFound):
        code.store.get(name)
