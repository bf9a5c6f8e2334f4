"""Ids as pure functions of the things that they identify, so that a repeat finds the records of the first attempt."""

from __future__ import annotations

import hashlib
from datetime import datetime

DIGEST_LENGTH = 32  # 128 bits in hex: no collision in any number of orders that can be placed
SYNTHETIC_TENANT = "candlecast-synthetic"  # the tenant of `candlecast synthetic`: no token speaks for it
TENTHS = 10  # of the turns of a signal, in which slippage is told: fine enough to show a slope, coarse enough for few followers
CLIENT_ORDER_ID_PREFIX = "cc"
CLIENT_ORDER_ID_LENGTH = 32  # OKX allows 32 letters and digits, Binance 36: the shorter bound fits every venue


def digest(*parts: str) -> str:
    """Hash the parts; each is length-prefixed, so no two different lists of parts meet."""
    sha = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        sha.update(len(encoded).to_bytes(4, "big"))
        sha.update(encoded)
    return sha.hexdigest()[:DIGEST_LENGTH]


def candle_signal_id(strategy_id: str, candle_close: datetime) -> str:
    """Id of the only signal that a strategy can give for a candle, or of the decision that all its versions share there."""
    return digest("candle-signal", strategy_id, candle_close.isoformat())


def received_signal_id(source_id: str, sender_key: str, window_start: datetime) -> str:
    """Id of a signal from outside: the sender's key for it, within the duplicate window that began at `window_start`."""
    return digest("received-signal", source_id, sender_key, window_start.isoformat())


def released_signal_id(signal_id: str) -> str:
    """Id of the signal that repeats a quarantined one: the same at every release."""
    return digest("released-signal", signal_id)


def version_signal_id(decision_id: str, number: int) -> str:
    """Id of the signal that one version of a strategy gives for a candle; `decision_id` is what its versions share there."""
    return digest("version-signal", decision_id, str(number))


def intent_id(order_root: str, subscription_id: str, leg: str) -> str:
    """Id of our durable record of one order leg; `order_root` is the signal's, or its own id for the legs behind an entry."""
    return digest("intent", order_root, subscription_id, leg)


def client_order_id(intent: str) -> str:
    """The id that the venue stores with the order: letters and digits only."""
    return (CLIENT_ORDER_ID_PREFIX + intent)[:CLIENT_ORDER_ID_LENGTH]


def event_id(account_id: str, version: int, index: int) -> str:
    """Id of the `index`-th event of the account's `version`-th state: the same at every delivery."""
    return digest("event", account_id, str(version), str(index))


def turn(signal_id: str, whose: str) -> str:
    """Sorts those whom a signal goes to: as a shuffle would, another order for each signal, the same at every repeat."""
    return digest("turn", signal_id, whose)


def turn_tenth(signal_id: str, whose: str) -> int:
    """The tenth of all turns of a signal that a turn falls in, from 1 (served first) to 10."""
    return (int(turn(signal_id, whose)[:8], 16) * TENTHS >> 32) + 1


def shard_position(subscription_id: str) -> str:
    """Four hex digits that place a subscription on the ring of shards, independent of its tenant."""
    return digest("shard", subscription_id)[:4]
