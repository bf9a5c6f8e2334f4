"""Events of an account without its keys: somebody trades by hand in the venue's own app, or the venue liquidates or settles.

The account's owner sees these orders as at the venue, signed by nobody's key. Client ids of orders by hand begin with
`web_`, those of liquidations with `autoclose-`, those of settlements with `settlement_autoclose-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paper_exchange.accounts.account import AlgoOrder, Order, Outcome, Side
from paper_exchange.errors import OperatorError
from paper_exchange.exchange import Exchange, Session
from paper_exchange.matching.conditional import cancel_algo_order, place_algo_order
from paper_exchange.matching.liquidation import Liquidation, liquidate
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.resting import cancel_order
from paper_exchange.matching.settlement import settle
from paper_exchange.operator.operations import TokenSource
from paper_exchange.operator.requests import HeldPosition
from paper_exchange.requests.requests import OrderReference, parse_algo_order, parse_order

CLIENT_ID_PREFIX = "web_"  # how the venue's own web app names its orders
CLIENT_ID_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Interventions:
    """The operator's hand in an account. All raise `OperatorError` ACCOUNT_UNKNOWN, and `VenueError` as a tenant would get it."""

    exchange: Exchange
    new_token: TokenSource

    def order(self, account_id: str, parameters: Mapping[str, str]) -> Order:
        """Place an order by hand; parameters are those of POST /fapi/v1/order."""
        request = parse_order({"newClientOrderId": self._client_id(), **parameters})
        return self.exchange.intervene(
            account_id, lambda session: place_order(session.account, request, session.quotes, session.stamp)
        )

    def algo_order(self, account_id: str, parameters: Mapping[str, str]) -> AlgoOrder:
        """Place a conditional order by hand; parameters are those of POST /fapi/v1/algoOrder."""
        given = {"algoType": "CONDITIONAL", "clientAlgoId": self._client_id(), **parameters}
        request = parse_algo_order(given)
        return self.exchange.intervene(
            account_id, lambda session: place_algo_order(session.account, request, session.quotes, session.stamp)
        )

    def close(self, account_id: str, held: HeldPosition) -> Order:
        """Close a position by hand, at market; raises `OperatorError` POSITION_UNKNOWN."""
        client_id = self._client_id()

        def decide(session: Session) -> tuple[Outcome, Order]:
            amount = session.account.position(held.symbol, held.position_side).amount
            if not amount:
                raise OperatorError("POSITION_UNKNOWN", f"no position in {held.symbol}", 404)
            parameters = {
                "symbol": held.symbol,
                "side": Side.SELL if amount > 0 else Side.BUY,
                "type": "MARKET",
                "quantity": format(abs(amount), "f"),
                "positionSide": held.position_side,
                "newClientOrderId": client_id,
            }
            return place_order(session.account, parse_order(parameters), session.quotes, session.stamp)

        return self.exchange.intervene(account_id, decide)

    def cancel(self, account_id: str, symbol: str, order_id: int) -> Order:
        """Cancel an order by hand."""
        reference = OrderReference(order_id, "")
        return self.exchange.intervene(
            account_id, lambda session: cancel_order(session.account, symbol, reference, session.stamp.wall_ms)
        )

    def cancel_algo(self, account_id: str, algo_id: int) -> AlgoOrder:
        """Cancel a conditional order by hand."""
        reference = OrderReference(algo_id, "")
        return self.exchange.intervene(
            account_id, lambda session: cancel_algo_order(session.account, reference, session.stamp.wall_ms)
        )

    def liquidate(self, account_id: str, held: HeldPosition) -> Order:
        """Liquidate a position at the market's price, at any margin; raises `OperatorError` POSITION_UNKNOWN."""

        def decide(session: Session) -> tuple[Outcome, Order | None]:
            account, quotes = session.account, session.quotes
            amount = account.position(held.symbol, held.position_side).amount
            if not amount:
                raise OperatorError("POSITION_UNKNOWN", f"no position in {held.symbol}", 404)
            price = quotes.spec(held.symbol).touch(quotes.last_price(held.symbol), buys=amount < 0)
            due = Liquidation(held.symbol, (held.position_side,), price, above=amount < 0)
            outcome = liquidate(account, due, price, quotes, session.stamp.wall_ms)
            return outcome, outcome.orders[-1] if outcome.fills else None

        while True:  # each turn closes one of a bounded number of orders, and the last turn the position
            order = self.exchange.intervene(account_id, decide)
            if order is not None:
                return order

    def settle(self, account_id: str, symbol: str) -> list[Order]:
        """End what an account has in a market at the mark price, as the venue does on the delivery date; the closing orders."""

        def decide(session: Session) -> tuple[Outcome, Outcome]:
            outcome = settle(session.account, symbol, session.quotes, session.stamp.wall_ms)
            return outcome, outcome

        closing: list[Order] = []
        while True:  # each turn ends one of a bounded number of orders and positions
            step = self.exchange.intervene(account_id, decide)
            if not step.closed:
                return closing
            closing.extend(step.orders if step.fills else ())

    def _client_id(self) -> str:
        return CLIENT_ID_PREFIX + self.new_token()[:CLIENT_ID_LETTERS]
