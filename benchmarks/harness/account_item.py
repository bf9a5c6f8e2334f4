"""The cost of the account's item, which every order reads once and writes twice: time to encode and decode, and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from benchmarks.harness.measuring import Figure, Subject, compare, counted
from candlecast.adapters.codec import from_json, to_sparse_json
from candlecast.adapters.dynamodb.single_table.compression import decompressed, packed
from candlecast.domain.account.account import Account
from tests.support.account_sizes import MAX_ACCOUNT_BYTES, a_usual_account, item_bytes, the_largest_account


def figures() -> Iterator[Figure]:
    """Codec and compression against the standard library's JSON on the same data, at both sizes."""
    for size, account in (("usual", a_usual_account()), ("largest", the_largest_account())):
        text = to_sparse_json(account)
        plain, stored = json.loads(text), packed(text)
        yield counted(f"account, {size}: bytes", "bytes", item_bytes(account), "the bound of its item", MAX_ACCOUNT_BYTES)
        yield from compare(
            Subject(f"account, {size}: json.dumps of the same", partial(json.dumps, plain)),
            Subject(f"account, {size}: encode", partial(to_sparse_json, account)),
            Subject(f"account, {size}: compress", partial(packed, text)),
        )
        yield from compare(
            Subject(f"account, {size}: json.loads of the same", partial(json.loads, text)),
            Subject(f"account, {size}: decode", partial(from_json, Account, text)),
            Subject(f"account, {size}: decompress", partial(decompressed, stored)),
        )
