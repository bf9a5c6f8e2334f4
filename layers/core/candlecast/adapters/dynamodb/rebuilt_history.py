"""History as a rebuild writes it: a lost trade that its sums have counted is stored again and not counted again."""

from __future__ import annotations

from candlecast.adapters.dynamodb.history import DynamoHistory, put_if
from candlecast.domain.orders.intent import Intent
from candlecast.domain.orders.position import Trade


class RebuiltHistory(DynamoHistory):
    """`ports.store.History`.

    The sums of a subscription have a mark: the version of its account up to which trades are counted. All sums of a trade are
    written in one transaction, so the mark speaks for the records of strategies, too.
    """

    def put_trade(self, trade: Trade, version: int) -> None:
        row = self._trade_row(trade, version)
        stored = self._stored(row)
        if stored is not None and self._is_repeat(stored, row):
            return
        counted_up_to = self._counted_up_to(trade)
        if counted_up_to is None or counted_up_to < version:
            super().put_trade(trade, version)
            return
        put_if(row, self._unchanged(stored))

    def _count_rank(self, ended: Intent) -> None:
        """Count nothing: nobody knows whether the order was counted, and the sums of a signal end after a month."""
