"""Closing: positions and orders of this run and of runs before it are closed, and then the keys go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from candlecast.domain.orders.intent import LegKind
from candlecast.domain.values.errors import DomainError
from candlecast.domain.values.ids import intent_id
from candlecast_cli.synthetic.hops import Hop, HopFailed, Watch
from candlecast_cli.synthetic.sender import Sender
from candlecast_cli.synthetic.tenant import TENANT, Ports, Tenant, Trader

CLEAN_UP_SECONDS = 30.0  # beyond the run's own end
# All that stores, doors and AWS raise. The failure of the run itself is what people have to read.
TROUBLE = (DomainError, HopFailed, BotoCoreError, ClientError, PynamoDBException)


@dataclass(frozen=True, slots=True)
class Closing:
    """Closes positions and orders of the trader by exits, as a sender would."""

    ports: Ports
    watch: Watch
    tenant: Tenant
    trader: Trader
    sender: Sender

    def left_over(self) -> None:
        """Close what a run that died has left. Raises `HopFailed`."""
        if self.is_flat():
            return
        asked: list[str] = []

        def closed() -> bool | None:
            if not asked:
                asked.extend(map(self.sender.post_exit, sorted(self._markets())))
            return self.is_flat()

        self.watch.until(Hop.LEFT_OVER, closed)

    def is_flat(self) -> bool | None:
        """True if nothing is held or open, in the account and at the venue; else None."""
        account = self.ports.accounts.load(TENANT, self.trader.account_id)
        if account.positions or account.intents:
            return None
        return None if self.ports.paper.held() or self.ports.paper.open_orders() else True

    def finish(self, signal_id: str | None, *, may_be_open: bool) -> bool:
        """Close what may be open and take the keys away; whether both were done. Raises nothing of its own.

        Keys stay where something may be open, because stops and exits need them; the next run begins with closing it.
        `signal_id` is the entry's, as far as it is known.
        """
        look = partial(self._ended, signal_id, may_be_open=may_be_open)
        if not _quietly(look):
            _quietly(partial(self.sender.post_exit, self.trader.market.symbol))
        wait = partial(self.watch.wait, Hop.CLEAN_UP, look, CLEAN_UP_SECONDS, within_run=False)
        if not _quietly(wait):
            return False
        return _quietly(partial(self.tenant.keys().delete, TENANT, self.trader.account_id)) is not None

    def _ended(self, signal_id: str | None, *, may_be_open: bool) -> bool | None:
        """Whether all is flat for good: an entry that still waits in a queue could open something later."""
        if may_be_open:
            if signal_id is None:
                return None
            account = self.ports.accounts.load(TENANT, self.trader.account_id)
            if not account.knows(intent_id(signal_id, self.trader.subscription_id, LegKind.ENTRY)):
                return None
        return self.is_flat()

    def _markets(self) -> set[str]:
        account = self.ports.accounts.load(TENANT, self.trader.account_id)
        held = {it.market for it in account.positions.values()} | {it.market for it in account.intents.values()}
        return held or {self.trader.market.symbol}


def _quietly[T](act: Callable[[], T]) -> T | None:
    """The result of an act; None if it fails."""
    try:
        return act()
    except TROUBLE:
        return None
