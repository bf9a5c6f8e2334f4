"""The account's text in its item: small, the same again when it is read, and readable from every writer."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.adapters.codec import to_json, to_sparse_json
from candlecast.adapters.dynamodb.account_text import packed_texts, stored_texts
from candlecast.adapters.dynamodb.accounts import account_item, account_of, stored_account
from candlecast.adapters.dynamodb.single_table.compression import compressed, decompressed, packed
from candlecast.adapters.dynamodb.single_table.dictionary import DICTIONARY
from candlecast.adapters.dynamodb.single_table.outbox import outbox_events, outbox_text
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import order_event
from candlecast.domain.values.errors import RetryLater
from tests.support.builders import ACCOUNT, NOW, TENANT, a_position, an_account, an_intent

OF_ITS_FIRST_DAY = "fcd6747465a6d4adf1f74011f0a1f2240cd4e95f7a1b45a5598c099caa268b7d"
NAMES = (TENANT, ACCOUNT)


def an_account_that_tells() -> Account:
    intent, held = an_intent(), a_position()
    return an_account(
        version=4,
        intents={intent.intent_id: intent},
        positions={held.key: held},
        outbox=(order_event(intent, NOW), replace(order_event(intent, NOW), receipt='{"tenant_id":"","account_id":""}')),
    )


def test_the_dictionary_never_changes() -> None:
    assert hashlib.sha256(DICTIONARY).hexdigest() == OF_ITS_FIRST_DAY, "no stored account could be read any more"


@given(st.text())
def test_packed_text_comes_out_as_it_was(text: str) -> None:
    assert decompressed(packed(text)) == text
    assert decompressed(compressed(text)) == text


@given(st.binary(max_size=40))
def test_anything_else_is_no_text(value: bytes) -> None:
    with pytest.raises(ValueError, match="not compressed text"):
        decompressed(value)


@pytest.mark.parametrize("pack", [packed, compressed])
def test_text_with_something_missing_or_behind_it_is_refused(pack: Any) -> None:
    for broken in (pack("some text")[:-1], pack("some text") + b"more"):
        with pytest.raises(ValueError, match="not all of it"):
            decompressed(broken)


def test_text_of_another_dictionary_is_refused_and_not_misread() -> None:
    other = zlib.compressobj(zdict=DICTIONARY + b" ")
    with pytest.raises(ValueError, match="not compressed text"):
        decompressed(other.compress(b'{"tenant_id":"') + other.flush())


@given(st.text(min_size=1), st.text(min_size=1))
def test_whose_an_account_is_comes_out_of_its_key_whatever_its_names_are(tenant_id: str, account_id: str) -> None:
    names: dict[str, Any] = {"tenant_id": tenant_id, "account_id": account_id}
    intent = an_intent(**names)
    account = replace(an_account_that_tells(), **names, intents={intent.intent_id: intent})
    stored = replace(account, version=0, outbox=())
    item = {"body": {"B": packed_texts(stored, outbox_text(account))}}
    body, outbox = stored_texts(item, (tenant_id, account_id))
    assert body == to_sparse_json(stored)
    assert outbox_events(outbox, lambda: account) == account.outbox


def test_an_item_is_read_as_it_was_written() -> None:
    account = an_account_that_tells()
    item = account_item(account, NOW)
    assert account_of(item, TENANT) == replace(account, version=5, outbox=())
    _, outbox = stored_texts(item, NAMES)
    assert outbox_events(outbox, lambda: account) == account.outbox
    written = decompressed(item["body"]["B"])
    assert (TENANT in written, ACCOUNT in written) == (False, False), "its key says so"


@pytest.mark.parametrize("stored", [lambda text: {"S": text}, lambda text: {"B": compressed(text)}])
@pytest.mark.parametrize("text_of", [to_json, to_sparse_json])
def test_an_item_of_older_code_is_read(stored: Any, text_of: Any) -> None:
    account = replace(an_account_that_tells(), outbox=())
    item = {**account_item(account, NOW), "schema_version": {"N": "1"}, "body": stored(text_of(account)), "outbox": stored("[]")}
    assert account_of(item, TENANT) == replace(account, version=5)
    assert stored_texts(item, NAMES)[1] == "[]"


def test_an_item_of_newer_code_waits_for_newer_code() -> None:
    item = {**account_item(an_account(), NOW), "schema_version": {"N": "3"}}
    with pytest.raises(RetryLater) as later:
        account_of(item, TENANT)
    assert later.value.code == "SCHEMA_UNKNOWN"


def test_the_body_of_another_tenant_is_never_answered_with() -> None:
    stolen = account_item(an_account(tenant_id="tenant-2"), NOW)["body"]
    item = {**account_item(an_account(), NOW), "PK": {"S": f"TENANT#tenant-2#ACCOUNT#{ACCOUNT}"}, "body": stolen}
    with pytest.raises(AssertionError):
        account_of(item, TENANT)


def test_versions_of_a_table_are_above_all_that_the_tables_before_have_given() -> None:
    """Three tables, each restored to a moment at which the account had its seventh version of the one before."""
    account, tables = replace(an_account(), version=0), list[list[int]]()
    for generation in (1, 2, 3):
        versions = []
        for _ in range(12):
            account = stored_account(account, generation)
            versions.append(account.version)
        tables.append(versions)
        account = replace(account, version=versions[6])
    assert tables[0] == list(range(1, 13))
    assert all(later == list(range(later[0], later[0] + 12)) for later in tables)
    assert max(tables[0]) < tables[1][0]
    assert max(tables[1]) < tables[2][0]
