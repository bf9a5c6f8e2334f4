"""Lists in a parameter: orders as JSON objects, ids as a JSON list. Numbers may come as numbers or as text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from paper_exchange import errors
from paper_exchange.requests.requests import Parameters, required

MAX_ORDERS = 5  # "Place Multiple Orders": order list, max 5
MAX_CANCELLED = 10  # "Cancel Multiple Orders": max length 10
MAX_EXPONENT = 20  # digits of the dialect's numbers on either side of the point: more stays as it is, and is refused later


def order_list(parameters: Parameters) -> list[dict[str, str]]:
    """The orders of `batchOrders` as parameters of one order each; raises `VenueError` -1102, -4082 unless one to five."""
    rows = _json_list(parameters, "batchOrders")
    if not 1 <= len(rows) <= MAX_ORDERS:
        raise errors.invalid_batch_size()
    return [_order(row) for row in rows]


def _order(row: object) -> dict[str, str]:
    if not isinstance(row, dict):
        raise errors.missing_parameter("batchOrders")
    return {name: _text(value) for name, value in row.items() if value is not None}


def id_list(parameters: Parameters) -> tuple[str, list[str]]:
    """The parameter that names one order, and the ids of `orderIdList`, or else of `origClientOrderIdList`.

    The venue takes these two names in small letters as well, which ccxt sends. Raises `VenueError` -1102, -4032 beyond ten.
    """
    spelt = {name.lower(): name for name in parameters}
    one = "orderId" if "orderidlist" in spelt else "origClientOrderId"
    name = spelt.get(f"{one.lower()}list", f"{one}List")
    ids = [_text(value) for value in _json_list(parameters, name)]
    if not ids:
        raise errors.missing_parameter(name)
    if len(ids) > MAX_CANCELLED:
        raise errors.too_many_to_cancel()
    return one, ids


def _json_list(parameters: Parameters, name: str) -> list[Any]:
    try:
        rows = json.loads(required(parameters, name), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise errors.missing_parameter(name) from None
    if not isinstance(rows, list):
        raise errors.missing_parameter(name)
    return rows


def _text(value: object) -> str:
    """A value as the query string has it; an object or a list becomes a text that no parameter takes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal) and abs(value.adjusted()) <= MAX_EXPONENT:
        return format(value, "f")
    return str(value)
