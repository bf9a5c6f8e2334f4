"""Messages of hostile and of broken senders, made from honest ones: the same seed gives the same messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from candlecast.signals.message import MAX_BODY_BYTES

HONEST: tuple[dict[str, Any], ...] = (
    {"ticker": "BTCUSDT", "action": "buy", "price": "42000", "stopLoss": {"type": "stop", "stopPrice": 41000}},
    {"ticker": "BTCUSDT.P", "action": "sell", "sentiment": "flat", "price": 42000.5, "time": "2026-11-20T12:00:00Z"},
    {"ticker": "BTCUSDT", "action": "exit", "quantity": 1, "quantityType": "percent_of_position", "extras": {"note": ["a", 1]}},
    {"market": "BTC/USDT:USDT", "action": "EXIT_LONG", "signal_id": "decision-1", "time": 1795176000},
    {
        "action": "LONG",
        "market": "BTC/USDT:USDT",
        "price": "42000",
        "stop_loss": 41000,
        "take_profits": [{"price": 43000, "share": 0.5}, {"price": 44000, "share": 0.5}],
        "entry": {"type": "LIMIT", "price": "41900", "time_in_force": "GTC", "rests_seconds": 60},
        "confidence": 0.8,
        "signal_id": "decision-2",
        "metadata": {"reason": "breakout", "leverage": 3},
    },
)
ODD_TEXTS = (
    "", " ", "0", "-0", "null", "NaN", "Infinity", "1e999", "-1e-999", "1_000", "0x10", "{{close}}", "%last_price%", "\x00",
    "\x7f", "\u202eBTC", "BTCU\u017fDT", "\uff11\uff12", "\ufffd", "\ud800", "\U0001f7e2" * 40, "9" * 41,
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-99-99T99:99:99Z", "2026-11-20", "-62135596801", "1e18",
    "LONG", "buy", "limit", "BTC/USDT:USDT", "a" * 129, "#", "../../x",
)  # fmt: skip
ODD_NUMBERS = (
    "0", "-0", "-1", "1e9999999999999999999", "-1e-9999999999999999999", "1E400", "0.1e-400", "9" * 41, "9" * 5_000, "1e999",
    "0." + "0" * 60 + "1", "1e18", "1e19", "NaN", "-Infinity", "01", "+1", "1.", ".5", "1e", "253402300800", "-62135596801",
)  # fmt: skip
BARE = "@number@"
PLACE = f'"{BARE}"'  # becomes a number that no JSON library would write


@dataclass(frozen=True, slots=True)
class Mutated:
    """A body, and how it broke: the name of the mutation."""

    body: bytes
    name: str


def mutated(random: Random) -> Mutated:
    """One message."""
    make = random.choice(MUTATIONS)
    return Mutated(make(random), make.__name__.strip("_"))


def _honest(random: Random) -> bytes:
    fields = dict(random.choice(HONEST))
    if random.random() < 0.5:
        fields["signal_id"] = f"decision-{random.getrandbits(32)}"
    return _written(fields)


def _one_odd_value(random: Random) -> bytes:
    fields: dict[str, Any] = json.loads(json.dumps(random.choice(HONEST)))
    holder: Any = fields
    while True:
        name = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not isinstance(holder[name], dict | list) or not holder[name] or random.random() < 0.3:
            break
        holder = holder[name]
    holder[name] = _odd(random)
    return _written(fields).replace(PLACE.encode(), random.choice(ODD_NUMBERS).encode())


def _another_member(random: Random) -> bytes:
    fields = dict(random.choice(HONEST)) | {
        random.choice(("secret", "token", "orderType", "delay", "x", "", "\u0000")): _odd(random)
    }
    return _written(fields).replace(PLACE.encode(), random.choice(ODD_NUMBERS).encode())


def _members_left_out(random: Random) -> bytes:
    return _written({name: value for name, value in random.choice(HONEST).items() if random.random() < 0.6})


def _bytes_changed(random: Random) -> bytes:
    raw = bytearray(_honest(random))
    for _ in range(random.randint(1, 8)):
        place = random.randrange(len(raw))
        raw[place : place + random.randint(0, 2)] = random.choice(
            (b"", b"\xff", b"{", b"}", b"[", b'"', b"\\", b",", b":", b"\x00", b"9")
        )
        raw = raw or bytearray(b"{")
    return bytes(raw)


def _cut_or_doubled(random: Random) -> bytes:
    raw = _honest(random)
    start, end = sorted(random.randrange(len(raw) + 1) for _ in range(2))
    return random.choice((raw[:start], raw[start:end], raw + raw, raw[:end] + raw[start:], raw[::-1]))


def _nested(random: Random) -> bytes:
    depth = random.choice((5, 15, 16, 17, 100, 2_000, 30_000))
    opened, closed = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    inner = opened * depth + b"1" + closed * random.choice((depth, depth - 1, 0))
    return random.choice((inner, b'{"ticker":"BTCUSDT","action":"exit","extras":' + inner + b"}"))[: MAX_BODY_BYTES + 1]


def _wide(random: Random) -> bytes:
    count = random.choice((10, 100, 400, 1_000, 20_000))
    part = random.choice((b"1,", b'"a",', b"{},", b"[],", b'"\\u0041",', b"1e5,", b"null,", b'"x":1,'))
    opened, closed = random.choice(((b"[", b"]"), (b"{", b"}")))
    body = opened + part * count + part.rstrip(b",") + closed
    return b'{"ticker":"BTCUSDT","action":"exit","extras":' + body[:MAX_BODY_BYTES] + b"}"


def _long(random: Random) -> bytes:
    size = random.choice((1_000, 30_000, MAX_BODY_BYTES - 60, MAX_BODY_BYTES, MAX_BODY_BYTES + 1))
    filler = random.choice((b"a", b'\\"', b"\\", b'"', b"9", b" ", b"{{", b"%a", "\u20ac".encode(), b"\\ud800"))
    return (
        b'{"ticker":"BTCUSDT","action":"exit","x":"'
        + (filler * (size // len(filler)))[: size - 50]
        + random.choice((b'"}', b"", b"}"))
    )


def _noise(random: Random) -> bytes:
    return random.randbytes(random.randint(0, 200))


def _plain_text(random: Random) -> bytes:
    return random.choice(
        (b"", b"buy BTCUSDT", b"ticker=BTCUSDT&action=buy", b"<a/>", b"null", b"[]", b'"x"', b"1e9999999999999999999")
    )


MUTATIONS: tuple[Callable[[Random], bytes], ...] = (
    _honest, _one_odd_value, _one_odd_value, _one_odd_value, _another_member, _members_left_out, _bytes_changed, _cut_or_doubled,
    _nested, _wide, _long, _noise, _plain_text,
)  # fmt: skip


def _odd(random: Random) -> object:
    simple: tuple[object, ...] = (
        None,
        True,
        False,
        0,
        -1,
        10**30,
        0.1,
        [],
        {},
        [[]],
        {"a": {}},
        [None],
        PLACE.strip('"'),
        PLACE.strip('"'),
    )
    return random.choice(
        (random.choice(ODD_TEXTS), random.choice(simple), [random.choice(ODD_TEXTS)], {"price": random.choice(ODD_TEXTS)})
    )


def _written(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")
