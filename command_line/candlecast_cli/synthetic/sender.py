"""The sender of a run's signals, which follows each of them to the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.values.errors import Reject
from candlecast_cli.synthetic.hops import Hop, Watch
from candlecast_cli.synthetic.tenant import STRATEGY, TENANT, Ports, Trader

ENTRY = (Hop.ENTRY_WEBHOOK, Hop.ENTRY_SIGNAL, Hop.ENTRY_FAN_OUT, Hop.ENTRY_ORDER)
EXIT = (Hop.EXIT_WEBHOOK, Hop.EXIT_SIGNAL, Hop.EXIT_FAN_OUT, Hop.EXIT_ORDER)
Way = tuple[Hop, Hop, Hop, Hop]


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends as the source of the synthetic tenant's strategy."""

    ports: Ports
    watch: Watch
    trader: Trader

    def send(self, way: Way, body: Mapping[str, object]) -> str:
        """Send one message until it is taken; the id of its signal. Raises `HopFailed`."""
        named = self._named(body)  # by its name a repeat is the same message
        return self.watch.until(way[0], lambda: self._post(named))

    def follow(self, way: Way, signal_id: str) -> None:
        """Wait until the signal is stored and its one order is queued. Raises `HopFailed`."""
        self.watch.until(way[1], lambda: self.ports.signals.get_signal(signal_id))
        self.watch.until(way[2], partial(self._fanned_out, signal_id))

    def decided(self, way: Way, leg: str) -> Account:
        """The account, once it knows the leg. Raises `HopFailed`, also for an order that ended before it reached the account."""
        return self.watch.until(way[3], partial(self._knows, leg))

    def post_exit(self, market: str) -> str:
        """Send an exit once and wait for nothing; the id of its signal. Raises `Reject`, `RetryLater`."""
        return self._post(self._named(exit_of(market)))

    def _named(self, body: Mapping[str, object]) -> dict[str, object]:
        return {**body, "signal_id": self.ports.identifiers.new()}

    def _post(self, body: Mapping[str, object]) -> str:
        return self.ports.webhook.send(STRATEGY, self.trader.secret, body)

    def _fanned_out(self, signal_id: str) -> bool | None:
        report = self.ports.signals.shard_report(signal_id, 0)
        if report is None or not report.is_complete:
            return None
        if report.quarantined:
            raise Reject("QUARANTINED", "the firewall has judged the signal implausible, so nothing was sent")
        if report.orders != 1:
            raise Reject("NO_ORDER", f"{report.orders} orders instead of one; skipped: {dict(report.skipped)}")
        return True

    def _knows(self, leg: str) -> Account:
        account = self.ports.accounts.load(TENANT, self.trader.account_id)
        if account.knows(leg):
            return account
        ended = self.ports.history.get_order(TENANT, leg)
        raise Reject(ended.denial.reason if ended.denial is not None else ended.state, f"the order ended as {ended.state}")


def exit_of(market: str) -> dict[str, str]:
    """The message that closes either side in a market."""
    return {"action": "EXIT", "market": market}
