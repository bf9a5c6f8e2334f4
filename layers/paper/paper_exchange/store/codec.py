"""Frozen values to JSON and back, for the table: one adapter per value, built once, exact for Decimals."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from paper_exchange.accounts.account import Account, AlgoOrder, Fill, Income, MarginChange, Order, OrderChange
from paper_exchange.markets.state import ExchangeState


class CorruptRow(Exception):
    """A stored row that is not what was written; the message names fields and none of their values, which may be secret."""


class Codec[Value]:
    """JSON text of one type of value; text is checked when read, so a corrupt row is an error and not a wrong number."""

    def __init__(self, adapter: TypeAdapter[Value]) -> None:
        self._adapter = adapter

    def dump(self, value: Value) -> str:
        return self._adapter.dump_json(value).decode()

    def load(self, text: str) -> Value:
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            fields = sorted({".".join(map(str, problem["loc"][:1])) for problem in error.errors(include_input=False)})
            raise CorruptRow(f"malformed: {', '.join(fields)}") from None


ACCOUNT = Codec(TypeAdapter(Account))
ORDER = Codec(TypeAdapter(Order))
ALGO_ORDER = Codec(TypeAdapter(AlgoOrder))
FILL = Codec(TypeAdapter(Fill))
INCOME = Codec(TypeAdapter(Income))
CHANGE = Codec(TypeAdapter(OrderChange))
MARGIN_CHANGE = Codec(TypeAdapter(MarginChange))
STATE = Codec(TypeAdapter(ExchangeState))
