"""Answers of broken venues and proxies, made from honest ones: the same seed gives the same answers.

A mutation may make an answer empty, cut, foreign or absurd. It never makes another true-looking report of the same thing: a venue
that lies about a quantity in the right shape is the simulation's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.support.mutated_bodies import BARE, ODD_NUMBERS, ODD_TEXTS

PLACE = f'"{BARE}"'.encode()
PAGES = (
    b"", b" ", b"\n", b"OK", b"null", b"true", b"0", b'""', b"{}", b"[]", b"[{}]", b"[null]", b"[[]]", b"{", b"[", b"]", b"NaN",
    b"<html><head><title>502 Bad Gateway</title></head></html>", b"<!DOCTYPE html>", b"upstream connect error", b"\x1f\x8b\x08",
    b'{"success":true}', b'{"retCode":0,"result":{"list":[]}}', b'{"code":"200","data":[]}', b'{"data":{"orderId":1}}',
    b'{"errors":[{"message":"x"}]}', b"\xff\xfe{}", b"[" * 3_000, b'{"a":' * 3_000, b'{"orderId":' + b"9" * 5_000 + b"}",
)  # fmt: skip
STATUSES = (201, 202, 204, 500, 502, 503, 504)
Answers = Mapping[tuple[str, str], Any]
Mutant = tuple[int, bytes]


def mutated_answer(random: Random, body: bytes, others: Answers) -> Mutant:
    """Status and body instead of an honest `body`; `others` are honest answers to all requests."""
    return random.choice(MUTATIONS)(random, body, others)


def _page(random: Random, _: bytes, __: Answers) -> Mutant:
    return 200, random.choice(PAGES)


def _no_success(random: Random, body: bytes, _: Answers) -> Mutant:
    return random.choice(STATUSES), random.choice((b"", body, random.choice(PAGES)))


def _foreign(random: Random, _: bytes, others: Answers) -> Mutant:
    """The answer to another request, as a cache or a mixed-up connection gives it."""
    return 200, json.dumps(random.choice(list(others.values()))).encode()


def _of_another(random: Random, body: bytes, _: Answers) -> Mutant:
    """The same answer about another market."""
    return 200, body.replace(
        b'"BTCUSDT"', random.choice((b'"ETHUSDT"', b'"btcusdt"', b'"BTCUSDT "', b'"BTCUSDC"', b'""', b"null"))
    )


def _cut(random: Random, body: bytes, _: Answers) -> Mutant:
    start, end = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return 200, random.choice((body[:end], body[start:], body[:start] + body[end:], body + body, body[::-1]))


def _bytes_changed(random: Random, body: bytes, _answers: Answers) -> Mutant:
    raw = bytearray(body)
    for _ in range(random.randint(1, 6)):
        place = random.randrange(len(raw) or 1)
        raw[place : place + random.randint(0, 2)] = random.choice(
            (b"", b"\xff", b"{", b"}", b"[", b'"', b"\\", b",", b":", b"\x00")
        )
    return 200, bytes(raw)


def _one_odd_value(random: Random, body: bytes, _: Answers) -> Mutant:
    answer = json.loads(body)
    holder, name = _some_place(random, answer)
    if holder is None:
        return 200, b"[]" if isinstance(answer, dict) else b"{}"
    holder[name] = random.choice((random.choice(ODD_TEXTS), BARE, None, True, False, [], {}, [[]], [None], 10**30, -1, 0.1))
    return 200, json.dumps(answer).encode().replace(PLACE, random.choice(ODD_NUMBERS).encode())


def _one_left_out(random: Random, body: bytes, _: Answers) -> Mutant:
    answer = json.loads(body)
    holder, name = _some_place(random, answer)
    if isinstance(holder, dict):
        del holder[name]
    return 200, json.dumps(answer).encode()


def _wrapped(random: Random, body: bytes, _: Answers) -> Mutant:
    return 200, random.choice((b"[%s]", b'{"data":%s}', b'{"result":%s,"code":0}', b"[[%s]]", b"[%s,1]", b"[%s,null]")) % body


def _repeated(random: Random, body: bytes, _: Answers) -> Mutant:
    """A list whose rows are repeated; an object becomes a list of twins."""
    answer = json.loads(body)
    rows = answer if isinstance(answer, list) else [answer]
    return 200, json.dumps(rows * random.choice((2, 3, 300))).encode()


MUTATIONS: tuple[Callable[[Random, bytes, Answers], Mutant], ...] = (
    _page, _page, _no_success, _foreign, _of_another, _cut, _bytes_changed, _one_odd_value, _one_odd_value, _one_odd_value,
    _one_left_out, _one_left_out, _wrapped, _repeated,
)  # fmt: skip


def _some_place(random: Random, answer: Any) -> tuple[Any, Any]:
    """A container within an answer and a name or index in it; (None, None) of an empty answer."""
    holder = answer
    while True:
        if not holder:
            return None, None
        name = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not isinstance(holder[name], dict | list) or not holder[name] or random.random() < 0.2:
            return holder, name
        holder = holder[name]
