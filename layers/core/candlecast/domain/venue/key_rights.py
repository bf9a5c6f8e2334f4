"""Say what a venue's key may do, and which of its rights keep the key out of trade.

A key that may move money away is worth stealing, and we need no such right. A key without futures would only fail later.
Rights of other markets (spot, margin, options, FIX) are no concern of ours: they move nothing out of the account.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.reasons import Reason

# In the order in which an owner should put them right.
RIGHTS_REFUSED = (Reason.KEY_MAY_WITHDRAW, Reason.KEY_MAY_TRANSFER, Reason.KEY_CANNOT_TRADE)


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

    @property
    def refused(self) -> tuple[Reason, ...]:
        """Why entries with this key are denied; empty for a key with the right rights."""
        broken = (self.withdraws, self.transfers, not self.trades)
        return tuple(reason for reason, is_broken in zip(RIGHTS_REFUSED, broken, strict=True) if is_broken)


GOOD_RIGHTS = KeyRights(withdraws=False, transfers=False, trades=True, is_bound=True)
