"""The rights of a venue's key, as far as they concern us.

A key that may move money away is worth stealing, and we need no such right. A key without futures would only fail later.
Rights of other markets (spot, margin, options, FIX) are no concern of ours: they move nothing out of the account.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KeyRights:
    """The rights of one key, as its venue tells them."""

    withdraws: bool
    """Whether the key can send money out of the venue."""
    transfers: bool
    """Whether the key can move money to another account or another wallet of the venue."""
    trades: bool
    """Whether the key can read the account and trade futures."""
    is_bound: bool
    """Whether the key works from named addresses only."""


GOOD_RIGHTS = KeyRights(withdraws=False, transfers=False, trades=True, is_bound=True)
